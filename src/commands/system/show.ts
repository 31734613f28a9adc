import { Args } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { systemDetails } from '../../cli/render/systems.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemShow extends ToolkitCommand<typeof SystemShow> {
  static override summary = 'Show a storage system in full.';
  static override description = 'All that is known of a system. Reads without owning it.';
  static override examples = ['<%= config.bin %> system show tokyo', '<%= config.bin %> system show ./tokyo --json'];
  static override args = { name: Args.string({ required: true, description: 'Name or path of the system.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.name);
    const { system } = (await toolkit.read(place, (reader) => reader.request('system.show'))).output;
    return { data: { systems: [system] }, text: systemDetails(system) };
  }
}
