import { HostConnection } from './hosts-client.js';

export const BLOCK_BYTES = 4096;
/** A block is a word of its load and connection, then its number, over and over. */
const MARK = 0xb000_0000;
/** Each load of a process has a word of its own, so that the blocks of earlier ones are none of its own. */
let loads = 0;
/** Writes of one connection under way at the same time. */
const DEPTH = 8;

/** One write in the order of events that the host saw: when it was issued, and when it was answered. */
interface Write {
  readonly issued: number;
  completed: number;
}

/**
 * A host that writes numbered blocks over several connections without a pause, all over one volume and round and round: block `k` of a
 * connection lies in its slot `k % slots`. A slot is not written again before its last write is answered, as a host would not.
 */
export class NumberedLoad {
  readonly #connections: readonly HostConnection[];
  readonly #slots: number;
  readonly #writes: Write[][];
  readonly #busy: Set<number>[];
  readonly #completedMs: number[] = [];
  readonly #mark = MARK + (loads++ << 8);
  #event = 0;
  #flushes = 0;
  #stopping = false;
  #running: Promise<unknown> = Promise.resolve();
  /** What ended a connection, other than `stop`. */
  readonly failures: unknown[] = [];

  private constructor(connections: readonly HostConnection[], sizeBytes: number) {
    this.#connections = connections;
    this.#slots = Math.floor(sizeBytes / BLOCK_BYTES / connections.length);
    this.#writes = connections.map(() => []);
    this.#busy = connections.map(() => new Set());
  }

  static async start(socket: string, exportName: string, options: { connections: number; flushes?: boolean }) {
    const opened = Array.from({ length: options.connections }, () => HostConnection.open(socket, exportName));
    const connections = await Promise.all(opened);
    const load = new NumberedLoad(connections, connections[0]?.sizeBytes ?? 0);
    const writers = connections.flatMap((connection, index) => [
      ...Array.from({ length: DEPTH }, () => load.#write(connection, index)),
      ...(options.flushes ? [load.#flush(connection)] : []),
    ]);
    load.#running = Promise.all(writers);
    return load;
  }

  /** How many writes were answered. */
  get completed(): number {
    return this.#completedMs.length;
  }

  get flushes(): number {
    return this.#flushes;
  }

  /** A moment in the order of events: what is issued from now on comes after it. */
  now(): number {
    this.#event += 1;
    return this.#event;
  }

  /** Resolves when so many more writes were answered, or a connection failed. */
  async more(writes: number): Promise<void> {
    const until = this.completed + writes;
    while (this.completed < until && this.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  /** Resolves when everything that was issued is answered, or failed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    for (const connection of this.#connections) connection.close();
  }

  /** The longest time without any answer between two moments of `performance.now()`. */
  longestPauseMs(fromMs: number, untilMs: number): number {
    const times = [fromMs, ...this.#completedMs.filter((time) => time > fromMs && time < untilMs), untilMs];
    return times.reduce((longest, time, i) => Math.max(longest, time - (times[i - 1] ?? time)), 0);
  }

  /**
   * What an image holds must be a cut through the order of events: whatever was completed before some write that is in it was issued
   * is in it too. Returns the bounds of that instant: it lies behind `from` and before `until`.
   */
  cutOf(image: Buffer): { from: number; until: number; torn: string[] } {
    const cut = { from: 0, until: Number.POSITIVE_INFINITY, torn: [] as string[] };
    this.#eachSlot(image, (place, slot, writes, number) => {
      if (number === undefined) cut.torn.push(place);
      else {
        cut.from = Math.max(cut.from, writes[number]?.issued ?? 0);
        const next = writes[number < 0 ? slot : number + this.#slots];
        cut.until = Math.min(cut.until, next?.completed ?? Number.POSITIVE_INFINITY);
      }
    });
    return cut;
  }

  /** The places whose block is older than the last answered write there. What was under way may be there, whole or in part, or not. */
  lostIn(image: Buffer): string[] {
    const lost: string[] = [];
    this.#eachSlot(image, (place, slot, writes, number) => {
      let wanted = slot + Math.floor((writes.length - 1 - slot) / this.#slots) * this.#slots;
      const last = writes[wanted];
      const isUnderWay = last !== undefined && !Number.isFinite(last.completed);
      if (isUnderWay) wanted -= this.#slots;
      if (number === undefined ? !isUnderWay : number < Math.max(wanted, -1))
        lost.push(`${place}: ${number}, not ${wanted}`);
    });
    return lost;
  }

  /** Every place that was written, with the number of the block that the image has there: -1 for what was there before. */
  #eachSlot(
    image: Buffer,
    look: (place: string, slot: number, writes: readonly Write[], number: number | undefined) => void,
  ): void {
    this.#writes.forEach((writes, connection) => {
      for (let slot = 0; slot < Math.min(this.#slots, writes.length); slot += 1) {
        const block = image.subarray(this.#offset(connection, slot)).subarray(0, BLOCK_BYTES);
        const number = numberIn(block, this.#mark + connection);
        const isItsOwn = number === undefined || number < 0 || number % this.#slots === slot;
        look(`connection ${connection} slot ${slot}`, slot, writes, isItsOwn ? number : undefined);
      }
    });
  }

  /** Neighbouring blocks belong to different connections, so that these meet in every track. */
  #offset(connection: number, slot: number): number {
    return (slot * this.#connections.length + connection) * BLOCK_BYTES;
  }

  async #write(connection: HostConnection, index: number): Promise<void> {
    const writes = this.#writes[index] ?? [];
    const busy = this.#busy[index] ?? new Set();
    while (!this.#stopping) {
      const number = writes.length;
      const slot = number % this.#slots;
      if (busy.has(slot)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      busy.add(slot);
      const write: Write = { issued: this.now(), completed: Number.POSITIVE_INFINITY };
      writes.push(write);
      try {
        await connection.write(this.#offset(index, slot), blockOf(this.#mark + index, number));
      } catch (error) {
        this.failures.push(error);
        return;
      }
      write.completed = this.now();
      this.#completedMs.push(performance.now());
      busy.delete(slot);
    }
  }

  async #flush(connection: HostConnection): Promise<void> {
    while (!this.#stopping) {
      try {
        await connection.flush();
      } catch {
        return; // The writers tell.
      }
      this.#flushes += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function blockOf(mark: number, number: number): Buffer {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  for (let i = 0; i < words.length; i += 2) {
    words[i] = mark;
    words[i + 1] = number;
  }
  return Buffer.from(words.buffer);
}

/** The number of a whole block with this mark, -1 where no part of one is there, undefined where it is torn. */
function numberIn(block: Buffer, mark: number): number | undefined {
  const words = new Uint32Array(block.buffer, block.byteOffset, BLOCK_BYTES / 4);
  const [first, number] = words;
  let same = 0;
  let marked = 0;
  for (let i = 0; i < words.length; i += 2) {
    if (words[i] === mark) marked += 1;
    if (words[i] === first && words[i + 1] === number) same += 1;
  }
  if (marked === 0) return -1;
  return same === words.length / 2 ? number : undefined;
}
