import type { ByteCount } from '../foundation/foundation.js';
import { FileError, type Files } from '../ports/ports.js';
import { leastJournalBytes, segmentBytesOf } from './segment-bytes.js';
import { inspectSegment, segmentNumbers } from './segment-files.js';

/** What is held, and what may be. */
export interface JournalUsage {
  readonly usedBytes: ByteCount;
  readonly limitBytes: ByteCount;
}

/** The same of all journals of a system together. */
export interface JournalsUsage extends JournalUsage {
  /** What they may hold in any case; with many journals it may be more than the limit. */
  readonly leastBytes: ByteCount;
}

/** What a journal takes of the limit. */
interface Holding {
  readonly usedBytes: ByteCount;
}

/**
 * What all journals of a system may hold together. Half of the limit is shared out evenly, so that a stream whose link is down does not
 * stop the others; the other half is whose who needs it. So the one that has taken most meets the limit first.
 */
export class JournalBudget {
  readonly limitBytes: ByteCount;
  readonly #files: Files;
  /** Below it lie the folders of streams, and in these those of journals. */
  readonly #root: string;
  /** By their folders, open or not; looked for with the first question. */
  #found: Map<string, Holding> | undefined;

  /** What a journal may hold in any case. */
  readonly #leastBytes: ByteCount;

  constructor(files: Files, root: string, limitBytes: ByteCount, segmentBytes = segmentBytesOf(limitBytes)) {
    this.#leastBytes = leastJournalBytes(segmentBytes);
    this.#files = files;
    this.#root = root;
    this.limitBytes = limitBytes;
  }

  get usedBytes(): ByteCount {
    return [...this.#held.values()].reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  }

  /** What nobody takes from a journal, also from one that is still to be made. */
  get shareBytes(): ByteCount {
    return this.#shareOf(Math.max(1, this.#held.size));
  }

  /**
   * What this journal may hold now: what the others neither hold nor have as their share. So all of them hold no more than the limit, but
   * for the least that each may hold.
   */
  limitOf(folder: string): ByteCount {
    const held = this.#held;
    const shareBytes = this.#shareOf(held.has(folder) ? held.size : held.size + 1);
    let limitBytes = this.limitBytes;
    for (const [other, { usedBytes }] of held) if (other !== folder) limitBytes -= Math.max(shareBytes, usedBytes);
    return Math.max(this.#leastBytes, limitBytes);
  }

  get usage(): JournalsUsage {
    const { usedBytes, limitBytes } = this;
    return { usedBytes, limitBytes, leastBytes: this.#held.size * this.#leastBytes };
  }

  usageOf(folder: string): JournalUsage {
    return { usedBytes: this.#held.get(folder)?.usedBytes ?? 0, limitBytes: this.limitOf(folder) };
  }

  join(folder: string, journal: Holding): void {
    this.#held.set(folder, journal);
  }

  /** It is closed, and holds what it held. */
  leave(folder: string, journal: Holding): void {
    if (this.#held.get(folder) === journal) this.#held.set(folder, { usedBytes: journal.usedBytes });
  }

  /** Its files are gone. */
  forget(folder: string): void {
    this.#held.delete(folder);
  }

  #shareOf(count: number): ByteCount {
    return Math.max(this.#leastBytes, Math.floor(this.limitBytes / 2 / count));
  }

  get #held(): Map<string, Holding> {
    this.#found ??= new Map(this.#folders().map((folder) => [folder, { usedBytes: this.#bytesIn(folder) }]));
    return this.#found;
  }

  #folders(): readonly string[] {
    return this.#list(this.#root).flatMap((stream) =>
      this.#list(`${this.#root}/${stream}`).map((way) => `${this.#root}/${stream}/${way}`),
    );
  }

  /** By the headers: how much of the last segment counts, and what is needed of the others, only opening tells. */
  #bytesIn(folder: string): ByteCount {
    if (this.#list(folder).length === 0) return 0;
    return quietly(0, () =>
      segmentNumbers(this.#files, folder)
        .map((number) => inspectSegment(this.#files, folder, number))
        .reduce((sum, found) => sum + (found.kind === 'used' ? found.header.sizeBytes : 0), 0),
    );
  }

  #list(folder: string): readonly string[] {
    return quietly([], () => (this.#files.status(folder)?.kind === 'folder' ? this.#files.list(folder) : []));
  }
}

/** What cannot be looked at is no reason to stop the other journals; whoever opens it is told. */
function quietly<T>(otherwise: T, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof FileError) return otherwise;
    throw error;
  }
}
