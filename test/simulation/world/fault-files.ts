import { FileError, type FileFault, type Files, type OpenFile, type OpenMode } from '../../../src/core/ports/ports.js';
import { SimOpenFile } from './sim-files.js';

export type FaultyCall =
  | 'open'
  | 'read'
  | 'write'
  | 'writeBulk'
  | 'truncate'
  | 'flush'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'flushFolder';

export interface PlannedFault {
  readonly call: FaultyCall;
  /** Which call of that kind fails, counted from 1 among those whose path matches. */
  readonly nth: number;
  /** `short`: a part is written, then the space ends. */
  readonly fault: FileFault | 'short';
  /** Only paths that contain this text, or match this expression. */
  readonly path?: string | RegExp;
  /** Every later call fails too. */
  readonly sticky?: boolean;
}

/** Any Files port with faults at chosen calls. */
export class FaultFiles implements Files {
  readonly #inner: Files;
  readonly #plan: { readonly fault: PlannedFault; met: number }[] = [];
  #injected = 0;
  readonly #counts = new Map<FaultyCall, number>();

  constructor(inner: Files, ...faults: PlannedFault[]) {
    this.#inner = inner;
    for (const fault of faults) this.plan(fault);
  }

  plan(fault: PlannedFault): void {
    this.#plan.push({ fault, met: 0 });
  }

  /** The medium is repaired. */
  clear(): void {
    this.#plan.length = 0;
  }

  /** How many faults came up. */
  get injected(): number {
    return this.#injected;
  }

  /** How many calls of this kind there were; a test walks `nth` through them. */
  count(call: FaultyCall): number {
    return this.#counts.get(call) ?? 0;
  }

  /** The fault that this call meets, if any. */
  meet(call: FaultyCall, path: string): FileFault | 'short' | undefined {
    this.#counts.set(call, this.count(call) + 1);
    let met: FileFault | 'short' | undefined;
    for (const planned of this.#plan) {
      if (planned.fault.call !== call || !matches(planned.fault.path, path)) continue;
      planned.met += 1;
      if (planned.met === planned.fault.nth || (planned.fault.sticky && planned.met > planned.fault.nth)) {
        met ??= planned.fault.fault;
      }
    }
    if (met !== undefined) this.#injected += 1;
    return met;
  }

  check(call: FaultyCall, path: string): void {
    const fault = this.meet(call, path);
    if (fault !== undefined) throw injected(fault, call, path);
  }

  open(path: string, mode: OpenMode): OpenFile {
    this.check('open', path);
    return new FaultyFile(this, this.#inner.open(path, mode));
  }

  makeFolder(path: string): void {
    this.check('makeFolder', path);
    this.#inner.makeFolder(path);
  }

  rename(from: string, to: string): void {
    this.check('rename', to);
    this.#inner.rename(from, to);
  }

  remove(path: string): void {
    this.check('remove', path);
    this.#inner.remove(path);
  }

  removeFolder(path: string): void {
    this.check('remove', path);
    this.#inner.removeFolder(path);
  }

  async flushFolder(path: string): Promise<void> {
    this.check('flushFolder', path);
    await this.#inner.flushFolder(path);
  }

  status(path: string): ReturnType<Files['status']> {
    return this.#inner.status(path);
  }

  identity(path: string): string | undefined {
    return this.#inner.identity(path);
  }

  list(path: string): string[] {
    return this.#inner.list(path);
  }

  bulkBuffer(sizeBytes: number): Uint8Array {
    return this.#inner.bulkBuffer(sizeBytes);
  }

  freeBytes(path: string): number {
    return this.#inner.freeBytes(path);
  }

  placement(path: string): ReturnType<Files['placement']> {
    return this.#inner.placement(path);
  }
}

class FaultyFile implements OpenFile {
  readonly #faults: FaultFiles;
  readonly #inner: OpenFile;

  constructor(faults: FaultFiles, inner: OpenFile) {
    this.#faults = faults;
    this.#inner = inner;
  }

  get path(): string {
    return this.#inner.path;
  }

  sizeBytes(): number {
    return this.#inner.sizeBytes();
  }

  read(target: Uint8Array, positionBytes: number): number {
    this.#faults.check('read', this.path);
    return this.#inner.read(target, positionBytes);
  }

  write(source: Uint8Array, positionBytes: number): void {
    const fault = this.#faults.meet('write', this.path);
    if (fault === undefined) {
      this.#inner.write(source, positionBytes);
      return;
    }
    if (fault === 'short') this.#inner.write(source.subarray(0, source.length >> 1), positionBytes);
    throw injected(fault, 'write', this.path);
  }

  truncate(sizeBytes: number): void {
    this.#faults.check('truncate', this.path);
    this.#inner.truncate(sizeBytes);
  }

  async flush(): Promise<void> {
    const fault = this.#faults.meet('flush', this.path);
    if (fault === undefined) {
      await this.#inner.flush();
      return;
    }
    // As the kernel does it: the pages count as clean, so that a second flush would succeed without them.
    if (this.#inner instanceof SimOpenFile) this.#inner.failFlush();
    throw injected(fault, 'flush', this.path);
  }

  async writeBulk(source: Uint8Array, positionBytes: number): Promise<void> {
    const fault = this.#faults.meet('writeBulk', this.path);
    if (fault === undefined) {
      await this.#inner.writeBulk(source, positionBytes);
      return;
    }
    if (fault === 'short') await this.#inner.writeBulk(source.subarray(0, halfInSectors(source)), positionBytes);
    throw injected(fault, 'writeBulk', this.path);
  }

  /** Meets what is planned for reads: to those who plan it is one. */
  async readBulk(target: Uint8Array, positionBytes: number): Promise<number> {
    this.#faults.check('read', this.path);
    return this.#inner.readBulk(target, positionBytes);
  }

  close(): void {
    this.#inner.close();
  }
}

function halfInSectors(source: Uint8Array): number {
  return Math.floor(source.length / 1_024) * 512;
}

function injected(fault: FileFault | 'short', call: FaultyCall, path: string): FileError {
  return new FileError(fault === 'short' ? 'no-space' : fault, call, path, new Error('injected'));
}

function matches(wanted: string | RegExp | undefined, path: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === 'string' ? path.includes(wanted) : wanted.test(path);
}
