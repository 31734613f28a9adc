import { resolve } from 'node:path';
import { boolean, integer, size, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { formatBytes } from '../../cli/render/bytes.js';
import { volumeNames } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { volumeArg } from '../../cli/volume-selection.js';
import { parseAddress } from '../../core/volume/volume.js';

export default class VolumeCreate extends ToolkitCommand<typeof VolumeCreate> {
  static override summary = 'Make a volume: a plain raw image with a number and a name.';
  static override description =
    'The image is a sparse file and takes room as it is written. The number is the next free one unless given. With ' +
    '--count the volumes are named NAME-1, NAME-2 and so on.';
  static override examples = [
    '<%= config.bin %> volume create tokyo:db --size 1GiB',
    '<%= config.bin %> volume create tokyo:db-copy --size 1GiB --reserve',
    '<%= config.bin %> volume create tokyo:log --size 64MiB --count 4 --number 01:00',
  ];
  static override args = { volume: volumeArg };
  static override flags = {
    size: size({ summary: 'Size, a multiple of 512, at most 64TiB.', required: true }),
    number: string({ summary: 'Number, two hex bytes; with --count of the first.', helpValue: 'CU:LDEV' }),
    'track-size': size({ summary: 'Track size, a power of two from 4KiB to 16MiB; else the one of the system.' }),
    reserve: boolean({ summary: 'Keep it as a copy target: hosts may not write it.' }),
    pool: string({ summary: 'Put the image into this folder, perhaps on other storage.', helpValue: 'DIR' }),
    emulation: string({ summary: 'A label; both volumes of a pair carry the same. OPEN-V unless set.' }),
    count: integer({ summary: 'Make so many.', helpValue: 'N', min: 1, max: 65_536 }),
  };

  protected async execute(): Promise<Outcome> {
    const { system, volume } = parseAddress(this.args.volume);
    const { size: sizeBytes, number, reserve, pool, emulation, count } = this.flags;
    const toolkit = openToolkit(this.roots, this.id);
    const { output } = await toolkit.use(await toolkit.find(system), (client) =>
      client.request('volume.create', {
        name: volume,
        sizeBytes,
        number,
        trackSizeBytes: this.flags['track-size'],
        reserve,
        pool: pool === undefined ? undefined : resolve(pool),
        emulation,
        count,
      }),
    );
    const { volumes } = output;
    const text = `Made ${volumeNames(volumes)}${reserve ? ', reserved' : ''}: ${formatBytes(sizeBytes)}${volumes.length > 1 ? ' each' : ''}.`;
    return { data: { volumes }, text };
  }
}
