import { openToolkit } from '../../cli/open-toolkit.js';
import { volumeNames } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { eachSystem, volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeUnreserve extends ToolkitCommand<typeof VolumeUnreserve> {
  static override summary = 'Give reserved volumes back to hosts.';
  static override description = 'A volume that is the secondary of a pair stays reserved; delete the pair first.';
  static override examples = ["<%= config.bin %> volume unreserve tokyo:db-copy 'tokyo:spare*'"];
  static override args = volumesArgs;

  protected async execute(): Promise<Outcome> {
    let changed = 0;
    const volumes = await eachSystem(openToolkit(this.roots, this.id), this.args.volumes, async (client, names) => {
      const { output } = await client.request('volume.unreserve', { volumes: names });
      changed += output.changed;
      return output.volumes;
    });
    const already = changed === 0 ? ' already; nothing to do' : '';
    return { data: { volumes, changed }, text: `${volumeNames(volumes)}: no longer reserved${already}.` };
  }
}
