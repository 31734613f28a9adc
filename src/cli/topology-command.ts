import { dirname, resolve } from 'node:path';
import { VERDICT_EXIT } from './follow-copy.js';
import { createOutput, type Toolkit } from './open-toolkit.js';
import { waitNotes } from './pair-command.js';
import type { Progress } from './render/progress.js';
import { changeCount, changeLines, changeRow } from './render/topology.js';
import type { Outcome } from './toolkit-command.js';
import type { Step } from './topology/steps.js';

interface ApplyWords {
  readonly plan: boolean;
  readonly prune: boolean;
  readonly force: boolean;
  readonly timeout?: number | undefined;
  readonly signal: AbortSignal;
  readonly startProgress: (label: string) => Progress;
}

/** `topology apply`. */
export async function applyTopology(toolkit: Toolkit, path: string, words: ApplyWords): Promise<Outcome> {
  const { readTopology } = await import('./topology/file.js');
  const { applySteps, demandForce, planOf } = await import('./topology/apply.js');
  const file = await readTopology(path, dirname(resolve(path)));
  const steps = await planOf(toolkit, file, words.prune);
  if (steps.length === 0) return { data: dataOf('nothing', steps), text: 'Nothing to do: all is as the file says.' };
  if (words.plan) return plannedOutcome(steps);
  if (!words.force) demandForce(steps);
  const { timeout: timeoutMs = Number.POSITIVE_INFINITY } = words;
  const { followed } = await applySteps(toolkit, steps, { ...words, timeoutMs });
  const count = changeCount(steps, { '+': 'added', '~': 'changed', '-': 'removed' });
  if (followed === undefined)
    return { data: dataOf('done', steps), text: [...changeLines(steps), '', `Done: ${count}.`].join('\n') };
  const { verdict, pairs } = followed;
  return {
    data: { ...dataOf('unfinished', steps), verdict, pairs },
    text: 'Not finished; the same command goes on from here.',
    notes: waitNotes(followed, undefined),
    exitCode: VERDICT_EXIT[verdict],
  };
}

function plannedOutcome(steps: readonly Step[]): Outcome {
  const count = changeCount(steps, { '+': 'to add', '~': 'to change', '-': 'to remove' });
  const loses = steps.some((step) => step.loses !== null) ? ' Data would be lost; this needs --force.' : '';
  return {
    data: dataOf('planned', steps),
    text: [...changeLines(steps), '', `${count}.${loses} Nothing was changed.`].join('\n'),
  };
}

function dataOf(outcome: 'nothing' | 'planned' | 'done' | 'unfinished', steps: readonly Step[]) {
  return { outcome, changes: steps.map(changeRow) };
}

/** `topology export`. */
export async function exportedTopology(toolkit: Toolkit, output: string | undefined): Promise<Outcome> {
  const { readPresent } = await import('./topology/present.js');
  const { exportTopology } = await import('./topology/export.js');
  const { stringify } = await import('yaml');
  const { document, notes } = exportTopology(await readPresent(toolkit));
  // Numbers as 00:10 are in quotes: many readers take them for sixties.
  const yaml = stringify(document, { compat: 'yaml-1.1' });
  if (output === undefined) return { data: { topology: document }, text: yaml, notes };
  const file = await createOutput(output);
  try {
    await file.write(new TextEncoder().encode(yaml));
    await file.commit();
  } finally {
    await file.discard();
  }
  return { data: { topology: document, file: output }, text: `Wrote the topology to ${output}.`, notes };
}
