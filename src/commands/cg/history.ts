import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { readEvents } from '../../cli/history-filter.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { FORMATION_COLUMNS } from '../../cli/render/formations.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { groupHistory } from '../../core/group/group.js';

export default class CgHistory extends GroupCommand<typeof CgHistory> {
  static override summary = 'Show the formations and recoveries of a consistency group, oldest first.';
  static override description =
    'Each with its outcome, its cost and, where it came to nothing, the step and the system where it failed. Put together ' +
    'from the histories of all systems below the roots, so also where the master is lost. copyset history shows what else ' +
    'was done.';
  static override examples = [
    '<%= config.bin %> cg history sales',
    '<%= config.bin %> cg history sales --filter outcome!=formed --sort -ended',
  ];
  static override args = { name: groupArg };
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const { group } = await this.findGroup();
    const rows = groupHistory(await readEvents(this.toolkit, {}), group.id);
    const empty = 'No formation yet. copyset cg start forms the group.';
    return listing({ key: 'formations', rows, columns: FORMATION_COLUMNS, flags: this.flags, empty });
  }
}
