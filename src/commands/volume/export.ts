import { Args, progress } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { absolutePath } from '../../cli/named-files.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { formatBytes } from '../../cli/render/bytes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { findVolume, volumeArg } from '../../cli/volume-selection.js';

export default class VolumeExport extends ToolkitCommand<typeof VolumeExport> {
  static override summary = 'Write a volume into an image file.';
  static override description =
    'Writes what the volume holds, wherever its tracks lie at the moment, with holes where it is zero. The file appears, or ' +
    'is replaced, whole.';
  static override examples = ['<%= config.bin %> volume export tokyo:db db.img'];
  static override args = {
    volume: volumeArg,
    file: Args.string({ required: true, description: 'The image file to write.' }),
  };
  static override flags = { progress };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const { place, volume } = await findVolume(toolkit, this.args.volume);
    const file = await absolutePath(this.args.file);
    await toolkit.demandOutsideSystems(file);
    const bar = this.startProgress('Exporting');
    const extras = { signal: this.signal, onProgress: showSum(bar) };
    const { output } = await toolkit
      .use(place, (client) => client.request('volume.export', { volume, file }, extras))
      .finally(() => bar.stop());
    const { bytes, writtenBytes } = output;
    const text = `Exported ${place.name}:${volume} (${formatBytes(bytes)}, of which ${formatBytes(writtenBytes)} hold data) to ${this.args.file}.`;
    return { data: { volume: `${place.name}:${volume}`, file, bytes, writtenBytes }, text };
  }
}
