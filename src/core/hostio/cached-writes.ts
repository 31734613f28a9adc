import { type ByteOffset, tuning } from '../foundation/foundation.js';
import type { LiveVolume } from './live-volume.js';

/**
 * How a copier's pieces reach their target. Large ones pass the page cache by. A small one goes through it while somebody waits for the
 * pair: the way to the thread pool and back takes longer than the copy into the cache. What lies there is written out beside the copying, and
 * there is never much of it (docs/decisions/0076-scattered-tracks.md).
 */
export class CachedWrites {
  readonly #flush: (target: LiveVolume) => Promise<void>;
  #cachedBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(flush: (target: LiveVolume) => Promise<void>) {
    this.#flush = flush;
  }

  /** Completed when it resolves, not durable. */
  async write(target: LiveVolume, bytes: Uint8Array, offset: ByteOffset, hurried: boolean): Promise<void> {
    if (!hurried || bytes.length >= tuning.readAsideBytes) {
      await target.image.writeBulk(bytes, offset);
      return;
    }
    target.image.write(bytes, offset);
    this.#cachedBytes += bytes.length;
  }

  /** Begins to write out what is in the cache where it is enough, once the last such flush has ended. Its gate is not to be held for that. */
  async rest(target: LiveVolume): Promise<void> {
    if (this.#cachedBytes < tuning.cachedBytes) return;
    this.#cachedBytes = 0;
    const before = this.#flushing;
    const begun = before.then(() => this.#flush(target));
    begun.catch(() => undefined); // A flush that failed stays failed: the one before the commit says so.
    this.#flushing = begun.catch(() => undefined);
    await before;
  }
}
