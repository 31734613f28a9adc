import { Args, boolean, option, string, watch } from '../../cli/flags.js';
import { demandPort } from '../../cli/known-ports.js';
import { keepMatching, meansVolume, readSystems, withTroubles } from '../../cli/listed.js';
import { listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { sumTotals, volumeListing } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { fitting, isWanted, volumeStatuses } from '../../cli/volume-filter.js';
import { volumesOutOfReach } from '../../cli/volumes-out-of-reach.js';

export default class VolumeList extends ToolkitCommand<typeof VolumeList> {
  static override summary = 'List volumes.';
  static override description =
    'HOST is what a host may do with the volume now: rw, r or none; USED is what was ever written. --status takes a ' +
    'volume status or the status of a pair the volume takes part in. A volume of a pair whose system cannot be reached is unknown. ' +
    'Reads without owning a system.';
  static override examples = [
    '<%= config.bin %> volume list',
    "<%= config.bin %> volume list 'tokyo:db*' --no-paired --sort sizeBytes",
    '<%= config.bin %> volume list --fits tokyo:db',
    '<%= config.bin %> volume list --status blocked --columns name,status,path',
  ];
  static override args = {
    globs: Args.string({ multiple: true, description: 'SYSTEM:VOLUME, with globs, or a system.' }),
  };
  static override flags = {
    port: string({ summary: 'Volumes at this port.', helpValue: 'PORT' }),
    reserved: boolean({ summary: 'Volumes that are reserved, or are not.', allowNo: true }),
    paired: boolean({ summary: 'Volumes that take part in a pair, or do not.', allowNo: true }),
    role: option({ summary: 'Volumes with this part in a pair.', options: ['primary', 'secondary'] as const })(),
    status: volumeStatuses({ summary: 'Volumes with one of these statuses.' }),
    fits: string({
      summary: 'Reserved, unpaired volumes that could be the secondary of this one.',
      helpValue: 'SYSTEM:VOLUME',
    }),
    ...listingFlags,
    watch,
  };

  protected async execute(): Promise<Outcome> {
    return this.flags.watch ? this.watch(() => this.look()) : this.look();
  }

  private async look(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const globs = this.args.globs ?? [];
    const fits = this.flags.fits === undefined ? undefined : await fitting(toolkit, this.flags.fits);
    await demandPort(toolkit, globs, this.flags.port);
    const read = await readSystems(toolkit, globs, async (reader) => [
      { ...(await reader.request('volume.list')).output, ...(await reader.request('pair.list')).output },
    ]);
    const all = [...read.rows.flatMap(({ volumes }) => volumes), ...(await volumesOutOfReach(toolkit, read.rows))];
    const rows = keepMatching(all, globs, meansVolume, 'volume').filter((volume) => isWanted(volume, this.flags, fits));
    return withTroubles(volumeListing(rows, sumTotals(read.rows), this.flags), read);
  }
}
