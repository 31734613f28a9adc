import { AssertionFailure } from '../../../src/core/foundation/foundation.js';
import {
  type BlockDevice,
  STATE_HOLE,
  STATE_ZERO,
  type StatusRun,
  type ZeroOptions,
} from '../../../src/core/ports/ports.js';

/** A device in memory whose speed and faults a test chooses. It insists on the promises that its users make. */
export class MemoryDevice implements BlockDevice {
  readonly bytes: Buffer;
  /** What was asked of it, in order: `write 0+512`. */
  readonly calls: string[] = [];
  /** The fast path answers false. */
  slow = false;
  /** Slow calls wait until `release`. */
  hold = false;
  /** Thrown by whatever touches the byte at this place. */
  fault: { readonly at: number; readonly error: Error } | undefined;
  flushFault: Error | undefined;
  isClosed = false;
  underWay = 0;
  #waiting: (() => void)[] = [];

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  readNow(target: Uint8Array, offsetBytes: number): boolean {
    this.#enter('readNow', offsetBytes, target.length);
    if (this.slow) return false;
    target.set(this.bytes.subarray(offsetBytes, offsetBytes + target.length));
    return true;
  }

  async read(target: Uint8Array, offsetBytes: number): Promise<void> {
    this.#enter('read', offsetBytes, target.length);
    await this.#wait();
    target.set(this.bytes.subarray(offsetBytes, offsetBytes + target.length));
  }

  writeNow(source: Uint8Array, offsetBytes: number): boolean {
    this.#enter('writeNow', offsetBytes, source.length);
    if (this.slow) return false;
    this.bytes.set(source, offsetBytes);
    return true;
  }

  async write(source: Uint8Array, offsetBytes: number): Promise<void> {
    this.#enter('write', offsetBytes, source.length);
    await this.#wait();
    this.bytes.set(source, offsetBytes);
  }

  async flush(): Promise<void> {
    this.calls.push('flush');
    await this.#wait();
    if (this.flushFault) throw this.flushFault;
  }

  async zero(offsetBytes: number, lengthBytes: number, options: ZeroOptions): Promise<boolean> {
    this.#enter(`zero${options.keepAllocated ? ' keep' : ''}`, offsetBytes, lengthBytes);
    await this.#wait();
    if (options.onlyIfFast) return false;
    this.bytes.fill(0, offsetBytes, offsetBytes + lengthBytes);
    return true;
  }

  async trim(offsetBytes: number, lengthBytes: number): Promise<void> {
    this.#enter('trim', offsetBytes, lengthBytes);
    await this.#wait();
  }

  /** By sectors: one that is zero is a hole. */
  async allocation(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]> {
    this.#enter('allocation', offsetBytes, lengthBytes);
    await this.#wait();
    const runs: StatusRun[] = [];
    for (let at = offsetBytes; at < offsetBytes + lengthBytes && runs.length < runsMax; ) {
      const end = Math.min((Math.floor(at / 512) + 1) * 512, offsetBytes + lengthBytes);
      const isZero = this.bytes.subarray(at, end).every((byte) => byte === 0);
      runs.push({ lengthBytes: end - at, flags: isZero ? STATE_HOLE | STATE_ZERO : 0 });
      at = end;
    }
    return runs;
  }

  close(): void {
    if (this.isClosed || this.underWay > 0)
      throw new AssertionFailure('a device is closed once, with nothing under way');
    this.isClosed = true;
  }

  /** Lets waiting calls go on. */
  release(count = this.#waiting.length): void {
    for (const go of this.#waiting.splice(0, count)) go();
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  #enter(name: string, offsetBytes: number, lengthBytes: number): void {
    this.calls.push(`${name} ${offsetBytes}+${lengthBytes}`);
    if (this.isClosed) throw new AssertionFailure('a closed device is not used');
    if (offsetBytes < 0 || lengthBytes <= 0 || offsetBytes + lengthBytes > this.sizeBytes)
      throw new AssertionFailure(`a range outside the device: ${offsetBytes}+${lengthBytes}`);
    if (this.fault && this.fault.at >= offsetBytes && this.fault.at < offsetBytes + lengthBytes) throw this.fault.error;
  }

  async #wait(): Promise<void> {
    this.underWay += 1;
    if (this.hold)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.underWay -= 1;
  }
}
