import { closeSync, fdatasync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Export, ExportSource } from '../../../src/core/nbd/nbd.js';
import { type BlockDevice, STATE_HOLE, STATE_ZERO, type StatusRun } from '../../../src/core/ports/ports.js';

const ZEROS = new Uint8Array(1024 * 1024);
const TRACK_BYTES = 64 * 1024;

/** A raw image as a device, tracked like a volume: which tracks were ever written, each marked before its data. */
export class FileDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #written: Uint8Array;

  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
    this.sizeBytes = fstatSync(this.#fd).size;
    this.#written = new Uint8Array(Math.ceil(this.sizeBytes / TRACK_BYTES));
  }

  readNow(target: Uint8Array, offsetBytes: number): boolean {
    let done = readSync(this.#fd, target, 0, target.length, offsetBytes);
    while (done < target.length) {
      const got = readSync(this.#fd, target, done, target.length - done, offsetBytes + done);
      if (got === 0) throw new Error('the image is shorter than its device');
      done += got;
    }
    return true;
  }

  async read(target: Uint8Array, offsetBytes: number): Promise<void> {
    this.readNow(target, offsetBytes);
  }

  writeNow(source: Uint8Array, offsetBytes: number): boolean {
    const last = Math.floor((offsetBytes + source.length - 1) / TRACK_BYTES);
    for (let track = Math.floor(offsetBytes / TRACK_BYTES); track <= last; track += 1) this.#written[track] = 1;
    let done = writeSync(this.#fd, source, 0, source.length, offsetBytes);
    while (done < source.length) done += writeSync(this.#fd, source, done, source.length - done, offsetBytes + done);
    return true;
  }

  async write(source: Uint8Array, offsetBytes: number): Promise<void> {
    this.writeNow(source, offsetBytes);
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => fdatasync(this.#fd, (error) => (error ? reject(error) : resolve())));
  }

  async zero(offsetBytes: number, lengthBytes: number, options: { onlyIfFast: boolean }): Promise<boolean> {
    if (options.onlyIfFast) return false;
    for (let done = 0; done < lengthBytes; done += ZEROS.length) {
      this.writeNow(ZEROS.subarray(0, Math.min(ZEROS.length, lengthBytes - done)), offsetBytes + done);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  async trim(): Promise<void> {}

  async allocation(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]> {
    const runs: StatusRun[] = [];
    let position = offsetBytes;
    const end = offsetBytes + lengthBytes;
    const state = (track: number) => (this.#written[track] === 1 ? 0 : STATE_HOLE | STATE_ZERO);
    while (position < end && runs.length < runsMax) {
      const flags = state(Math.floor(position / TRACK_BYTES));
      let runEnd = position;
      while (runEnd < end && state(Math.floor(runEnd / TRACK_BYTES)) === flags) {
        runEnd = Math.min(end, (Math.floor(runEnd / TRACK_BYTES) + 1) * TRACK_BYTES);
      }
      runs.push({ lengthBytes: runEnd - position, flags });
      position = runEnd;
    }
    return runs;
  }

  /** The image was filled by other means. */
  markAll(): void {
    this.#written.fill(1);
  }

  close(): void {}

  dispose(): void {
    closeSync(this.#fd);
  }
}

/** One device, by its name and as the default export. */
export function onlyExport(name: string, device: BlockDevice, more: Partial<Export> = {}): ExportSource {
  const found: Export = {
    name,
    description: 'a plain image',
    sizeBytes: device.sizeBytes,
    readable: true,
    writable: true,
    contexts: [],
    open: () => device,
    ...more,
  };
  return {
    list: () => [found],
    find: (wanted) => (wanted === '' || wanted === name ? found : undefined),
  };
}
