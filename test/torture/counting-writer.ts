import { runCopyset } from '../cli/run-copyset.js';
import { HostConnection } from '../e2e/hosts-client.js';
import { Rng } from '../simulation/world/rng.js';
import { BLOCK_BYTES, stampedBytes, stampsOf } from './shadow.js';

/** Where a writer writes: a volume of some server, all of one size. */
export interface Target {
  readonly system: string;
  readonly volume: string;
  readonly socket: string;
}

export type Means = 'nbd' | 'command' | 'both';

const FEW_BLOCKS = [1, 1, 1, 1, 1, 2, 4, 24] as const;
/** Of so many writes one goes through `volume write`, where both means are used. */
const COMMAND_EVERY = 150;

/**
 * Writes that depend on each other: number k+1 is issued when k is answered, and lies on the next volume. What number k writes, and
 * where, follows from the seed and k alone; each of its blocks bears k.
 */
export class CountedWrites {
  readonly #seed: number;
  readonly #volumes: number;
  readonly #blocks: number;

  constructor(seed: number, volumes: number, sizeBytes: number) {
    this.#seed = seed;
    this.#volumes = volumes;
    this.#blocks = sizeBytes / BLOCK_BYTES;
  }

  at(k: number): { volume: number; first: number; count: number } {
    const rng = new Rng(this.#seed, k);
    const count = rng.pick(FEW_BLOCKS);
    return { volume: k % this.#volumes, first: rng.below(this.#blocks - count + 1), count };
  }

  /** The number up to which the volumes show all writes, and everything in them that is no prefix. */
  prefixIn(images: readonly Buffer[]): { k: number; wrong: string[] } {
    const shown = images.map(stampsOf);
    const k = shown.reduce((most, stamps) => stamps.reduce((a, b) => Math.max(a, b), most), 0);
    const wanted = this.#after(k);
    const wrong = shown.flatMap((stamps, volume) =>
      [...stamps].flatMap((stamp, block) => {
        const due = wanted[volume]?.[block] ?? 0;
        return stamp === due ? [] : [`volume ${volume} block ${block} holds ${stamp}, not ${due}`];
      }),
    );
    return { k, wrong };
  }

  #after(k: number): Int32Array[] {
    const stamps = Array.from({ length: this.#volumes }, () => new Int32Array(this.#blocks));
    for (let n = 1; n <= k; n += 1) {
      const { volume, first, count } = this.at(n);
      stamps[volume]?.fill(n, first, first + count);
    }
    return stamps;
  }
}

/** Carries the writes out, from one after `from`, until it is stopped or one fails. */
export class CountingWriter {
  readonly #writes: CountedWrites;
  readonly #targets: readonly Target[];
  readonly #root: string;
  readonly #means: Means;
  readonly #answeredMs: number[] = [];
  readonly #from: number;
  #connections: HostConnection[] = [];
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();
  /** What ended it, other than `stop`. */
  failure: unknown;
  /** It rests for so long between two writes. */
  restMs = 0;

  constructor(root: string, writes: CountedWrites, targets: readonly Target[], means: Means, from = 0) {
    this.#root = root;
    this.#writes = writes;
    this.#targets = targets;
    this.#means = means;
    this.#from = from;
  }

  /** A server that is gone already ends it as one does that goes later. */
  async start(): Promise<void> {
    try {
      this.#connections = await Promise.all(
        this.#targets.map(({ socket, volume }) => HostConnection.open(socket, volume)),
      );
      this.#ended = this.#go();
    } catch (error) {
      this.failure = error;
    }
  }

  /** The last write that was answered. */
  get answered(): number {
    return this.#from + this.#answeredMs.length;
  }

  /** The last write that was answered before a moment of the wall clock. */
  answeredBefore(timeMs: number): number {
    const later = this.#answeredMs.findIndex((answeredMs) => answeredMs >= timeMs);
    return this.#from + (later < 0 ? this.#answeredMs.length : later);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
    for (const connection of this.#connections) connection.close();
  }

  /** Resolves when so many more were answered, or it ended. */
  async more(writes: number): Promise<void> {
    const until = this.answered + writes;
    while (this.answered < until && this.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async #go(): Promise<void> {
    for (let k = this.#from + 1; !this.#stopping; k += 1) {
      try {
        await this.#write(k);
      } catch (error) {
        this.failure = error;
        return;
      }
      this.#answeredMs.push(Date.now());
      if (this.restMs > 0) await new Promise((resolve) => setTimeout(resolve, this.restMs));
    }
  }

  async #write(k: number): Promise<void> {
    const { volume, first, count } = this.#writes.at(k);
    const target = this.#targets[volume];
    const byCommand = this.#means === 'command' || (this.#means === 'both' && k % COMMAND_EVERY === 0);
    if (!byCommand) {
      await this.#connections[volume]?.write(first * BLOCK_BYTES, stampedBytes(k, count));
      return;
    }
    const words = ['volume', 'write', `${target?.system}:${target?.volume}`, '--offset', String(first * BLOCK_BYTES)];
    const ended = await runCopyset(words, { cwd: this.#root, input: stampedBytes(k, count) });
    if (ended.code !== 0) throw new Error(`volume write ended with ${ended.code}: ${ended.stderr}`);
  }
}
