import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { tool, works } from './hosts-serving.js';
import { eventually } from './shell.js';

/** A file system on an NBD export, where the kernel has no NBD of its own: nbdfuse shows the export as a file, a loop device is set upon it. */
export class NbdMount {
  /** Where the file system is mounted. */
  readonly path: string;
  readonly #fuseFolder: string;
  readonly #nbdfuse: ChildProcess;
  #loop = '';

  private constructor(place: string, uri: string) {
    this.path = join(place, 'mnt');
    this.#fuseFolder = join(place, 'fuse');
    for (const folder of [place, this.path, this.#fuseFolder]) mkdirSync(folder, { recursive: true });
    this.#nbdfuse = spawn('nbdfuse', [this.#image, uri], { stdio: 'ignore' });
  }

  /** In a folder of its own; `format` makes the file system first. Cleans up after itself where it fails. */
  static async open(place: string, uri: string, options: { format?: boolean } = {}): Promise<NbdMount> {
    const mount = new NbdMount(place, uri);
    try {
      await mount.#open(options.format ?? false);
    } catch (error) {
      await mount.close();
      throw error;
    }
    return mount;
  }

  /** Unmounted in order if that is still possible, else lazily: whatever is open on it sees errors. */
  async close(): Promise<void> {
    await eachUntilOne(['umount', this.path], ['umount', '--lazy', this.path]);
    if (this.#loop) await tool('losetup', '--detach', this.#loop);
    await eachUntilOne(['umount', this.#fuseFolder], ['umount', '--lazy', this.#fuseFolder]);
    this.#nbdfuse.kill('SIGKILL');
  }

  /** Torn away, as by a machine whose storage is gone: nothing that was not written yet is waited for. */
  async tearAway(): Promise<void> {
    await tool('umount', '--lazy', this.path);
    if (this.#loop) await tool('losetup', '--detach', this.#loop);
    await tool('umount', '--lazy', this.#fuseFolder);
    this.#nbdfuse.kill('SIGKILL');
  }

  get #image(): string {
    return join(this.#fuseFolder, 'image');
  }

  async #open(format: boolean): Promise<void> {
    await eventually(() => (sizeOf(this.#image) > 0 ? true : undefined));
    this.#loop = (await works('losetup', '--find', '--show', this.#image)).trim();
    if (format) await works('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,nodiscard', this.#loop);
    await works('mount', '-o', 'noatime', this.#loop, this.path);
  }
}

async function eachUntilOne(...commands: readonly (readonly [string, ...string[]])[]): Promise<void> {
  for (const command of commands) if ((await tool(...command)).code === 0) return;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
