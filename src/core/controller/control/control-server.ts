import * as v from 'valibot';
import { failure } from '../../foundation/foundation.js';
import type { Channel, Listener, Message } from '../../ports/ports.js';
import { handlers } from '../handlers.js';
import type { Controller } from '../open-controller.js';
import {
  CONTROL_VERSION,
  clientMessageSchema,
  controlAddress,
  failureToWire,
  type ServerMessage,
} from './control-protocol.js';
import type { RequestCode, Requests } from './requests.js';

/** How long a leaving controller waits for its clients to hang up, and how often it looks. */
const HANG_UP_MS = 500;
const HANG_UP_LOOK_MS = 2;

/** Serves a controller's requests to other processes. */
export class ControlServer {
  readonly #controller: Controller;
  readonly #channels = new Set<Channel>();
  #listener: Listener | undefined;
  #leaving = false;
  #running = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  async start(): Promise<void> {
    const address = controlAddress(this.#controller.place);
    const listener = await this.#controller.ports.link.listen(address, (channel) => this.#welcome(channel));
    if (this.#leaving) await listener.close();
    else this.#listener = listener;
  }

  /** New requests are answered `moved`; those begun are ended first (H28). */
  async stop(): Promise<void> {
    this.#leaving = true;
    await this.#listener?.close();
    while (this.#running > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * After the system was let go. A request may be on its way to us at this moment: its sender is told to ask elsewhere, and only when
   * all have hung up, or do not in time, are the channels closed. A write cut off unanswered would be one of unknown outcome.
   */
  async closeChannels(): Promise<void> {
    const { clock } = this.#controller.ports;
    for (const channel of this.#channels) void reply(channel, { type: 'leaving' });
    const deadlineMs = clock.monotonicMs() + HANG_UP_MS;
    while (this.#channels.size > 0 && clock.monotonicMs() < deadlineMs) await clock.sleep(HANG_UP_LOOK_MS);
    for (const channel of this.#channels) channel.close();
  }

  #welcome(channel: Channel): void {
    this.#channels.add(channel);
    const cancels = new Map<string, AbortController>();
    channel.onMessage((message) => void this.#receive(channel, message, cancels));
    channel.onClose(() => {
      this.#channels.delete(channel);
      // Who went away no longer waits; what has an effect goes on to its end.
      for (const cancel of cancels.values()) cancel.abort();
    });
  }

  async #receive(channel: Channel, message: Message, cancels: Map<string, AbortController>): Promise<void> {
    const parsed = v.safeParse(clientMessageSchema, message.head);
    if (!parsed.success) {
      channel.close();
      return;
    }
    const head = parsed.output;
    if (head.type === 'cancel') {
      cancels.get(head.id)?.abort();
      return;
    }
    if (this.#leaving) {
      await reply(channel, { type: 'moved', id: head.id });
      return;
    }
    const cancel = new AbortController();
    cancels.set(head.id, cancel);
    this.#running += 1;
    try {
      await this.#answer(channel, head, message, cancel.signal);
    } finally {
      cancels.delete(head.id);
      this.#running -= 1;
      if (this.#running === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
    }
  }

  async #answer(
    channel: Channel,
    head: {
      id: string;
      version: number;
      code: string;
      actor: string;
      input: Record<string, unknown>;
      progress: boolean;
    },
    { data, giveBack }: Message,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      if (head.version !== CONTROL_VERSION)
        throw failure(
          'format-too-new',
          `The other copyset speaks version ${head.version} of the control protocol, this one ${CONTROL_VERSION}.`,
          'Use the same copyset for both.',
        );
      if (!(head.code in handlers)) throw failure('usage', `There is no request ${head.code}.`);
      const code = head.code as RequestCode;
      const onProgress = head.progress
        ? (progress: unknown) => void reply(channel, { type: 'progress', id: head.id, progress })
        : undefined;
      const answered = await this.#controller.handle(
        code,
        head.input as Requests[typeof code]['input'],
        { data, giveBack, signal, ...(onProgress ? { onProgress } : {}) },
        { id: head.id, actor: head.actor },
      );
      await reply(channel, { type: 'answer', id: head.id, output: answered.output }, answered.data);
    } catch (error) {
      await reply(channel, { type: 'failure', id: head.id, error: failureToWire(error) });
    }
  }
}

/** A peer that went away gets no answer; that is its own doing. */
async function reply(channel: Channel, head: ServerMessage, data?: Uint8Array): Promise<void> {
  await channel.send(data ? { head, data } : { head }).catch(() => undefined);
}
