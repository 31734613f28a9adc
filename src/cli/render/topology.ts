import type { Step } from '../topology/steps.js';

/** A step for programs. */
export function changeRow({ sign, kind, name, detail, loses }: Step) {
  return { action: ACTIONS[sign], kind, name, detail, loses };
}

const ACTIONS = { '+': 'add', '~': 'change', '-': 'remove' } as const;

/** The difference for people: `+` is made, `~` is changed, `-` is removed. */
export function changeLines(steps: readonly Step[]): string[] {
  return steps.map(({ sign, kind, name, detail, loses }) => {
    const more = detail === '' ? '' : `  ${detail}`;
    return `${sign} ${kind} ${name}${more}${loses === null ? '' : `  (loses ${loses})`}`;
  });
}

/** `3 added, 1 changed`. */
export function changeCount(steps: readonly Step[], words: Readonly<Record<Step['sign'], string>>): string {
  return (['+', '~', '-'] as const)
    .map((sign) => ({ sign, count: steps.filter((step) => step.sign === sign).length }))
    .filter(({ count }) => count > 0)
    .map(({ sign, count }) => `${count} ${words[sign]}`)
    .join(', ');
}
