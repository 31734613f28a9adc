import { progress, size, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { exactBytes } from '../../cli/render/bytes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { demandOutput, readVolume } from '../../cli/volume-data.js';
import { findVolume, volumeArg } from '../../cli/volume-selection.js';

export default class VolumeRead extends ToolkitCommand<typeof VolumeRead> {
  static override summary = 'Read data of a volume, as a host does, to standard output or a file.';
  static override description =
    'Reads what the volume holds, wherever its tracks lie at the moment. A file appears, or is replaced, whole. ' +
    'volume export writes a whole volume with holes. On a read-only file system both read what was closed there, and refuse ' +
    'what has to be recovered first.';
  static override examples = [
    '<%= config.bin %> volume read tokyo:db --length 512 | od -c | head',
    '<%= config.bin %> volume read tokyo:db --offset 64KiB --length 64KiB --output track-1.bin',
  ];
  static override args = { volume: volumeArg };
  static override flags = {
    offset: size({ summary: 'Where in the volume to begin.', default: 0 }),
    length: size({ summary: 'How much to read; to the end of the volume unless given.' }),
    output: string({ summary: 'Write to this file.', helpValue: 'FILE' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const { offset: offsetBytes, length: lengthBytes, output } = this.flags;
    demandOutput(output, { json: this.json, quiet: this.quiet });
    const toolkit = openToolkit(this.roots, this.id);
    const source = await findVolume(toolkit, this.args.volume);
    const range = { offsetBytes, lengthBytes };
    const { address, bytes } = await readVolume(
      toolkit,
      source,
      range,
      output,
      this.signal,
      this.startProgress('Reading'),
    );
    if (output === undefined) return { data: {} };
    const text = `Read ${exactBytes(bytes)} of ${address} from offset ${offsetBytes} into ${output}.`;
    return { data: { volume: address, offsetBytes, bytes, output }, text };
  }
}
