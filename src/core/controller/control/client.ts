import { failure, isToolkitError } from '../../foundation/foundation.js';
import { type GrantAnswer, LinkError, type OwnerRecord } from '../../ports/ports.js';
import { askToYield, openedController } from '../halves/peer-connection.js';
import { UnownedSystem } from '../read-only.js';
import { acquireSystem, ownedByOther, type Ports, type SystemPlace } from '../system-place.js';
import { type ControlChannel, connectChannel } from './control-client.js';
import { OwnController } from './own-controller.js';
import type { Answered, RequestCode, RequestExtras, Requests, SystemClient } from './requests.js';

export interface ClientOptions {
  /** What the owner record says this process does: `pair create`. */
  readonly purpose: string;
  /** How long to wait for an owner that neither answers nor lets go. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** No armed crash step ends this process: it came to set or clear them. */
  readonly unharmed?: boolean | undefined;
}

const TIMEOUT_DEFAULT_MS = 10_000;
const RETRY_MS = 10;
/** The purpose of an owner that stays until it is told to stop. */
const STAYS = 'serve';

/**
 * A client of a system: of its running controller where there is one, else of the controller that this process becomes. Where the
 * running controller leaves, the client finds the next owner, or becomes it.
 */
export async function openClient(ports: Ports, place: SystemPlace, options: ClientOptions): Promise<SystemClient> {
  const client = new ResolvingClient(ports, place, options);
  await client.resolve();
  return client;
}

/**
 * Becomes the controller of a system and stays it until closed, serving others from the start. A command that owns the system is
 * waited for, and so is a server that is leaving. Throws `busy` when it does not let go in time, and at once for a server that stays.
 */
export async function openOwner(ports: Ports, place: SystemPlace, options: ClientOptions): Promise<OwnController> {
  const deadlineMs = ports.clock.monotonicMs() + (options.timeoutMs ?? TIMEOUT_DEFAULT_MS);
  for (;;) {
    const answer = await acquireSystem(ports, place, options.purpose);
    if (answer.kind === 'granted') {
      const own = new OwnController(await openedController(ports, place, answer.grant), 0);
      // Hosts that come to a primary which was replaced while it was away are to find that out first.
      await own.controller.halves.greetAll();
      await own.serving();
      return own;
    }
    if (answer.kind === 'held' && answer.owner.purpose === STAYS) {
      // One that leaves answers that the system has moved.
      const channel = await answeringChannel(ports, place, deadlineMs);
      channel?.close();
      if (channel) throw ownedByOther(place, 'held', answer.owner);
    }
    if (answer.kind === 'held') await askToYield(ports, place);
    await patience(ports, place, answer, deadlineMs, options.signal);
  }
}

class ResolvingClient implements SystemClient {
  readonly #ports: Ports;
  readonly #place: SystemPlace;
  readonly #options: ClientOptions;
  #own: OwnController | undefined;
  #unowned: UnownedSystem | undefined;
  #channel: ControlChannel | undefined;

  constructor(ports: Ports, place: SystemPlace, options: ClientOptions) {
    this.#ports = ports;
    this.#place = place;
    this.#options = options;
  }

  /** Finds who owns the system, or becomes it. Throws `busy`, `held-elsewhere`, `interrupted`. */
  async resolve(): Promise<void> {
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + (this.#options.timeoutMs ?? TIMEOUT_DEFAULT_MS);
    for (;;) {
      const answer = await this.#acquire();
      if (!answer) return;
      if (answer.kind === 'granted') {
        const ports = this.#options.unharmed ? { ...this.#ports, die: null } : this.#ports;
        this.#own = new OwnController(await openedController(ports, this.#place, answer.grant));
        return;
      }
      this.#channel = await answeringChannel(this.#ports, this.#place, deadlineMs);
      if (this.#channel) return;
      await patience(this.#ports, this.#place, answer, deadlineMs, this.#options.signal);
    }
  }

  /** Undefined where the system can be looked at alone. */
  async #acquire(): Promise<GrantAnswer | undefined> {
    try {
      return await acquireSystem(this.#ports, this.#place, this.#options.purpose);
    } catch (error) {
      if (!isToolkitError(error, 'read-only')) throw error;
      this.#unowned = new UnownedSystem(this.#ports, this.#place, error);
      return undefined;
    }
  }

  async request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras: RequestExtras = {},
  ): Promise<Answered<Code>> {
    const id = this.#ports.random.id(code);
    for (;;) {
      if (this.#own) return this.#own.controller.handle(code, input, extras, { id, actor: this.#ports.actor });
      if (this.#unowned) return this.#unowned.request(code, input, extras);
      if (!this.#channel) await this.resolve();
      if (!this.#channel) continue;
      const sent = await this.#channel.send(id, this.#ports.actor, code, input, extras);
      if (sent.kind === 'answered') return { output: sent.output, data: sent.data } as Answered<Code>;
      this.#channel = undefined;
      // Its id makes a request safe to send again; a host's write is never repeated blindly (H28).
      if (sent.kind === 'lost' && code === 'volume.write') {
        throw failure(
          'outcome-unknown',
          `The controller of storage system ${this.#place.name} went away before it answered; the write may or may not have been made.`,
          'Read the volume back before you write it again.',
        );
      }
    }
  }

  async close(): Promise<void> {
    this.#channel?.close();
    await this.#own?.close();
    await this.#unowned?.close();
  }
}

/** A channel counts when its other end answers: one that was stopped still has its socket, and would be waited for for ever. */
async function answeringChannel(
  ports: Ports,
  place: SystemPlace,
  deadlineMs: number,
): Promise<ControlChannel | undefined> {
  const { clock, random, actor } = ports;
  const stop = new AbortController();
  try {
    const channel = await connectChannel(ports, place);
    const late = clock.sleep(Math.max(0, deadlineMs - clock.monotonicMs()), stop.signal).then(() => undefined);
    const answer = await Promise.race([channel.send(random.id(), actor, 'system.show', {}, {}), late]);
    if (answer?.kind === 'answered') return channel;
    channel.close();
    return undefined;
  } catch (error) {
    if (error instanceof LinkError) return undefined;
    throw error;
  } finally {
    stop.abort();
  }
}

async function patience(
  ports: Ports,
  place: SystemPlace,
  answer: Exclude<GrantAnswer, { kind: 'granted' }>,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const owner: OwnerRecord = answer.owner;
  if (answer.kind === 'foreign') throw ownedByOther(place, 'foreign', owner);
  if (ports.clock.monotonicMs() >= deadlineMs) throw ownedByOther(place, 'held', owner);
  if ((await ports.clock.sleep(RETRY_MS, signal)) === 'aborted') {
    throw failure('interrupted', 'Stopped while waiting for the storage system.');
  }
}
