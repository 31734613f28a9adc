import { Args, integer, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { parseAddress } from '../../core/volume/volume.js';

export default class VolumeAttach extends ToolkitCommand<typeof VolumeAttach> {
  static override summary = 'Give hosts a volume on a port.';
  static override description =
    'Hosts reach it by its name and as LUN<n>; LUN 0 is also the export without a name. What they may do follows the status of its pairs.';
  static override examples = ['<%= config.bin %> volume attach tokyo:db --port CL1-A'];
  static override args = { volume: Args.string({ required: true, description: 'SYSTEM:VOLUME.' }) };
  static override flags = {
    port: string({ summary: 'The port.', helpValue: 'NAME', required: true }),
    lun: integer({ summary: 'Its number on the port; without it the lowest free one.', helpValue: 'N', min: 0 }),
  };

  protected async execute(): Promise<Outcome> {
    const address = parseAddress(this.args.volume);
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(address.system);
    const { port, lun } = this.flags;
    const { output } = await toolkit.use(place, (client) =>
      client.request('volume.attach', { volume: address.volume, port, lun }),
    );
    return {
      data: { ports: output.ports, lun: output.lun },
      text: `${this.args.volume} is LUN ${output.lun} of port ${port}.`,
    };
  }
}
