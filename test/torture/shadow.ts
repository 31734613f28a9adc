/** What the campaign writes is told apart by stamps: each 4 KiB block is filled with the number of the write that wrote it last. */
export const BLOCK_BYTES = 4096;

export interface BlockWrite {
  readonly stamp: number;
  readonly first: number;
  readonly count: number;
  /** The command that wrote it exited 0. */
  acknowledged: boolean;
}

/** The bytes of a write. */
export function stampedBytes(stamp: number, count: number): Buffer {
  return Buffer.from(new Uint32Array((count * BLOCK_BYTES) / 4).fill(stamp).buffer);
}

/** The stamp of each block, or -1 for one that is torn: parts of it are of different writes. */
export function stampsOf(bytes: Uint8Array): Int32Array {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const perBlock = BLOCK_BYTES / 4;
  const stamps = new Int32Array(words.length / perBlock);
  for (let block = 0; block < stamps.length; block += 1) {
    const stamp = words[block * perBlock] as number;
    let same = true;
    for (let i = 1; i < perBlock; i += 1) same &&= words[block * perBlock + i] === stamp;
    stamps[block] = same ? stamp : -1;
  }
  return stamps;
}

/**
 * What a volume must hold: for each block the stamp, or one of several where a kill left the fate of a write open. Looking at the
 * volume settles which.
 */
export class Shadow {
  readonly #allowed: (readonly number[])[];

  constructor(allowed: readonly (readonly number[])[]) {
    this.#allowed = [...allowed];
  }

  static zeros(blocks: number): Shadow {
    return new Shadow(Array.from({ length: blocks }, () => [0]));
  }

  copy(): Shadow {
    return new Shadow(this.#allowed);
  }

  wrote({ stamp, first, count, acknowledged }: BlockWrite): void {
    for (let block = first; block < first + count; block += 1) {
      this.#allowed[block] = acknowledged ? [stamp] : [...(this.#allowed[block] ?? []), stamp];
    }
  }

  /** The volume may also have jumped to what `other` holds. */
  mayBe(other: Shadow): void {
    for (const [block, stamps] of other.#allowed.entries())
      this.#allowed[block] = [...new Set([...(this.#allowed[block] ?? []), ...stamps])];
  }

  /** Compares with what is there, and takes it as settled. The blocks that hold what they must not, described. */
  settle(stamps: Int32Array): string[] {
    const wrong: string[] = [];
    for (const [block, stamp] of stamps.entries()) {
      const allowed = this.#allowed[block] ?? [];
      if (!allowed.includes(stamp)) wrong.push(`block ${block} holds ${stamp}, not ${allowed.join(' or ')}`);
      if (allowed.length !== 1 || allowed[0] !== stamp) this.#allowed[block] = [stamp];
    }
    return wrong;
  }
}

/**
 * A point in time shows a prefix of what one writer wrote, one write after the other: with the last write that is seen, all earlier
 * ones are there, whole, except where a later one lies on top.
 */
export function notAPrefix(stamps: Int32Array, writes: readonly BlockWrite[]): string[] {
  const seen = (write: BlockWrite) => stamps.subarray(write.first, write.first + write.count).includes(write.stamp);
  const last = writes.findLastIndex(seen);
  return writes.slice(0, last + 1).flatMap((write, index) => {
    const mayBePartial = index === last && !write.acknowledged;
    const lacking = [...stamps.subarray(write.first, write.first + write.count)].some((stamp) => stamp < write.stamp);
    return lacking && !mayBePartial ? [`write ${write.stamp} is missing beside write ${writes[last]?.stamp}`] : [];
  });
}
