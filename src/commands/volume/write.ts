import { Args, progress, size } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { exactBytes } from '../../cli/render/bytes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { writeVolume } from '../../cli/volume-data.js';
import { findVolume, volumeArg } from '../../cli/volume-selection.js';

export default class VolumeWrite extends ToolkitCommand<typeof VolumeWrite> {
  static override summary = 'Write data from a file or standard input into a volume, as a host does.';
  static override description =
    'Exit 0 only when the data is durable. A file that does not fit is refused before anything is written. Of standard ' +
    'input longer than the volume what fits is written, and the exit code is 9.';
  static override examples = [
    'echo hello | <%= config.bin %> volume write tokyo:db',
    '<%= config.bin %> volume write tokyo:db block.bin --offset 64KiB',
  ];
  static override args = {
    volume: volumeArg,
    file: Args.string({ description: 'The file to read; - or nothing is standard input.' }),
  };
  static override flags = {
    offset: size({ summary: 'Where in the volume to begin.', default: 0 }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const target = await findVolume(toolkit, this.args.volume);
    const file = this.args.file === '-' ? undefined : this.args.file;
    const offsetBytes = this.flags.offset;
    const written = await writeVolume(
      toolkit,
      target,
      { file, offsetBytes },
      this.signal,
      this.startProgress('Writing'),
    );
    const { address, bytes } = written;
    const text =
      bytes === 0
        ? `The input is empty: nothing was written to ${address}.`
        : `Wrote ${exactBytes(bytes)} to ${address} from offset ${offsetBytes}; they are durable.`;
    return { data: { volume: address, offsetBytes, bytes }, text };
  }
}
