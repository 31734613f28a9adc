import { EXIT } from '../../cli/exit-codes.js';
import { boolean, progress } from '../../cli/flags.js';
import { copierOf, PairCommand } from '../../cli/pair-command.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import { atMost, repairedNote } from '../../cli/pair-words.js';
import { verifyText } from '../../cli/render/pairs.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairVerify extends PairCommand<typeof PairVerify> {
  static override summary = 'Compare the two sides of pairs, track by track.';
  static override description =
    'Reads both volumes and compares every track that the pair holds to be identical; tracks known to differ are left out ' +
    'and counted apart (leftOutTracks), and hosts may go on writing. Exit 0: all that was compared is the same; exit 6: tracks ' +
    'differ, and are listed. --repair marks them, so that they are copied again.';
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
    const notes: string[] = [];
    const rows = await this.ask(parts, 'Comparing', async ({ client, pairs }, extras) => {
      const { output } = await client.request('pair.verify', { pairs, repair: this.flags.repair }, extras);
      const repaired = output.pairs.filter((row) => row.repaired > 0);
      const copier = repaired.length > 0 ? await copierOf(client) : undefined;
      const words = copier && `${copier.purpose} (pid ${copier.pid})`;
      notes.push(...repaired.flatMap((row) => repairedNote(row, words, this.flags.root) ?? []));
      return output.pairs;
    });
    const same = rows.every((row) => row.same);
    return {
      data: { pairs: rows },
      text: verifyText(rows),
      notes: atMost(notes),
      exitCode: same ? EXIT.done : EXIT.differs,
    };
  }
}
