import { MESSAGE_MAX_BYTES } from '../../../src/core/foundation/foundation.js';
import { type Channel, type Link, LinkError, type Listener, type Message } from '../../../src/core/ports/ports.js';
import type { Rng } from './rng.js';
import type { SimProcess } from './sim-process.js';
import type { SimScheduler } from './sim-scheduler.js';
import { Weather } from './weather.js';
import { WireCopy } from './wire-copy.js';

/** One end of a connection. Messages queue in their order; when one of them arrives is the scheduler's choice. */
class SimChannel implements Channel {
  readonly #process: SimProcess;
  readonly #scheduler: SimScheduler;
  readonly #weather: Weather;
  #peer: SimChannel | undefined;
  /** Sent by the other end, not yet delivered here. */
  readonly #incoming: Message[] = [];
  #early: Message[] = [];
  #listener: ((message: Message) => void) | undefined;
  readonly #onClose: ((reason?: Error) => void)[] = [];
  #closed: { readonly reason: Error | undefined } | undefined;

  constructor(process: SimProcess, scheduler: SimScheduler, rng: Rng, weather: Weather) {
    this.#process = process;
    this.#scheduler = scheduler;
    this.#weather = weather;
    process.onEnd(() => this.cut(new LinkError('closed', 'the other process is gone'), rng));
  }

  static pair(
    ends: readonly [SimProcess, SimProcess],
    scheduler: SimScheduler,
    rng: Rng,
    weather: Weather,
  ): [SimChannel, SimChannel] {
    const near = new SimChannel(ends[0], scheduler, rng, weather);
    const far = new SimChannel(ends[1], scheduler, rng, weather);
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  async send(message: Message): Promise<void> {
    this.#process.assertAlive();
    if (this.#closed !== undefined) throw new LinkError('closed', 'the connection is closed');
    const head = new WireCopy(message.head);
    const sizeBytes = Math.max(bytesOf(head), message.data?.length ?? 0);
    if (sizeBytes > MESSAGE_MAX_BYTES) throw new LinkError('too-large', `a message of ${sizeBytes} bytes`);
    const copy: Message = { head: head.value, data: message.data?.slice() };
    const peer = this.#peer as SimChannel;
    const fate = this.#weather.fateOf(this.#process.name, peer.#process.name);
    if (fate === undefined) {
      const arrives = () => {
        peer.#incoming.push(copy);
        this.#scheduler.later(peer.#process, () => peer.#deliverNext());
      };
      if (!this.#weather.keeps(this.#process.name, peer.#process.name, arrives)) arrives();
    } else
      for (const lateMs of fate)
        this.#scheduler.after(peer.#process, lateMs, () => peer.#deliver(structuredClone(copy)));
    await new Promise<void>((resolve) => this.#scheduler.soon(this.#process, resolve));
  }

  onMessage(listener: (message: Message) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const message of early) listener(message);
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#closed !== undefined) listener(this.#closed.reason);
    else this.#onClose.push(listener);
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#end(undefined);
    (this.#peer as SimChannel).#endAfterIncoming(undefined);
  }

  /** The connection breaks: what is under way arrives in part. */
  cut(reason: Error, rng: Rng): void {
    if (this.#closed !== undefined) return;
    for (const end of [this, this.#peer as SimChannel]) {
      end.#incoming.length = rng.below(end.#incoming.length + 1);
    }
    this.#endAfterIncoming(reason);
    (this.#peer as SimChannel).#endAfterIncoming(reason);
  }

  #deliverNext(): void {
    const message = this.#incoming.shift();
    if (message === undefined || this.#closed !== undefined) return;
    this.#deliver(message);
  }

  #deliver(message: Message): void {
    if (this.#listener === undefined) this.#early.push(message);
    else this.#listener(message);
  }

  /** Like a socket: what was sent before the end is read first. */
  #endAfterIncoming(reason: Error | undefined): void {
    const end = () => {
      while (this.#incoming.length > 0 && this.#closed === undefined) this.#deliverNext();
      this.#end(reason);
    };
    this.#scheduler.later(this.#process, end);
  }

  #end(reason: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { reason };
    if (!this.#process.alive) return;
    for (const listener of this.#onClose) listener(reason);
  }
}

/** Counted only where it may matter. */
function bytesOf({ value, mostBytes }: WireCopy): number {
  return mostBytes <= MESSAGE_MAX_BYTES ? mostBytes : Buffer.byteLength(JSON.stringify(value));
}

interface Listening {
  readonly process: SimProcess;
  readonly onChannel: (channel: Channel) => void;
}

/** Which process listens where, and every connection between them. */
export class SimNetwork {
  readonly listening = new Map<string, Listening>();
  readonly channels = new Map<string, Set<SimChannel>>();
  readonly weather: Weather;
  readonly #unreachable = new Set<string>();
  readonly #scheduler: SimScheduler;
  readonly #rng: Rng;

  constructor(scheduler: SimScheduler, rng: Rng) {
    this.#scheduler = scheduler;
    this.#rng = rng;
    this.weather = new Weather(rng);
  }

  /** Breaks every connection to the address; new ones fail until it is healed. */
  cut(address: string): void {
    this.#unreachable.add(address);
    for (const channel of this.channels.get(address) ?? []) {
      channel.cut(new LinkError('closed', 'the link is cut'), this.#rng);
    }
    this.channels.delete(address);
  }

  heal(address: string): void {
    this.#unreachable.delete(address);
  }

  connect(from: SimProcess, address: string): SimChannel | undefined {
    const there = this.listening.get(address);
    if (there === undefined || !there.process.alive || this.#unreachable.has(address)) return undefined;
    if (this.weather.areApart(from.name, there.process.name)) return undefined;
    const [near, far] = SimChannel.pair([from, there.process], this.#scheduler, this.#rng, this.weather);
    const known = this.channels.get(address) ?? new Set();
    known.add(near);
    this.channels.set(address, known);
    this.#scheduler.soon(there.process, () => there.onChannel(far));
    return near;
  }
}

export class SimLink implements Link {
  readonly #network: SimNetwork;
  readonly #process: SimProcess;

  constructor(network: SimNetwork, process: SimProcess) {
    this.#network = network;
    this.#process = process;
  }

  async listen(address: string, onChannel: (channel: Channel) => void): Promise<Listener> {
    this.#process.assertAlive();
    const own: Listening = { process: this.#process, onChannel };
    await this.#process.settle(() => {
      this.#network.listening.set(address, own);
    });
    const close = async () => {
      if (this.#network.listening.get(address) === own) this.#network.listening.delete(address);
      await this.#process.settle(() => {});
    };
    return { address, close };
  }

  async connect(address: string): Promise<Channel> {
    this.#process.assertAlive();
    let channel: SimChannel | undefined;
    await this.#process.settle(() => {
      channel = this.#network.connect(this.#process, address);
    });
    if (channel === undefined) throw new LinkError('no-listener', `nobody listens at ${address}`);
    return channel;
  }
}
