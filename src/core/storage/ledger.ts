import {
  assert,
  type ByteCount,
  type ByteOffset,
  type ChangeNumber,
  type Epoch,
  failure,
  isToolkitError,
  tuning,
} from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { naming, toToolkitError } from './failures.js';
import { createFile, LEDGER_MAX_BYTES, LEDGER_NAMES, type OpenedFiles, openFiles, type Side } from './ledger-files.js';
import { encodeFrame, FRAME_HEAD_BYTES, frameSizeBytes, type LedgerFrame } from './ledger-frame.js';
import type { LedgerHeader } from './ledger-header.js';
import { FRAMES_AT, type LedgerTail, writeHeader } from './ledger-scan.js';

export { LEDGER_SIZE_BYTES } from './ledger-files.js';
export type { LedgerTail } from './ledger-scan.js';

/** A reader may meet a frame half-written by the owner; it looks again so many times before it says "damaged". */
const READER_TRIES = 3;

export interface OpenedLedger {
  readonly ledger: Ledger;
  readonly frames: readonly LedgerFrame[];
  readonly tail: LedgerTail;
}

/**
 * A system's log of changes, in two preallocated files used in turns. One process writes it; a frame counts once it is
 * durable. `docs/formats/ledger.md`.
 */
export class Ledger {
  readonly #folder: string;
  /** The file in use and the other one; absent for a reader. */
  #sides: readonly [Side, Side] | undefined;
  #header: LedgerHeader;
  #end: ByteOffset;
  #lastChange: ChangeNumber;
  #lastEpoch: Epoch;
  #lastCode: number;
  #durableChange: ChangeNumber;
  /** The flush of what was found, up to which change. */
  #foundDurable: { readonly change: ChangeNumber; readonly done: Promise<void> } | undefined;
  #restarting = false;
  #failure: Error | undefined;

  private constructor(folder: string, { header, scan, sides }: OpenedFiles) {
    this.#folder = folder;
    this.#sides = sides;
    this.#header = header;
    this.#end = scan.end;
    this.#lastChange = scan.lastChange;
    this.#lastEpoch = scan.lastEpoch;
    this.#lastCode = scan.lastCode;
    this.#durableChange = scan.durableChange;
  }

  /** Makes both files with all their room, durable when it resolves. Throws `already-exists` rather than lose a log. */
  static async create(files: Files, folder: string): Promise<void> {
    try {
      for (const [place, name] of LEDGER_NAMES.entries()) await createFile(files, `${folder}/${name}`, 1 - place);
      await files.flushFolder(folder);
    } catch (error) {
      throw toToolkitError(error, `the log in ${folder}`);
    }
  }

  /**
   * Opens the file with the later sequence and reads all its frames. A torn tail is cut. Throws `metadata-damaged` (naming
   * file and byte), `format-too-new`, `file-not-found`, `not-regular` or `io-error`. A reader writes nothing and holds no file.
   */
  static open(files: Files, folder: string, options: { readonly readOnly?: boolean } = {}): OpenedLedger {
    const readOnly = options.readOnly ?? false;
    for (let attempt = 1; ; attempt++) {
      try {
        const opened = naming(`the log in ${folder}`, () => openFiles(files, folder, readOnly));
        const { frames, tail } = opened.scan;
        return { ledger: new Ledger(folder, opened), frames, tail };
      } catch (error) {
        if (!readOnly || attempt === READER_TRIES || !isToolkitError(error, 'metadata-damaged')) throw error;
      }
    }
  }

  /**
   * Begins to make durable what was found, which a killed owner may have left in the page cache alone; `durable()` waits for it. It runs
   * while the caller still reads the rest of the system.
   */
  beginDurable(): void {
    if (this.#lastChange === this.#durableChange) return;
    const done = this.#demandSides()[0].flusher.durable();
    done.catch(() => undefined); // Told by `durable()`, and by all that comes after.
    this.#foundDurable = { change: this.#lastChange, done };
  }

  get lastChange(): ChangeNumber {
    return this.#lastChange;
  }

  get lastEpoch(): Epoch {
    return this.#lastEpoch;
  }

  get sequence(): number {
    return this.#header.sequence;
  }

  /** The change before this file's first frame: tables and maps older than it have lost changes. */
  get baseChange(): ChangeNumber {
    return this.#header.baseChange;
  }

  /** Bytes of the file taken by header and frames. */
  get usedBytes(): ByteCount {
    return +this.#end;
  }

  /**
   * Puts a frame behind the last, in the page cache only. Throws `no-space` or `io-error` with nothing changed: the next
   * frame goes to the same place. Where not even the half-written frame can be wiped, no later append is taken.
   */
  append(payload: Uint8Array, epoch: Epoch): ChangeNumber {
    const { file, flusher } = this.#demandSides()[0];
    assert(!this.#restarting, 'nothing is appended while the ledger starts anew');
    assert(epoch >= this.#lastEpoch, 'a former owner appends nothing');
    if (this.#failure !== undefined) throw this.#failure;
    if (flusher.failure !== undefined) throw flusher.failure;
    const sizeBytes = frameSizeBytes(payload.length);
    if (this.#end + sizeBytes > LEDGER_MAX_BYTES) {
      throw failure(
        'limit-reached',
        `A change of ${payload.length} bytes does not fit into the log in ${this.#folder}.`,
      );
    }
    const change = this.#lastChange + 1;
    const { bytes, code } = encodeFrame({
      sequence: this.#header.sequence,
      epoch,
      change,
      unflushed: this.#lastChange - this.#durableChange,
      previousCode: this.#lastCode,
      payload,
    });
    try {
      file.write(bytes, this.#end);
    } catch (error) {
      this.#wipe(file);
      throw toToolkitError(error, `the log in ${this.#folder}`);
    }
    this.#end += sizeBytes;
    this.#lastChange = change;
    this.#lastEpoch = epoch;
    this.#lastCode = code;
    return change;
  }

  /** All frames appended before the call are durable when it resolves; callers share flushes. Rejects with `io-error`. */
  async durable(): Promise<void> {
    const { flusher } = this.#demandSides()[0];
    if (this.#failure !== undefined) throw this.#failure;
    if (flusher.failure !== undefined) throw flusher.failure;
    const sequence = this.#header.sequence;
    const change = this.#lastChange;
    if (change === this.#durableChange) return;
    await (change === this.#foundDurable?.change ? this.#foundDurable.done : flusher.durable());
    if (sequence === this.#header.sequence) this.#durableChange = Math.max(this.#durableChange, change);
  }

  /**
   * Starts anew in the other file, empty; everything up to `lastChange` must be durable elsewhere. A crash leaves the old
   * file or the new one in use. After a failure the ledger takes no more: which file a crash would leave is in doubt.
   */
  async restart(): Promise<void> {
    const [used, other] = this.#demandSides();
    assert(!this.#restarting, 'a ledger starts anew once at a time');
    if (this.#failure !== undefined) throw this.#failure;
    await this.durable();
    this.#restarting = true;
    try {
      if (other.file.sizeBytes() > tuning.ledgerBytes) other.file.truncate(tuning.ledgerBytes);
      const sequence = this.#header.sequence + 1;
      const header = { sequence, baseChange: this.#lastChange, baseEpoch: this.#lastEpoch };
      this.#header = await writeHeader(other.file, header, () => other.flusher.durable());
      this.#sides = [other, used];
      this.#end = FRAMES_AT;
      this.#lastCode = this.#header.code;
      this.#durableChange = this.#lastChange;
    } catch (error) {
      this.#failure = toToolkitError(error, `the log in ${this.#folder}`) as Error;
      throw this.#failure;
    } finally {
      this.#restarting = false;
    }
  }

  /** Why nothing is appended or made durable any more; what was appended last may be lost. */
  get failure(): unknown {
    return this.#failure ?? this.#sides?.[0].flusher.failure;
  }

  /** Makes nothing durable. */
  close(): void {
    for (const side of this.#sides ?? []) side.file.close();
    this.#sides = undefined;
  }

  #demandSides(): readonly [Side, Side] {
    assert(this.#sides !== undefined, 'only an open ledger of an owner is written');
    return this.#sides;
  }

  /** A frame whose append failed must not be found whole after a crash. */
  #wipe(file: OpenFile): void {
    try {
      const thereBytes = Math.min(FRAME_HEAD_BYTES, file.sizeBytes() - this.#end);
      if (thereBytes > 0) file.write(new Uint8Array(thereBytes), this.#end);
    } catch (error) {
      this.#failure = toToolkitError(error, `the log in ${this.#folder}`) as Error;
    }
  }
}
