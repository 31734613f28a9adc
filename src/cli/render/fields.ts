/** A heading and what stands beside it; left out where there is nothing. */
export type Field = readonly [heading: string, value: string | null | undefined];

/** One thing in full: a line for each field. */
export function fields(all: readonly Field[]): string {
  const present = all.filter(([, value]) => value !== undefined && value !== null && value !== '');
  const width = Math.max(0, ...present.map(([heading]) => heading.length));
  return present.map(([heading, value]) => `${heading.padEnd(width)}  ${value}`).join('\n');
}
