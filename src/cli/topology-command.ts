import { dirname, resolve } from 'node:path';
import { type Followed, VERDICT_EXIT, type Verdict } from './follow-copy.js';
import type { Toolkit } from './open-toolkit.js';
import { waitNotes } from './pair-command.js';
import type { Progress } from './render/progress.js';
import { changeCount, changeLines, changeRow } from './render/topology.js';
import type { Outcome } from './toolkit-command.js';
import type { Awaited } from './topology/awaiting.js';
import type { Step } from './topology/steps.js';

interface ApplyWords {
  readonly plan: boolean;
  readonly prune: boolean;
  readonly force: boolean;
  /** The limit of `--wait`; undefined where it was not given. */
  readonly wait?: number | undefined;
  readonly timeout?: number | undefined;
  readonly signal: AbortSignal;
  readonly startProgress: (label: string) => Progress;
}

const FOR_EVER_MS = Number.POSITIVE_INFINITY;

/** `topology apply`. */
export async function applyTopology(toolkit: Toolkit, path: string, words: ApplyWords): Promise<Outcome> {
  const { readTopology } = await import('./topology/file.js');
  const { applySteps, demandForce, planOf } = await import('./topology/apply.js');
  const { WaitLimit } = await import('./topology/follow-pairs.js');
  const file = await readTopology(path, dirname(resolve(path)));
  const steps = await planOf(toolkit, file, words.prune);
  if (words.plan && steps.length > 0) return plannedOutcome(steps);
  if (!words.force) demandForce(steps);
  const options = { ...words, limit: new WaitLimit(Math.min(words.timeout ?? FOR_EVER_MS, words.wait ?? FOR_EVER_MS)) };
  const { followed } = await applySteps(toolkit, steps, options);
  if (followed !== undefined) return unfinishedOutcome(steps, followed);
  const done = doneOutcome(steps);
  if (words.plan) return done;
  const { unservedNotes } = await import('./topology/unserved.js');
  const notes = await unservedNotes(toolkit, file.desired);
  if (words.wait === undefined) return { ...done, notes };
  const { awaitTopology, worstOf } = await import('./topology/awaiting.js');
  const awaited = await awaitTopology(toolkit, file.desired, options);
  return awaitedOutcome(done, steps, { awaited, verdict: worstOf(awaited) }, notes);
}

function doneOutcome(steps: readonly Step[]) {
  if (steps.length === 0) return { data: dataOf('nothing', steps), text: 'Nothing to do: all is as the file says.' };
  const count = changeCount(steps, { '+': 'added', '~': 'changed', '-': 'removed' });
  return { data: dataOf('done', steps), text: [...changeLines(steps), '', `Done: ${count}.`].join('\n') };
}

function unfinishedOutcome(steps: readonly Step[], followed: Followed): Outcome {
  const { verdict, pairs } = followed;
  return {
    data: { ...dataOf('unfinished', steps), verdict, pairs },
    text: UNFINISHED,
    notes: waitNotes(followed, undefined),
    exitCode: VERDICT_EXIT[verdict],
  };
}

const UNFINISHED = 'Not finished; the same command goes on from here.';

/** What was waited for stands in `awaited`, one row each; the exit code is that of the worst. */
function awaitedOutcome(
  done: { readonly data: Record<string, unknown>; readonly text: string },
  steps: readonly Step[],
  { awaited, verdict }: { readonly awaited: readonly Awaited[]; readonly verdict: Verdict },
  notes: readonly string[],
): Outcome {
  if (verdict === 'reached') {
    const text = `${done.text}\nAll of it is there: ${awaited.length} waited for.`;
    return { data: { ...done.data, verdict, awaited }, text, notes };
  }
  const missing = awaited.filter((row) => row.verdict !== 'reached');
  return {
    data: { ...dataOf('unfinished', steps), verdict, awaited },
    text: [...missing.map(awaitedLine), UNFINISHED].join('\n'),
    notes,
    exitCode: VERDICT_EXIT[verdict],
  };
}

function awaitedLine({ kind, name, verdict, reason }: Awaited): string {
  return `${kind} ${name}  ${verdict}${reason === null ? '' : `: ${reason}`}`;
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
  const file = await toolkit.createOutput(output);
  try {
    await file.write(new TextEncoder().encode(yaml));
    await file.commit();
  } finally {
    await file.discard();
  }
  return { data: { topology: document, file: output }, text: `Wrote the topology to ${output}.`, notes };
}
