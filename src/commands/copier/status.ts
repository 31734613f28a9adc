import { Args } from '../../cli/flags.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { COPIER_COLUMNS, type CopierRow } from '../../cli/render/copier.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class CopierStatus extends ToolkitCommand<typeof CopierStatus> {
  static override summary = 'Show who copies, and what is left to copy.';
  static override description =
    'Asks a running controller if it answers at once, else reads the files; AS OF says of when it is.';
  static override examples = ['<%= config.bin %> copier status', '<%= config.bin %> copier status tokyo --json'];
  static override args = {
    systems: Args.string({ multiple: true, description: 'Names, paths or patterns; without them all systems.' }),
  };
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const rows: CopierRow[] = [];
    for (const place of await toolkit.matchAll(this.args.systems ?? ['*'])) {
      rows.push(
        await toolkit.read(place, async (reader) => {
          const { system } = (await reader.request('system.show')).output;
          const { pairs } = (await reader.request('pair.list')).output;
          const copying = pairs.filter(
            ({ status, outOfSyncTracks }) =>
              ['pending', 'sp-pending', 'resync', 'resync-reverse'].includes(status) ||
              (status === 'duplex' && outOfSyncTracks > 0),
          );
          return {
            system: place.name,
            controller: system.controller,
            pairs: pairs.length,
            copying: copying.length,
            suspended: pairs.filter((pair) => pair.status === 'suspended').length,
            leftTracks: copying.reduce((sum, pair) => sum + pair.outOfSyncTracks, 0),
            leftBytes: copying.reduce((sum, pair) => sum + pair.outOfSyncBytes, 0),
            secondsLeft: copying.reduce<number | null>(
              (most, pair) => (pair.secondsLeft === null ? most : Math.max(most ?? 0, pair.secondsLeft)),
              null,
            ),
            asOf: new Date().toISOString(),
          };
        }),
      );
    }
    return listing({
      key: 'copiers',
      rows,
      columns: COPIER_COLUMNS,
      flags: this.flags,
      empty: 'No storage system here.',
    });
  }
}
