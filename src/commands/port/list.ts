import { Args } from '../../cli/flags.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { PORT_COLUMNS } from '../../cli/render/ports.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import type { PortListing } from '../../core/controller/controller.js';

export default class PortList extends ToolkitCommand<typeof PortList> {
  static override summary = 'List ports, and which volume is which LUN on them.';
  static override description =
    'Reads without owning the systems. ADDRESS is where a port listens now, while somebody serves it.';
  static override examples = ['<%= config.bin %> port list', '<%= config.bin %> port list tokyo --json'];
  static override args = { system: Args.string({ description: 'Name, path or pattern; without it all systems.' }) };
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const rows: PortListing[] = [];
    for (const place of await toolkit.match(this.args.system ?? '*')) {
      rows.push(...(await toolkit.read(place, (reader) => reader.request('port.list'))).output.ports);
    }
    return listing({ key: 'ports', rows, columns: PORT_COLUMNS, flags: this.flags, empty: 'No port here.' });
  }
}
