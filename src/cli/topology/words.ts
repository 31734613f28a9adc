const UNITS = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;

/** A size as a file has it: the largest unit that says it exactly. */
export function exactSize(bytes: number): string | number {
  const unit = UNITS.find(([, factor]) => bytes > 0 && bytes % factor === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : bytes;
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A span as a file has it. */
export function exactSpan(ms: number): string {
  const unit = SPANS.find(([, factor]) => ms > 0 && ms % factor === 0);
  return unit ? `${ms / unit[1]}${unit[0]}` : `${ms}ms`;
}
