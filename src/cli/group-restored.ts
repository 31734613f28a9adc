import type { SystemPlace } from '../core/controller/controller.js';
import type { RecoveryAnswer } from '../core/group/group.js';
import { parseAddress } from '../core/volume/volume.js';
import { type Followed, VERDICT_EXIT } from './follow-copy.js';
import { waitNotes } from './pair-command.js';
import type { SystemPairs } from './pair-selection.js';
import { standing, textOf } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';

/** The pairs of remote volume and backup that a recovery restores, by system. */
export function restoredPairs({ members }: RecoveryAnswer, places: readonly SystemPlace[]): readonly SystemPairs[] {
  return places.flatMap((place) => {
    const pairs = members.flatMap(({ secondary, backup, action }) => {
      const brought = action === 'keep' || action === 'commit' || action === 'revert';
      const { system, volume } = parseAddress(secondary);
      if (!brought || backup === null || system !== place.name) return [];
      return [{ primary: volume, secondary: parseAddress(backup).volume }];
    });
    return pairs.length === 0 ? [] : [{ place, pairs, mayBeEmpty: false }];
  });
}

/** A recovery's outcome, and how far its restores had come when the wait was over. */
export function withRestored(outcome: Outcome, followed: Followed, root: string | undefined): Outcome {
  return {
    data: { ...outcome.data, waited: followed.verdict },
    text: async () => [await textOf(outcome), ...followed.pairs.map(standing)].join('\n'),
    notes: waitNotes(followed, root),
    exitCode: VERDICT_EXIT[followed.verdict],
  };
}
