/** What a host sees of a volume. Offsets and lengths are bytes and lie inside the device. */
export interface BlockDevice {
  readonly sizeBytes: number;
  read(target: Uint8Array, offsetBytes: number): Promise<void>;
  /** Completed, not yet durable, when it resolves. */
  write(source: Uint8Array, offsetBytes: number): Promise<void>;
  /** Everything completed before the call is durable when it resolves. */
  flush(): Promise<void>;
}
