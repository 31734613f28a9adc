import { boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { pairArgs, selectionFlags, selectPairs } from '../../cli/pair-selection.js';
import { eventsOf, showPairs } from '../../cli/pair-show.js';
import { historyTable } from '../../cli/render/history.js';
import { pairDetails } from '../../cli/render/pairs.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class PairShow extends ToolkitCommand<typeof PairShow> {
  static override summary = 'Show pairs in full.';
  static override description = 'All that is known of a pair; with --history also what was done to it.';
  static override examples = [
    '<%= config.bin %> pair show tokyo:db',
    '<%= config.bin %> pair show tokyo:db tokyo:db-copy --paths --history',
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    paths: boolean({ summary: 'With the paths of the images.' }),
    history: boolean({ summary: 'With the operations on the pair, oldest first.' }),
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const selection = await selectPairs(toolkit, this.args, this.flags);
    const pairs = await showPairs(toolkit, selection, this.flags);
    const text = () => pairs.map(pairDetails).join('\n\n');
    if (!this.flags.history) return { data: { pairs }, text };
    const events = await eventsOf(toolkit, selection, pairs);
    return { data: { pairs, events }, text: async () => `${text()}\n\n${await historyTable(events)}` };
  }
}
