import { Args, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { parseAddress } from '../../core/volume/volume.js';

export default class VolumeDetach extends ToolkitCommand<typeof VolumeDetach> {
  static override summary = 'Take a volume off a port.';
  static override description = 'Hosts that use it there are cut off.';
  static override examples = ['<%= config.bin %> volume detach tokyo:db --port CL1-A'];
  static override args = { volume: Args.string({ required: true, description: 'SYSTEM:VOLUME.' }) };
  static override flags = {
    port: string({ summary: 'The port.', helpValue: 'NAME', required: true }),
  };

  protected async execute(): Promise<Outcome> {
    const address = parseAddress(this.args.volume);
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(address.system);
    const { port } = this.flags;
    const { output } = await toolkit.use(place, (client) =>
      client.request('volume.detach', { volume: address.volume, port }),
    );
    return { data: { ports: output.ports }, text: `${this.args.volume} is off port ${port}.` };
  }
}
