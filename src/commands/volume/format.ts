import { boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { volumeNames } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { eachSystem, volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeFormat extends ToolkitCommand<typeof VolumeFormat> {
  static override summary = 'Make volumes all zeros, as if never written.';
  static override description = 'All data of the volumes is lost, so --force is needed.';
  static override examples = ['<%= config.bin %> volume format tokyo:db-copy --force'];
  static override args = volumesArgs;
  static override flags = { force: boolean({ summary: 'Lose all data of the volumes.' }) };

  protected async execute(): Promise<Outcome> {
    const { force } = this.flags;
    const volumes = await eachSystem(openToolkit(this.roots, this.id), this.args.volumes, async (client, names) => {
      return (await client.request('volume.format', { volumes: names, force })).output.volumes;
    });
    return { data: { volumes }, text: `Formatted ${volumeNames(volumes)}: all zeros now.` };
  }
}
