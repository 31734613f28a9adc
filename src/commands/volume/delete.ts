import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { eachSystem, volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeDelete extends ToolkitCommand<typeof VolumeDelete> {
  static override summary = 'Delete volumes with their data.';
  static override description = 'A volume that takes part in a pair is refused; delete the pair first.';
  static override examples = ['<%= config.bin %> volume delete tokyo:db-copy'];
  static override args = volumesArgs;

  protected async execute(): Promise<Outcome> {
    const deleted = await eachSystem(openToolkit(this.roots, this.id), this.args.volumes, async (client, volumes) => {
      return (await client.request('volume.delete', { volumes })).output.deleted;
    });
    return { data: { deleted }, text: `Deleted ${deleted.join(', ')}.` };
  }
}
