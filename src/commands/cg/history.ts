import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { FORMATION_COLUMNS } from '../../cli/render/formations.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgHistory extends GroupCommand<typeof CgHistory> {
  static override summary = 'Show the formations of a consistency group, oldest first.';
  static override description =
    'Each with its outcome, its cost and, where it came to nothing, the step and the system where it failed. copyset ' +
    'history shows what else was done.';
  static override examples = [
    '<%= config.bin %> cg history sales',
    '<%= config.bin %> cg history sales --filter outcome!=formed --sort -ended',
  ];
  static override args = { name: groupArg };
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const { formations: rows } = await this.askMaster('cg.history', {});
    const empty = 'No formation yet. copyset cg start forms the group.';
    return listing({ key: 'formations', rows, columns: FORMATION_COLUMNS, flags: this.flags, empty });
  }
}
