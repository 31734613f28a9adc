import { PairCommand } from '../../cli/pair-command.js';
import { pacingFlags } from '../../cli/pair-flags.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { failure } from '../../core/foundation/foundation.js';

export default class PairPace extends PairCommand<typeof PairPace> {
  static override summary = 'Change how fast pairs are copied.';
  static override description =
    'The pace is how many tracks are copied per turn, the rate a cap in bytes per second beside it. Both hold at once, also ' +
    'for copying that is under way. Pace hold copies nothing.';
  static override examples = [
    '<%= config.bin %> pair pace tokyo:db --pace fast',
    '<%= config.bin %> pair pace tokyo:db tokyo:db-copy --pace slow --rate 10MiB',
    '<%= config.bin %> pair pace tokyo:db --rate 0',
  ];
  static override args = pairArgs;
  static override flags = { ...selectionFlags, ...pacingFlags };

  protected async execute(): Promise<Outcome> {
    const { pace, rate } = this.flags;
    if (pace === undefined && rate === undefined) throw failure('usage', 'Neither --pace nor --rate is given.');
    const input = { pace, rateBytesPerSecond: rate };
    const selection = await this.selectPairs();
    const parts = selection.map(({ pairs, ...part }) => ({ ...part, input: { ...input, pairs } }));
    return this.act('pair.pace', parts);
  }
}
