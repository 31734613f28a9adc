import type { SplitOverAnswer } from '../core/controller/controller.js';
import { type Followed, VERDICT_EXIT } from './follow-copy.js';
import { waitNotes } from './pair-command.js';
import { atMost, goOnCommand } from './pair-words.js';
import { actionSentence, standing } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';

/** What `cg split` did to the group's pairs, and how they stood after waiting for them. */
export function splitOutcome(
  { parts }: SplitOverAnswer,
  followed: Followed | undefined,
  root: string | undefined,
): Outcome {
  const rows = parts.flatMap(({ answer }) => answer.pairs);
  const [pauseMs] = parts.flatMap(({ answer }) => answer.pauseMs ?? []);
  const pause = pauseMs === undefined ? {} : { pauseMs };
  const sentences = rows.map(actionSentence);
  if (!followed) {
    // Numbers of pairs count in their own system only.
    const left = parts.flatMap(({ answer }) => answer.pairs.filter(({ number }) => answer.copying.includes(number)));
    const notes = left.map((row) => `Copying is left to do: run "${goOnCommand(row, row.after, undefined, root)}".`);
    return { data: { pairs: rows, ...pause }, text: () => sentences.join('\n'), notes: atMost(notes) };
  }
  return {
    data: { pairs: rows, ...pause, verdict: followed.verdict },
    text: () => [...sentences, ...followed.pairs.map(standing)].join('\n'),
    notes: waitNotes(followed, root),
    exitCode: VERDICT_EXIT[followed.verdict],
  };
}
