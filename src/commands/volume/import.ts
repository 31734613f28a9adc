import { Args, boolean, progress } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { absolutePath } from '../../cli/named-files.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { formatBytes } from '../../cli/render/bytes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { findVolume, volumeArg } from '../../cli/volume-selection.js';
import { formatAddress } from '../../core/volume/volume.js';

export default class VolumeImport extends ToolkitCommand<typeof VolumeImport> {
  static override summary = 'Fill a volume from an image file.';
  static override description =
    'A shorter file leaves zeros behind its end, a longer one is refused. Zeros stay holes. A volume that holds data needs ' +
    '--overwrite; all of it is replaced.';
  static override examples = [
    '<%= config.bin %> volume import tokyo:db db.img --create',
    '<%= config.bin %> volume import tokyo:db db.img --overwrite',
  ];
  static override args = {
    volume: volumeArg,
    file: Args.string({ required: true, description: 'The image file to read.' }),
  };
  static override flags = {
    create: boolean({ summary: 'Make the volume if it is not there, of the size of FILE.' }),
    overwrite: boolean({ summary: 'Replace what the volume holds.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const { place, volume } = await findVolume(toolkit, this.args.volume);
    const { create, overwrite } = this.flags;
    const file = await absolutePath(this.args.file);
    const bar = this.startProgress('Importing');
    const extras = { signal: this.signal, onProgress: showSum(bar) };
    const input = { volume, file, create, overwrite };
    const { output } = await toolkit
      .use(place, (client) => client.request('volume.import', input, extras))
      .finally(() => bar.stop());
    const { bytes, allocatedTracks } = output;
    const address = formatAddress(output.volume.system, output.volume.name);
    const text = `Imported ${formatBytes(bytes)} from ${this.args.file} into ${address}: ${allocatedTracks} of ${output.volume.tracks} tracks hold data.`;
    return { data: { volumes: [output.volume], bytes, allocatedTracks }, text };
  }
}
