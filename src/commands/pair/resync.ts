import { boolean } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { actionFlags, pacingFlags } from '../../cli/pair-flags.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairResync extends PairCommand<typeof PairResync> {
  static override summary = 'Copy the differences: to the secondary, or with --reverse back to the primary.';
  static override description =
    'Copies only tracks that were written on either side since the split, or that were not copied yet. Hosts lose the ' +
    'secondary until it is split again. With --reverse the primary gets the contents of the secondary; hosts may use the ' +
    'primary at once. Where bytes written at the losing side would vanish, --discard is needed; --plan says how many. What a group ' +
    'or a session recovered at its secondaries comes back with its failback; only --force overwrites it.';
  static override examples = [
    '<%= config.bin %> pair resync tokyo:db --discard --wait',
    '<%= config.bin %> pair resync tokyo:db tokyo:db-copy --reverse --plan',
    '<%= config.bin %> pair resync tokyo:db tokyo:db-copy --reverse --discard --wait=10m',
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    reverse: boolean({ summary: 'Restore: copy the differences from the secondary to the primary.' }),
    discard: boolean({ summary: 'Lose what was written at the losing side since the split.' }),
    force: boolean({ summary: 'Also over what a group or a session recovered at the secondary.' }),
    ...pacingFlags,
    ...actionFlags,
  };

  protected async execute(): Promise<Outcome> {
    const { reverse, discard, force, pace, rate } = this.flags;
    const input = { reverse, discard, force, pace, rateBytesPerSecond: rate };
    const selection = await this.selectPairs();
    const parts = selection.map(({ pairs, ...part }) => ({ ...part, input: { ...input, pairs } }));
    return this.act('pair.resync', parts);
  }
}
