import { duration, progress } from '../../cli/flags.js';
import { VERDICT_EXIT } from '../../cli/follow-copy.js';
import { PairCommand, waitNotes } from '../../cli/pair-command.js';
import { statuses } from '../../cli/pair-flags.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import { standing } from '../../cli/render/pair-action.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairWait extends PairCommand<typeof PairWait> {
  static override summary = 'Wait until pairs have a status, copying meanwhile.';
  static override description =
    'All selected pairs must come to one of the statuses: exit 0. Exit 20: the time is over; 21: a pair is suspended; 22: a ' +
    'pair came to a status from which the wanted one cannot come. With --timeout 0 it only looks.';
  static override examples = [
    '<%= config.bin %> pair wait tokyo:db tokyo:db-copy --status split --timeout 10m',
    "<%= config.bin %> pair wait 'tokyo:*' --status PSUS,duplex --timeout 0",
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    status: statuses({ summary: 'The status to wait for, or several of which one is enough.', required: true }),
    timeout: duration({ summary: 'Wait at most this long; without it for ever, with 0 not at all.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const { status = [], timeout = Number.POSITIVE_INFINITY } = this.flags;
    const followed = await this.waitForPairs(await this.selectPairs(), status, timeout);
    return {
      data: { pairs: followed.pairs, verdict: followed.verdict },
      text: () => followed.pairs.map(standing).join('\n'),
      notes: waitNotes(followed, this.flags.root),
      exitCode: VERDICT_EXIT[followed.verdict],
    };
  }
}
