import { openToolkit } from '../../cli/open-toolkit.js';
import { volumeNames } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { eachSystem, volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeReserve extends ToolkitCommand<typeof VolumeReserve> {
  static override summary = 'Keep volumes as copy targets.';
  static override description = 'Hosts may no longer write them, and SECONDARY auto takes them.';
  static override examples = ["<%= config.bin %> volume reserve tokyo:db-copy 'tokyo:spare*'"];
  static override args = volumesArgs;

  protected async execute(): Promise<Outcome> {
    let changed = 0;
    const volumes = await eachSystem(openToolkit(this.roots, this.id), this.args.volumes, async (client, names) => {
      const { output } = await client.request('volume.reserve', { volumes: names });
      changed += output.changed;
      return output.volumes;
    });
    const already = changed === 0 ? ' already; nothing to do' : '';
    return { data: { volumes, changed }, text: `${volumeNames(volumes)}: reserved${already}.` };
  }
}
