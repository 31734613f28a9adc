import { Args, boolean, integer } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { actionFlags, pacingFlags } from '../../cli/pair-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { parseAddress } from '../../core/volume/volume.js';

export default class PairRotate extends PairCommand<typeof PairRotate> {
  static override summary = 'Split the following secondary and let another one follow: a series of points in time.';
  static override description =
    'Splits the secondary that follows PRIMARY; then a free reserved volume is paired, or, where --keep of them exist, the ' +
    'secondary with the oldest point in time is resynced to follow. pair list --sort pointInTime shows the series.';
  static override examples = [
    '<%= config.bin %> pair rotate tokyo:db --keep 7 --wait',
    '<%= config.bin %> pair rotate tokyo:db --keep 7 --discard --plan',
  ];
  static override args = {
    primary: Args.string({ required: true, description: 'Primary volume, as SYSTEM:VOLUME.' }),
  };
  static override flags = {
    keep: integer({ summary: 'So many secondaries at most; then the oldest is used again.', helpValue: 'N', min: 1 }),
    discard: boolean({ summary: 'Lose what hosts wrote on the secondary that is used again.' }),
    ...pacingFlags,
    ...actionFlags,
  };

  protected async execute(): Promise<Outcome> {
    const { system, volume } = parseAddress(this.args.primary);
    const { keep, discard, pace, rate } = this.flags;
    const input = { primary: volume, keep, discard, pace, rateBytesPerSecond: rate };
    return this.act('pair.rotate', [{ place: await this.toolkit.find(system), input }]);
  }
}
