import { listing, listingFlags } from '../../cli/listing.js';
import type { Column } from '../../cli/render/table.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

// A sample that proves the build; to be replaced by the listing of real systems.
interface SystemRow {
  readonly name: string;
  readonly site: string;
}

const COLUMNS: readonly Column<SystemRow>[] = [
  { key: 'name', title: 'NAME', value: (row) => row.name },
  { key: 'site', title: 'SITE', value: (row) => row.site },
];

export default class SystemList extends ToolkitCommand<typeof SystemList> {
  static override summary = 'List the storage systems under the root.';
  static override description = 'Shows every storage system found below the folders of --root, with its site.';
  static override examples = ['<%= config.bin %> system list', '<%= config.bin %> system list --json'];
  static override flags = { ...listingFlags };

  protected async execute(): Promise<Outcome> {
    const rows: SystemRow[] = [];
    return listing({ key: 'systems', rows, columns: COLUMNS, flags: this.flags, empty: 'No system here.' });
  }
}
