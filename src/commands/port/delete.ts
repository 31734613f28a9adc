import { Args } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class PortDelete extends ToolkitCommand<typeof PortDelete> {
  static override summary = 'Delete a port.';
  static override description =
    'Its volumes are no longer reached through it; hosts that are connected are cut off at once.';
  static override examples = ['<%= config.bin %> port delete tokyo CL1-A'];
  static override args = {
    system: Args.string({ required: true, description: 'Name or path of the system.' }),
    name: Args.string({ required: true, description: 'The name of the port.' }),
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const { output } = await toolkit.use(place, (client) => client.request('port.delete', { name: this.args.name }));
    return { data: { ports: output.ports }, text: `Port ${this.args.name} of ${place.name} is gone.` };
  }
}
