/** Neighbouring bytes of one status. What the bits of `flags` mean is told by the context that reports them. */
export interface StatusRun {
  readonly lengthBytes: number;
  readonly flags: number;
}

/** `base:allocation`: the bytes are not allocated; writing them may need room. */
export const STATE_HOLE = 1;
/** `base:allocation`: the bytes read as zeroes. */
export const STATE_ZERO = 2;

export interface ZeroOptions {
  /** The range shall stay, or become, allocated, so that later writes need no room. */
  readonly keepAllocated: boolean;
  /** Only if it is quicker than writing zeroes; else nothing is changed and the answer is false. */
  readonly onlyIfFast: boolean;
}

/**
 * What a host sees of a volume. Offsets and lengths are bytes and lie inside the device. Every function throws, or rejects
 * with, the reason why it may not or cannot: a host's permission is asked anew with each call.
 *
 * `readNow` and `writeNow` are the fast path: straight from and to the page cache, in the caller's own turn. They answer
 * false, having done nothing, where something must be awaited first; then `read` or `write` does it.
 */
export interface BlockDevice {
  readonly sizeBytes: number;
  readNow(target: Uint8Array, offsetBytes: number): boolean;
  read(target: Uint8Array, offsetBytes: number): Promise<void>;
  /** True when the write landed in this very call: completed, not yet durable. `source` is not used after the call. */
  writeNow(source: Uint8Array, offsetBytes: number): boolean;
  /** Completed, not yet durable, when it resolves. `source` stays untouched until then. */
  write(source: Uint8Array, offsetBytes: number): Promise<void>;
  /** Everything completed before the call is durable when it resolves, whichever connection wrote it. */
  flush(): Promise<void>;
  /** The range reads as zeroes when it resolves true. */
  zero(offsetBytes: number, lengthBytes: number, options: ZeroOptions): Promise<boolean>;
  /** The contents of the range are no longer needed; what it reads as afterwards is open. */
  trim(offsetBytes: number, lengthBytes: number): Promise<void>;
  /** Runs from `offsetBytes` on, each with the STATE_ bits; at least one, at most `runsMax`, about `lengthBytes` together. */
  allocation(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]>;
  /** Its user is done with it. Called once, with nothing under way. */
  close(): void;
}
