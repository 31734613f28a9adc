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
  #file: OpenFile | undefined;
  /** The file was made in this session, and a loss of power could take its name away again. */
  #isNew = false;
  #saves = 0;
  #cleared: Promise<void> | undefined;

  constructor(catalog: Catalog, files: Files, pair: PairNumber, what: string) {
    this.#catalog = catalog;
    this.#files = files;
    this.#pair = pair;
    this.#what = what;
  }

  get #path(): string {
    return `${this.#catalog.folder}/${saveFilePath(this.#pair)}`;
  }

  /**
   * A save begins, of which several may be under way. The first of them, where nothing that lies here counts, gives back the room of
   * what an earlier freeze left; the others wait for it, or it would take away what they wrote.
   */
  async begin(isVoid: () => boolean): Promise<void> {
    this.#saves += 1;
    if (this.#saves === 1 && isVoid()) this.#cleared = this.#clear(isVoid);
    await this.#cleared;
  }

  /** A save that was begun has ended. */
  end(): void {
    this.#saves -= 1;
    if (this.#saves === 0) this.#cleared = undefined;
  }

  /** Old contents count no more, also after a crash, before their room is given back. */
  async #clear(isVoid: () => boolean): Promise<void> {
    await this.#catalog.durable();
    if (!isVoid() || (!this.#file && !this.#files.status(this.#path))) return;
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
