import { type Catalog, SAVE_FOLDER, saveFilePath } from '../catalog/catalog.js';
import { type ByteOffset, failure, type PairNumber, plural } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { naming, toToolkitError } from '../storage/storage.js';

/**
 * Old tracks of a frozen remote pair, kept until the copier has sent them. A sparse file in which each track lies at the place that it
 * has in the volume: which of them count is told by a map, so that giving all of them up costs one step and no file work.
 */
export class SaveArea {
  readonly #catalog: Catalog;
  readonly #files: Files;
  readonly #pair: PairNumber;
  readonly #what: string;
  /** Saves under way: what they have written is in no map yet. */
  savers = 0;
  #file: OpenFile | undefined;
  /** The file was made in this session, and a loss of power could take its name away again. */
  #isNew = false;

  constructor(catalog: Catalog, files: Files, pair: PairNumber, what: string) {
    this.#catalog = catalog;
    this.#files = files;
    this.#pair = pair;
    this.#what = what;
  }

  get #path(): string {
    return `${this.#catalog.folder}/${saveFilePath(this.#pair)}`;
  }

  /** Gives back the room of what no longer counts. The caller knows that no map counts any of it, also after a crash. */
  clear(): void {
    if (!this.#file && !this.#files.status(this.#path)) return;
    naming(this.#what, () => this.#open().truncate(0));
  }

  write(data: Uint8Array, offset: ByteOffset): void {
    naming(this.#what, () => this.#open().write(data, offset));
  }

  read(target: Uint8Array, offset: ByteOffset): void {
    const count = naming(this.#what, () => this.#open().read(target, offset));
    if (count < target.length)
      throw failure(
        'metadata-damaged',
        `The save area ${this.#path} is shorter than its map says.`,
        `Make the pair follow again with copyset pair resync; ${plural(1, 'point in time')} is lost.`,
      );
  }

  /** What was saved before the call stays through a loss of power. */
  async flush(): Promise<void> {
    try {
      await this.#open().flush();
      if (!this.#isNew) return;
      await this.#files.flushFolder(`${this.#catalog.folder}/${SAVE_FOLDER}`);
      await this.#files.flushFolder(this.#catalog.folder);
      this.#isNew = false;
    } catch (error) {
      throw toToolkitError(error, this.#what);
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(): OpenFile {
    if (this.#file) return this.#file;
    if (this.#files.status(this.#path)) this.#file = this.#files.open(this.#path, 'write');
    else {
      this.#files.makeFolder(`${this.#catalog.folder}/${SAVE_FOLDER}`);
      this.#file = this.#files.open(this.#path, 'create');
      this.#isNew = true;
    }
    return this.#file;
  }
}
