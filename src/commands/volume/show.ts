import { keepMatching, meansVolume, readSystems, withTroubles } from '../../cli/listed.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { volumeDetails } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeShow extends ToolkitCommand<typeof VolumeShow> {
  static override summary = 'Show volumes in full.';
  static override description = 'All that is known of a volume. Reads without owning its system.';
  static override examples = [
    '<%= config.bin %> volume show tokyo:db',
    '<%= config.bin %> volume show tokyo:00:1A --json',
  ];
  static override args = volumesArgs;

  protected async execute(): Promise<Outcome> {
    const wanted = this.args.volumes;
    const read = await readSystems(openToolkit(this.roots, this.id), wanted, async (reader) => {
      return (await reader.request('volume.list')).output.volumes;
    });
    const volumes = keepMatching(read.rows, wanted, meansVolume, 'volume');
    return withTroubles({ data: { volumes }, text: volumes.map(volumeDetails).join('\n\n') }, read);
  }
}
