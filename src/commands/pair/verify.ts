import { EXIT } from '../../cli/exit-codes.js';
import { boolean, progress } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import { verifyText } from '../../cli/render/pairs.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairVerify extends PairCommand<typeof PairVerify> {
  static override summary = 'Compare the two sides of pairs, track by track.';
  static override description =
    'Reads both volumes and compares every track that the pair holds to be identical; tracks known to differ are left out, ' +
    'and hosts may go on writing. Exit 0: same; exit 6: tracks differ, and are listed. --repair marks them, so that they ' +
    'are copied again.';
  static override examples = [
    '<%= config.bin %> pair verify tokyo:db tokyo:db-copy',
    "<%= config.bin %> pair verify 'tokyo:*' --repair",
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    repair: boolean({ summary: 'Mark tracks that differ, so that they are copied again.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const parts = await this.selectPairs();
    const rows = await this.ask(parts, 'Comparing', async ({ client, pairs }, extras) => {
      const { output } = await client.request('pair.verify', { pairs, repair: this.flags.repair }, extras);
      return output.pairs;
    });
    const same = rows.every((row) => row.same);
    return { data: { pairs: rows }, text: verifyText(rows), exitCode: same ? EXIT.done : EXIT.differs };
  }
}
