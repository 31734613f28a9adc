import type { SequenceTime } from '../foundation/foundation.js';
import type { TimeDigits } from './checkpoint.js';

/** What turns a host's monotonic clock into sequence times. It holds for one boot of the host and for no other. */
export interface Anchor {
  /** Names the boot; after the next one the monotonic clock starts anew and nothing is journalled until another anchor is agreed. */
  readonly boot: string;
  /** What is added to the clock: decimal digits, perhaps with a minus before them. */
  readonly offsetNs: string;
  /** Wall time of the agreement; a label, never an order. */
  readonly agreedAtMs: number;
}

/** The sequence time at a reading of the host's clock. */
export function timeAt(anchor: Anchor, clockNs: bigint): SequenceTime {
  return clockNs + BigInt(anchor.offsetNs);
}

/** What one system says of its clock when the systems exchange that they are active. */
export interface ClockMark {
  readonly system: string;
  readonly boot: string;
  readonly anchor: Anchor | null;
  /** The highest time that it ever stamped, saw or keeps: what comes next is above it. */
  readonly mark: TimeDigits;
}

export type AnchorVerdict =
  | { readonly kind: 'keep'; readonly label: string; readonly anchor: Anchor }
  | { readonly kind: 'agree'; readonly label: string; readonly anchor: Anchor }
  | { readonly kind: 'differ'; readonly label: string; readonly systems: readonly string[] }
  | { readonly kind: 'ahead'; readonly label: string; readonly systems: readonly string[] };

/**
 * Which anchor the primaries of a session have in common. Only all of them together may have one: a clock that is set ahead for one of them
 * would stamp a write later than another that depends on it (H24).
 *
 * @A differ  they do not share one boot, so not one monotonic clock: clock order cannot be kept.
 * @B keep    every one that is anchored in this boot is so by the same anchor, and its time has passed every mark: the others take it.
 * @C ahead   an anchor is in use and a mark lies ahead of its time: that system waits until the time has come; nobody's clock jumps.
 * @D agree   nobody is anchored in this boot, so nobody journals: a new one above all marks, near the wall clock.
 */
export function judgeAnchors(marks: readonly ClockMark[], clockNs: bigint, nowMs: number): AnchorVerdict {
  const boot = marks[0]?.boot ?? '';
  const strangers = marks.filter((one) => one.boot !== boot);
  if (strangers.length > 0) return { kind: 'differ', label: '@A', systems: strangers.map(({ system }) => system) };
  const used = marks.flatMap(({ anchor }) => (anchor?.boot === boot ? [anchor] : []));
  const [inUse] = used;
  if (inUse === undefined) return { kind: 'agree', label: '@D', anchor: anchorAbove(marks, boot, clockNs, nowMs) };
  const disagreeing = marks.filter(({ anchor }) => anchor?.boot === boot && anchor.offsetNs !== inUse.offsetNs);
  if (disagreeing.length > 0) return { kind: 'differ', label: '@A', systems: disagreeing.map(({ system }) => system) };
  const ahead = marks.filter(({ mark }) => BigInt(mark) >= timeAt(inUse, clockNs));
  if (ahead.length > 0) return { kind: 'ahead', label: '@C', systems: ahead.map(({ system }) => system) };
  return { kind: 'keep', label: '@B', anchor: inUse };
}

function anchorAbove(marks: readonly ClockMark[], boot: string, clockNs: bigint, nowMs: number): Anchor {
  const wall = BigInt(Math.trunc(nowMs)) * 1_000_000n;
  const first = marks.reduce((highest, { mark }) => (BigInt(mark) >= highest ? BigInt(mark) + 1n : highest), wall);
  return { boot, offsetNs: (first - clockNs).toString(), agreedAtMs: Math.trunc(nowMs) };
}
