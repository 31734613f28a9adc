import { assert, type ByteCount, failure } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import type { Segment } from './segment.js';
import {
  type FoundSegment,
  inspectSegment,
  makeSegment,
  ownerCode,
  segmentNumbers,
  segmentPath,
} from './segment-files.js';
import { encodeHeader } from './segment-header.js';

/** Trimmed segments beyond so many give their room back. */
const READY_MAX = 2;

interface Ready {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: ByteCount;
}

export interface ReadyPlace {
  readonly files: Files;
  readonly folder: string;
  /** Of a segment. */
  readonly sizeBytes: ByteCount;
  /** Makes the names in the folder durable. */
  readonly flushNames: () => Promise<void>;
}

/** The segments behind the open one: they have their room and their names, and hold nothing. */
export class ReadySegments {
  readonly #files: Files;
  readonly #folder: string;
  readonly #sizeBytes: ByteCount;
  readonly #flushNames: () => Promise<void>;
  readonly #waiting: Ready[] = [];
  #lastNumber: number;

  /** `behind`: what was found behind the segment `lastNumber`. */
  constructor(place: ReadyPlace, lastNumber: number, behind: readonly FoundSegment[]) {
    this.#files = place.files;
    this.#folder = place.folder;
    this.#sizeBytes = place.sizeBytes;
    this.#flushNames = place.flushNames;
    this.#lastNumber = lastNumber;
    for (const segment of behind) this.#adopt(segment);
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** Makes one. Nothing is left of it where that fails. */
  async make(): Promise<void> {
    const number = this.#lastNumber + 1;
    const path = segmentPath(this.#folder, number);
    const file = await makeSegment(this.#files, path, this.#header(number, this.#sizeBytes));
    file.close();
    await this.#flushNames();
    this.#push({ number, path, sizeBytes: this.#sizeBytes });
  }

  /** Takes a segment whose records nobody needs; it waits to be used again, or goes. Durable when it resolves. */
  async recycle({ path, header }: Segment, onRenamed: () => void): Promise<void> {
    const number = this.#lastNumber + 1;
    const newPath = segmentPath(this.#folder, number);
    const isKept = this.count < READY_MAX;
    if (isKept) this.#files.rename(path, newPath);
    else this.#files.remove(path);
    onRenamed();
    await this.#flushNames();
    if (isKept) this.#push({ number, path: newPath, sizeBytes: header.sizeBytes });
  }

  /** The next one, open for writing; it waits no more once `begin` has written its header. */
  begin<T>(write: (segment: Ready, file: OpenFile) => T): T {
    const [next] = this.#waiting;
    assert(next !== undefined, 'a segment is ready before the open one is full');
    const file = this.#files.open(next.path, 'write');
    try {
      const begun = write(next, file);
      this.#waiting.shift();
      return begun;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** An unfinished segment is removed; one whose records do not count is made ready again. */
  #adopt(segment: FoundSegment): void {
    const { number, path } = segment;
    if (segment.kind === 'unfinished') {
      this.#files.remove(path);
      return;
    }
    if (segment.kind !== 'used' && segment.kind !== 'ready') return;
    const { sizeBytes } = segment.header;
    if (segment.kind === 'used') this.#unuse(number, path, sizeBytes);
    this.#push({ number, path, sizeBytes });
  }

  #unuse(number: number, path: string, sizeBytes: ByteCount): void {
    const file = this.#files.open(path, 'write');
    try {
      file.write(encodeHeader(this.#header(number, sizeBytes)).bytes, 0);
    } finally {
      file.close();
    }
  }

  #push(ready: Ready): void {
    this.#waiting.push(ready);
    this.#lastNumber = ready.number;
  }

  #header(number: number, sizeBytes: ByteCount) {
    const owner = ownerCode(this.#folder);
    return { number, firstSequence: 0, sizeBytes, time: 0n, previousCode: 0, unflushed: 0, bootId: '', owner };
  }
}

/** Whether a journal was made here; a folder in which its making was cut short has none. */
export function hasJournal(files: Files, folder: string): boolean {
  if (!files.status(folder)) return false;
  return segmentNumbers(files, folder).some((number) => inspectSegment(files, folder, number).kind !== 'unfinished');
}

/** Removes what is there of a journal, from its end on: what a crash leaves of it is a journal that ends earlier. Durable when it resolves. */
export async function removeJournal(files: Files, folder: string): Promise<void> {
  if (!files.status(folder)) return;
  for (const number of segmentNumbers(files, folder).reverse()) {
    files.remove(segmentPath(folder, number));
    await files.flushFolder(folder);
  }
}

/** A journal that was begun and not finished may be begun again; one that holds records never. */
export function demandNoJournal(files: Files, folder: string, what: string): void {
  for (const number of segmentNumbers(files, folder)) {
    const { kind, path } = inspectSegment(files, folder, number);
    if (kind === 'unfinished') files.remove(path);
    else
      throw failure('already-exists', `There is a journal already: ${what} (${path}).`, undefined, {
        details: { path },
      });
  }
}
