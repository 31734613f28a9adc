import { assert, type ByteCount, type ByteOffset, failure, SECTOR_BYTES } from '../foundation/foundation.js';
import { FileError, type Files, type OpenFile } from '../ports/ports.js';
import { Flusher, naming, toToolkitError } from '../storage/storage.js';
import type { VolumeRecord } from './record.js';

const ZEROS = new Uint8Array(64 * 1024);

/** Whether every byte is 0; it stops at the first page that is not. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const page = bytes.subarray(at, at + ZEROS.length);
    if (Buffer.compare(page, page.length === ZEROS.length ? ZEROS : ZEROS.subarray(0, page.length)) !== 0) return false;
  }
  return true;
}

export interface ImageOptions {
  /** The image's path, the system's folder already joined to it. */
  readonly path: string;
  /** The system's name, for messages. */
  readonly system: string;
  readonly volume: VolumeRecord;
  readonly mode: 'read' | 'write';
  /** Called once, when a flush fails: the volume is then blocked (reliability.md P9). */
  readonly onFlushFailure?: (error: unknown) => void;
}

/** The raw image of a volume, open. What it holds at an offset is what was written there; which side lacks it is known elsewhere. */
export class Image {
  readonly sizeBytes: ByteCount;
  readonly #file: OpenFile;
  readonly #flusher: Flusher;
  readonly #what: string;
  readonly #writable: boolean;

  private constructor(file: OpenFile, options: ImageOptions) {
    this.#file = file;
    this.#what = described(options);
    this.#writable = options.mode === 'write';
    this.sizeBytes = options.volume.sizeBytes;
    this.#flusher = new Flusher(file, options.onFlushFailure);
  }

  /** Makes the image, as one hole. The folder is flushed by the caller. */
  static create(files: Files, options: Omit<ImageOptions, 'mode'>): Image {
    const what = described(options);
    const file = naming(what, () => files.open(options.path, 'create'));
    try {
      naming(what, () => file.truncate(options.volume.sizeBytes));
    } catch (error) {
      file.close();
      files.remove(options.path);
      throw error;
    }
    return new Image(file, { ...options, mode: 'write' });
  }

  /** Opens the image of a volume that is in the table: a regular file of exactly the volume's size. */
  static open(files: Files, options: ImageOptions): Image {
    const file = openImage(files, options);
    const found = file.sizeBytes();
    if (found === options.volume.sizeBytes) return new Image(file, options);
    file.close();
    throw failure(
      'metadata-damaged',
      `${capital(described(options))} has ${found} bytes, its volume has ${options.volume.sizeBytes} (${options.path}).`,
      'Something other than copyset changed the file; put a copy of the right size there, then run `volume scrub`.',
    );
  }

  /** Fills `target`. The range lies inside the volume. */
  read(target: Uint8Array, offset: ByteOffset): void {
    this.#checkRange(target.length, offset);
    this.#demandWhole(
      naming(this.#what, () => this.#file.read(target, offset)),
      target.length,
      offset,
    );
  }

  /** As `read`, without blocking the loop; what is written meanwhile may be there in part. */
  async readBulk(target: Uint8Array, offset: ByteOffset): Promise<void> {
    this.#checkRange(target.length, offset);
    const found = await this.#file.readBulk(target, offset).catch((error: unknown) => {
      throw toToolkitError(error, this.#what);
    });
    this.#demandWhole(found, target.length, offset);
  }

  #demandWhole(found: ByteCount, wanted: ByteCount, offset: ByteOffset): void {
    if (found === wanted) return;
    throw failure(
      'metadata-damaged',
      `${capital(this.#what)} ends at byte ${offset + found}, its volume has ${this.sizeBytes}.`,
      'Something other than copyset cut the file short; run `system check`.',
    );
  }

  /** Completed, not yet durable. */
  write(source: Uint8Array, offset: ByteOffset): void {
    assert(this.#writable, 'an image opened for reading is not written');
    this.#checkRange(source.length, offset);
    naming(this.#what, () => this.#file.write(source, offset));
  }

  /** Writes large pieces without blocking the loop. `source` comes from `Files.bulkBuffer` and stays untouched until it resolves. */
  async writeBulk(source: Uint8Array, offset: ByteOffset): Promise<void> {
    if (offset % SECTOR_BYTES !== 0 || source.length % SECTOR_BYTES !== 0) {
      this.write(source, offset);
      return;
    }
    assert(this.#writable, 'an image opened for reading is not written');
    this.#checkRange(source.length, offset);
    try {
      await this.#file.writeBulk(source, offset);
    } catch (error) {
      throw toToolkitError(error, this.#what);
    }
  }

  /** Everything written before the call is durable when it resolves. A failed flush stays failed. */
  async flush(): Promise<void> {
    await this.#flusher.durable();
  }

  close(): void {
    this.#file.close();
  }

  #checkRange(length: ByteCount, offset: ByteOffset): void {
    assert(offset >= 0 && offset + length <= this.sizeBytes, 'a request lies inside its volume');
  }
}

function openImage(files: Files, options: ImageOptions): OpenFile {
  try {
    return files.open(options.path, options.mode);
  } catch (error) {
    throw toToolkitError(error, described(options), hintOf(error));
  }
}

function hintOf(error: unknown): string | undefined {
  const fault = error instanceof FileError ? error.fault : undefined;
  if (fault === 'not-found') return 'Put the file back where it was, or delete the volume with `volume delete`.';
  if (fault === 'not-regular') return 'An image is a plain file of its own: no link, no second hard link, no device.';
  return undefined;
}

function described({ system, volume }: Pick<ImageOptions, 'system' | 'volume'>): string {
  return `the image of volume ${system}:${volume.name}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
