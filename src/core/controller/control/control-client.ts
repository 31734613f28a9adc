import * as v from 'valibot';
import { failure } from '../../foundation/foundation.js';
import { type Channel, LinkError, type Message } from '../../ports/ports.js';
import type { Ports, SystemPlace } from '../system-place.js';
import {
  type ClientMessage,
  CONTROL_VERSION,
  controlAddress,
  failureFromWire,
  serverMessageSchema,
} from './control-protocol.js';
import type { Answered, Progress, RequestCode, RequestExtras, Requests, SystemClient } from './requests.js';

/** What became of a request that went over a channel. */
export type Sent =
  | { readonly kind: 'answered'; readonly output: unknown; readonly data?: Uint8Array | undefined }
  /** The controller is leaving; it did nothing. */
  | { readonly kind: 'moved' }
  /** The channel closed before an answer; it may have been done. */
  | { readonly kind: 'lost' };

interface Waiting {
  readonly resolve: (sent: Sent) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** A channel to a running controller. */
export class ControlChannel {
  readonly #channel: Channel;
  readonly #waiting = new Map<string, Waiting>();
  #closed = false;
  #leaving = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onMessage((message) => this.#receive(message));
    channel.onClose(() => {
      this.#closed = true;
      for (const waiting of this.#waiting.values()) waiting.resolve({ kind: 'lost' });
      this.#waiting.clear();
    });
  }

  async send(
    id: string,
    actor: string,
    code: RequestCode,
    input: Requests[RequestCode]['input'],
    extras: RequestExtras,
  ): Promise<Sent> {
    if (this.#closed || this.#leaving) return { kind: 'moved' };
    const head: ClientMessage = {
      type: 'request',
      version: CONTROL_VERSION,
      id,
      code,
      actor,
      input,
      progress: extras.onProgress !== undefined,
    };
    const sent = new Promise<Sent>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject, onProgress: extras.onProgress }),
    );
    // It may be refused before it is written to its end, while nobody looks at the answer yet.
    sent.catch(() => undefined);
    const cancel = () =>
      void this.#channel.send({ head: { type: 'cancel', id } satisfies ClientMessage }).catch(() => undefined);
    extras.signal?.addEventListener('abort', cancel, { once: true });
    try {
      await this.#channel.send(extras.data ? { head, data: extras.data } : { head });
      return await sent;
    } catch (error) {
      // A write may fail before the end of its connection is told.
      if (this.#closed || (error instanceof LinkError && error.fault === 'closed')) return { kind: 'lost' };
      throw error;
    } finally {
      this.#waiting.delete(id);
      this.#closeWhenLeft();
      extras.signal?.removeEventListener('abort', cancel);
    }
  }

  /** Its other end went away, or is leaving: a request would find nobody. */
  get isGone(): boolean {
    return this.#closed || this.#leaving;
  }

  close(): void {
    this.#channel.close();
  }

  /** The other end waits for this, so that nothing that was sent to it is cut off unanswered. */
  #closeWhenLeft(): void {
    if (this.#leaving && this.#waiting.size === 0) this.#channel.close();
  }

  #receive(message: Message): void {
    const parsed = v.safeParse(serverMessageSchema, message.head);
    if (!parsed.success) {
      this.#channel.close();
      return;
    }
    const head = parsed.output;
    if (head.type === 'leaving') {
      this.#leaving = true;
      this.#closeWhenLeft();
      return;
    }
    const waiting = this.#waiting.get(head.id);
    if (!waiting) return;
    if (head.type === 'progress') waiting.onProgress?.(head.progress as Progress);
    else if (head.type === 'answer') waiting.resolve({ kind: 'answered', output: head.output, data: message.data });
    else if (head.type === 'moved') waiting.resolve({ kind: 'moved' });
    else waiting.reject(failureFromWire(head.error));
  }
}

/** Connects to the running controller of a system. Rejects with LinkError `no-listener` when there is none. */
export async function connectChannel(ports: Pick<Ports, 'link'>, place: SystemPlace): Promise<ControlChannel> {
  return new ControlChannel(await ports.link.connect(controlAddress(place)));
}

/** A client of a running controller that does not look for the next one when it leaves. */
export async function connectClient(ports: Ports, place: SystemPlace): Promise<SystemClient> {
  const channel = await connectChannel(ports, place);
  return {
    request: async <Code extends RequestCode>(
      code: Code,
      input: Requests[Code]['input'],
      extras: RequestExtras = {},
    ) => {
      const sent = await channel.send(ports.random.id(), ports.actor, code, input, extras);
      if (sent.kind === 'answered') return { output: sent.output, data: sent.data } as Answered<Code>;
      throw failure('link-lost', `The controller of storage system ${place.name} went away.`, 'Run the command again.');
    },
    close: async () => channel.close(),
  };
}
