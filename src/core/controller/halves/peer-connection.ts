import { failure, isToolkitError } from '../../foundation/foundation.js';
import { type Grant, LinkError } from '../../ports/ports.js';
import { type ControlChannel, connectChannel } from '../control/control-client.js';
import { OwnController } from '../control/own-controller.js';
import type { Answered, RequestCode, RequestExtras, Requests } from '../control/requests.js';
import { Controller } from '../open-controller.js';
import { acquireSystem, ownedByOther, type Ports, type SystemPlace } from '../system-place.js';

/** A connection to a peer's controller. One that is closed is never used again: the next order opens another. */
export interface PeerConnection {
  readonly isClosed: boolean;
  /** A borrowed peer was given up to a process that came to serve it. */
  readonly yielded: boolean;
  /** Throws `link-lost` where no answer came; nothing is ever sent twice by itself (H4). */
  request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Answered<Code>>;
  close(): Promise<void>;
}

export type Reach = (ports: Ports, place: SystemPlace, mayBorrow: boolean) => Promise<PeerConnection>;

const TRIES_MS = 1_000;
const RETRY_MS = 5;
/** An owner that takes longer to answer is not waited for: it serves, or it hangs. */
const YIELD_ANSWER_MS = 250;

/** A controller that reaches its peers by the same ways as commands reach it. */
export function openedController(ports: Ports, place: SystemPlace, grant: Grant): Promise<Controller> {
  return Controller.open(ports, place, grant, reachPeer);
}

/**
 * Connects to a peer's running controller, or, where nobody owns the peer, opens it here. A borrowed controller yields to a process
 * that comes to serve (H27). `mayBorrow` is false for a moment after it did.
 */
export const reachPeer: Reach = async (ports, place, mayBorrow) => {
  const deadlineMs = ports.clock.monotonicMs() + TRIES_MS;
  for (;;) {
    const connected = await connect(ports, place);
    if (connected) return connected;
    if (mayBorrow) {
      const answer = await acquireSystem(ports, place, 'link');
      if (answer.kind === 'granted')
        return borrow(new OwnController(await openedController(ports, place, answer.grant)));
      if (answer.kind === 'foreign') throw ownedByOther(place, 'foreign', answer.owner);
    }
    if (ports.clock.monotonicMs() >= deadlineMs) throw lost(place, 'its controller does not answer');
    await ports.clock.sleep(RETRY_MS);
  }
};

/** Asks a borrowing owner to let go, for the sake of one that serves. Whoever it is, it may refuse or not answer. */
export async function askToYield(ports: Ports, place: SystemPlace): Promise<void> {
  const stop = new AbortController();
  try {
    const channel = await connectChannel(ports, place);
    const answer = channel.send(ports.random.id(), ports.actor, 'system.yield', {}, {});
    await Promise.race([answer, ports.clock.sleep(YIELD_ANSWER_MS, stop.signal)]);
    channel.close();
  } catch (error) {
    if (!(error instanceof LinkError) && !isToolkitError(error)) throw error;
  } finally {
    stop.abort();
  }
}

async function connect(ports: Ports, place: SystemPlace): Promise<PeerConnection | undefined> {
  try {
    return overChannel(ports, place, await connectChannel(ports, place));
  } catch (error) {
    if (error instanceof LinkError) return undefined;
    throw error;
  }
}

function overChannel(ports: Ports, place: SystemPlace, channel: ControlChannel): PeerConnection {
  let isClosed = false;
  return {
    yielded: false,
    get isClosed() {
      return isClosed || channel.isGone;
    },
    async request(code, input, extras = {}) {
      const sent = await channel.send(ports.random.id(code), ports.actor, code, input, extras);
      if (sent.kind === 'answered') return { output: sent.output, data: sent.data } as Answered<typeof code>;
      isClosed = true;
      channel.close();
      throw lost(place, 'its controller went away');
    },
    async close() {
      isClosed = true;
      channel.close();
    },
  };
}

function borrow(own: OwnController): PeerConnection {
  let isClosed = false;
  let yielded = false;
  const close = async () => {
    isClosed = true;
    await own.close();
  };
  own.controller.onYield = () => {
    yielded = true;
    // What fails in letting go is found by the next who opens the system.
    close().catch(() => undefined);
  };
  return {
    get isClosed() {
      return isClosed;
    },
    get yielded() {
      return yielded;
    },
    async request(code, input, extras = {}) {
      if (isClosed) throw lost(own.controller.place, 'its controller moved');
      return own.controller.request(code, input, extras);
    },
    close,
  };
}

function lost(place: SystemPlace, why: string): Error {
  return failure(
    'link-lost',
    `Storage system ${place.name} cannot be reached: ${why}.`,
    `copyset system show ${place.name} tells who owns it.`,
  );
}
