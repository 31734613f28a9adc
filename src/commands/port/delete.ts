import { Args, boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class PortDelete extends ToolkitCommand<typeof PortDelete> {
  static override summary = 'Delete a port.';
  static override description =
    'Hosts that are connected are cut off at once. A port that still has volumes is refused without --force, which tells ' +
    'the volumes that are no longer reached through it.';
  static override examples = [
    '<%= config.bin %> port delete tokyo CL1-A',
    '<%= config.bin %> port delete tokyo CL1-A --force',
  ];
  static override args = {
    system: Args.string({ required: true, description: 'Name or path of the system.' }),
    name: Args.string({ required: true, description: 'The name of the port.' }),
  };
  static override flags = { force: boolean({ summary: 'Delete it with the volumes that are attached to it.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const input = { name: this.args.name, force: this.flags.force };
    const { ports, detached } = (await toolkit.use(place, (client) => client.request('port.delete', input))).output;
    const cut = detached.length === 0 ? '' : ` Hosts reach ${detached.join(', ')} there no more.`;
    return { data: { ports, detached }, text: `Port ${this.args.name} of ${place.name} is gone.${cut}` };
  }
}
