import { Args } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { faultsText } from '../../cli/render/faults.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class FaultList extends ToolkitCommand<typeof FaultList> {
  static override summary = 'List the faults set on a fixture system.';
  static override description = 'Reads without owning the system.';
  static override examples = ['<%= config.bin %> fault list lab'];
  static override args = { system: Args.string({ required: true, description: 'Name or path of the system.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const { faults } = (await toolkit.read(place, (reader) => reader.request('fault.list'))).output;
    return {
      data: { faults: faults.map((row) => ({ system: place.name, ...row })) },
      text: faultsText(place.name, faults),
    };
  }
}
