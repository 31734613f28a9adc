import { boolean, time } from '../../cli/flags.js';
import { type Asked, PairCommand } from '../../cli/pair-command.js';
import { actionFlags, pacingFlags } from '../../cli/pair-flags.js';
import { pairArgs, type SystemPairs, selectionFlags } from '../../cli/pair-selection.js';
import { splitAt } from '../../cli/split-at.js';
import { splitOver } from '../../cli/split-over.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { demandFuture } from '../../cli/until.js';

export default class PairSplit extends PairCommand<typeof PairSplit> {
  static override summary = 'Freeze a point in time on the secondary.';
  static override description =
    'From now on the secondary shows the primary as it was at this moment, hosts may use both, and both sides record what ' +
    'is written. Tracks not copied yet follow in the background. Several pairs are frozen under one gate: all at one ' +
    'instant, or none. Over several systems the gate opens by itself at a limit, so that no host waits for a system that ' +
    'hangs; then, or where a system is lost, the split is void, every pair goes on as before, and the exit code is 10. ' +
    'With --at the pairs are those that were meant when the wait began: one made since is left alone, and where one is gone ' +
    'the others are split, it is told, and the exit code is 4.';
  static override examples = [
    '<%= config.bin %> pair split tokyo:db --wait',
    "<%= config.bin %> pair split 'tokyo:*' --plan",
    "<%= config.bin %> pair split '*:db*' --wait",
    '<%= config.bin %> pair split tokyo:db tokyo:db-copy --at 22:00 --wait=1h',
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    at: time('next', { summary: 'Wait for this time first; HH:MM is the next one. ^C cancels.' }),
    virtual: boolean({ summary: 'Copy only tracks about to be overwritten; no background copy.' }),
    'read-only': boolean({ summary: 'Hosts may read the secondary, not write it.' }),
    ...pacingFlags,
    ...actionFlags,
  };

  protected async execute(): Promise<Outcome> {
    const { at, virtual, pace, rate } = this.flags;
    if (at !== undefined) demandFuture(at);
    const selection = await this.selectPairs();
    const input = { virtual, readOnly: this.flags['read-only'] || undefined, pace, rateBytesPerSecond: rate };
    const { group } = this.flags;
    const together = (meant: readonly Asked<'pair.split'>[]) =>
      splitOver(this.toolkit, meant, { group, words: input, signal: this.signal });
    const split = (meant: readonly SystemPairs[], ready?: () => Promise<void>) => {
      const parts = meant.map(({ place, pairs, mayBeEmpty }) => ({ place, mayBeEmpty, input: { ...input, pairs } }));
      return this.act('pair.split', parts, ready, together);
    };
    if (at === undefined || this.flags.plan) return split(selection);
    return splitAt(this.toolkit, selection, at, { signal: this.signal, quiet: this.quiet, group, split });
  }
}
