import { readGroupViews } from '../../cli/group-finding.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { nowMs } from '../../cli/now.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { GROUP_COLUMNS, NO_GROUP } from '../../cli/render/groups.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { listGroups } from '../../core/group/group.js';

export default class CgList extends ToolkitCommand<typeof CgList> {
  static override summary = 'List consistency groups with their last group and exposure.';
  static override description =
    'EXPOSURE is how old the data would be that a recovery brings back now. Reads without owning a system, so it answers ' +
    'while others work.';
  static override examples = [
    '<%= config.bin %> cg list',
    '<%= config.bin %> cg list --sort -exposureSeconds --columns name,exposureSeconds,lastFailure',
  ];
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const { views, troubles } = await readGroupViews(openToolkit(this.roots, this.id));
    const rows = listGroups(views, nowMs());
    const table = listing({ key: 'groups', rows, columns: GROUP_COLUMNS, flags: this.flags, empty: NO_GROUP });
    return { ...table, notes: troubles };
  }
}
