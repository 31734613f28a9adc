import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { findVolume, volumeArg } from '../../cli/volume-selection.js';

export default class VolumePath extends ToolkitCommand<typeof VolumePath> {
  static override summary = 'Print the path of a volume image.';
  static override description =
    'Any tool can read the image. While tracks of the volume are read from the other side of a pair, or are missing, the ' +
    'image alone is not the volume: exit 3.';
  static override examples = [
    '<%= config.bin %> volume path tokyo:db',
    'cmp "$(<%= config.bin %> volume path tokyo:db)" db.img',
  ];
  static override args = { volume: volumeArg };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const { place, volume } = await findVolume(toolkit, this.args.volume);
    const { output } = await toolkit.use(place, (client) => client.request('volume.path', { volume }));
    return { data: { path: output.path }, text: output.path };
  }
}
