import { readSystems, withTroubles } from '../../cli/listed.js';
import { listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { copiesOf, systemListing } from '../../cli/render/systems.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemList extends ToolkitCommand<typeof SystemList> {
  static override summary = 'List the storage systems below the root.';
  static override description =
    'Shows every storage system in the folders of --root, and which process is its controller now. Reads without owning a ' +
    'system. A system that cannot be read is told on standard error; the others are listed.';
  static override examples = [
    '<%= config.bin %> system list',
    '<%= config.bin %> system list --columns name,id,path --json',
  ];
  static override flags = { ...listingFlags };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const read = await readSystems(toolkit, [], async (reader) => [
      (await reader.request('system.show')).output.system,
    ]);
    return withTroubles({ ...systemListing(read.rows, this.flags), notes: copiesOf(read.rows) }, read);
  }
}
