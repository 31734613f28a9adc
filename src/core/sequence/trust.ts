/** A clock was read elsewhere between two readings of the own one. */
export interface ClockExchange {
  readonly ownBoot: string;
  /** The own clock before the question left and when the answer was there. */
  readonly askedNs: bigint;
  readonly answeredNs: bigint;
  readonly theirBoot: string;
  readonly readNs: bigint;
}

export type ClockTrust =
  | { readonly trusted: true; readonly label: string }
  | { readonly trusted: false; readonly label: string; readonly why: 'another-boot' | 'behind' | 'ahead' };

/**
 * Whether two systems read one clock (H24). What was read must lie between question and answer; the same monotonic clock always does.
 *
 * @A another-boot  another host, or another boot of this one: two clocks, whose drift nobody bounds.
 * @B behind        read before the question was asked.
 * @C ahead         read after the answer was there.
 * @D trusted
 */
export function judgeClock({ ownBoot, theirBoot, askedNs, readNs, answeredNs }: ClockExchange): ClockTrust {
  if (ownBoot !== theirBoot) return { trusted: false, label: '@A', why: 'another-boot' };
  if (readNs < askedNs) return { trusted: false, label: '@B', why: 'behind' };
  if (readNs > answeredNs) return { trusted: false, label: '@C', why: 'ahead' };
  return { trusted: true, label: '@D' };
}
