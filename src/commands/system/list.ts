import { separateWords } from '../../cli/copies.js';
import { readSystems, withTroubles } from '../../cli/listed.js';
import { listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { systemListing } from '../../cli/render/systems.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import type { SystemReader } from '../../core/controller/controller.js';

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
    const show = async (reader: SystemReader) => [(await reader.request('system.show')).output.system];
    const read = await readSystems(toolkit, [], show);
    const { copies } = await toolkit.discover();
    const copied = await Promise.all(copies.map(({ place }) => toolkit.read(place, show)));
    const notes = copies.map(
      ({ place, original }) =>
        `${place.path} and ${original} are one system, copied: use one of them only, or ${separateWords(place.path)}`,
    );
    return withTroubles({ ...systemListing([...read.rows, ...copied.flat()], this.flags), notes }, read);
  }
}
