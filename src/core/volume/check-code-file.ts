import { assert, type TrackCount, type TrackIndex } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { Flusher, toToolkitError } from '../storage/storage.js';

const CODE_BYTES = 4;
/** The codes of scattered tracks are gathered in a block of so many before they are written: one by one each would cost as much. */
const BLOCK_CODES = 4096;
/** So many at once are written at once. */
const GATHERED_CODES_MAX = 256;
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface CheckCodeFileOptions {
  readonly path: string;
  readonly trackCount: TrackCount;
  /** For messages: `the check codes of volume tokyo:db`. */
  readonly what: string;
  /** Writes nothing; every write then is a broken promise. */
  readonly readOnly?: boolean;
  /** Called once, when a flush fails (reliability.md P9). */
  readonly onFlushFailure?: (error: unknown) => void;
}

/**
 * The check codes of a volume at rest: one little-endian 32-bit number for each track, at four times its index, without a header
 * (docs/formats/tables.md). Places never written read as 0, which is no code: which codes count is kept elsewhere, in a map.
 */
export class CheckCodeFile {
  readonly #file: OpenFile;
  readonly #flusher: Flusher;
  readonly #options: CheckCodeFileOptions;
  /** Codes that differ from the file's, with those around them as they are there. */
  #gathered: { readonly first: TrackIndex; readonly codes: Uint32Array } | undefined;

  private constructor(file: OpenFile, options: CheckCodeFileOptions) {
    this.#file = file;
    this.#options = options;
    this.#flusher = new Flusher(file, options.onFlushFailure);
  }

  /** Makes the file, as one hole. The folder is flushed by the caller. */
  static create(files: Files, options: CheckCodeFileOptions): CheckCodeFile {
    return opened(options, () => {
      const file = files.open(options.path, 'create');
      file.truncate(options.trackCount * CODE_BYTES);
      return new CheckCodeFile(file, options);
    });
  }

  static open(files: Files, options: CheckCodeFileOptions): CheckCodeFile {
    return opened(options, () => {
      const file = files.open(options.path, options.readOnly === true ? 'read' : 'write');
      return new CheckCodeFile(file, options);
    });
  }

  /** Reads the codes of `count` tracks into the beginning of `into`. */
  read(first: TrackIndex, count: TrackCount, into: Uint32Array): void {
    this.#checkRun(first, count);
    assert(into.length >= count, 'the codes read fit into their target');
    this.#writeGathered(first, count);
    const bytes = bytesOf(into, count);
    const found = opened(this.#options, () => this.#file.read(bytes, first * CODE_BYTES));
    bytes.fill(0, found);
    if (!LITTLE_ENDIAN) turned(bytes);
  }

  /** Neither in the file for certain nor durable before `flush`. */
  write(first: TrackIndex, codes: Uint32Array): void {
    assert(this.#options.readOnly !== true, 'check codes opened for reading are not written');
    this.#checkRun(first, codes.length);
    const blockFirst = first - (first % BLOCK_CODES);
    if (codes.length <= GATHERED_CODES_MAX && first + codes.length <= blockFirst + BLOCK_CODES) {
      this.#block(blockFirst).set(codes, first - blockFirst);
      return;
    }
    this.#writeGathered(first, codes.length);
    this.#put(first, codes);
  }

  /** Every code written before the call is durable when it resolves. */
  async flush(): Promise<void> {
    this.#writeGathered();
    await this.#flusher.durable();
  }

  /** Codes that were not flushed may be lost. */
  close(): void {
    this.#file.close();
  }

  #block(first: TrackIndex): Uint32Array {
    if (this.#gathered?.first === first) return this.#gathered.codes;
    this.#writeGathered();
    const codes = new Uint32Array(Math.min(BLOCK_CODES, this.#options.trackCount - first));
    this.read(first, codes.length, codes);
    this.#gathered = { first, codes };
    return codes;
  }

  /** Those that lie among these tracks. Where it fails they stay gathered: whoever wrote them learns of it by his own flush. */
  #writeGathered(first: TrackIndex = 0, count: TrackCount = this.#options.trackCount): void {
    const gathered = this.#gathered;
    if (!gathered || first >= gathered.first + gathered.codes.length || first + count <= gathered.first) return;
    this.#put(gathered.first, gathered.codes);
    this.#gathered = undefined;
  }

  #put(first: TrackIndex, codes: Uint32Array): void {
    const bytes = LITTLE_ENDIAN ? bytesOf(codes, codes.length) : turned(bytesOf(codes.slice(), codes.length));
    opened(this.#options, () => this.#file.write(bytes, first * CODE_BYTES));
  }

  #checkRun(first: TrackIndex, count: TrackCount): void {
    assert(
      first >= 0 && count >= 0 && first + count <= this.#options.trackCount,
      'check codes lie inside their volume',
    );
  }
}

function opened<T>(options: CheckCodeFileOptions, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw toToolkitError(error, options.what, 'Give the volume new check codes with `volume scrub`.');
  }
}

function bytesOf(codes: Uint32Array, count: number): Uint8Array {
  return new Uint8Array(codes.buffer, codes.byteOffset, count * CODE_BYTES);
}

function turned(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap32();
}
