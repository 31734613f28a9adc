import { Args, boolean, option, string, watch } from '../../cli/flags.js';
import { demandPort } from '../../cli/known-ports.js';
import { keepMatching, meansPair, readSystems, withTroubles } from '../../cli/listed.js';
import { listingFlags } from '../../cli/listing.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { keepPairs, withReserved } from '../../cli/pair-filter.js';
import { statuses } from '../../cli/pair-flags.js';
import { withOtherHalves } from '../../cli/pair-show.js';
import { pairListing } from '../../cli/render/pairs.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class PairList extends ToolkitCommand<typeof PairList> {
  static override summary = 'List pairs with their status, in our words and in the CCI manner.';
  static override description =
    'SAME is the share of identical tracks, OOS the tracks that the secondary lacks, or may. Reads without owning a system, ' +
    'so it answers while others work. A pattern matches the primary or the secondary.';
  static override examples = [
    '<%= config.bin %> pair list',
    "<%= config.bin %> pair list 'tokyo:db*' --status split,PSUE --sort -pointInTime",
    '<%= config.bin %> pair list --columns primary,secondary,copyPointer,secondsLeft --watch',
    '<%= config.bin %> pair list --json',
  ];
  static override args = {
    globs: Args.string({ multiple: true, description: 'SYSTEM:VOLUME, with globs, or a system.' }),
  };
  static override flags = {
    status: statuses({ summary: 'Pairs in one of these statuses.' }),
    mode: option({ summary: 'Pairs of this mode.', options: ['local', 'sync', 'async', 'journal'] as const })(),
    port: string({ summary: 'Pairs of which a volume is at this port.', helpValue: 'PORT' }),
    reserved: boolean({ summary: 'Pairs whose secondary is reserved, or is not.', allowNo: true }),
    ...listingFlags,
    watch,
  };

  protected async execute(): Promise<Outcome> {
    if (this.flags.watch) return this.watch(() => this.look());
    return this.look();
  }

  private async look(): Promise<Outcome> {
    const globs = this.args.globs ?? [];
    const toolkit = openToolkit(this.roots, this.id);
    await demandPort(toolkit, globs, this.flags.port);
    const read = await readSystems(toolkit, globs, async (reader) => {
      const { pairs } = (await reader.request('pair.list')).output;
      return withReserved(pairs, this.flags, reader);
    });
    const whole = await withOtherHalves(toolkit, read.rows);
    const kept = keepMatching(
      keepPairs(whole, this.flags),
      globs,
      ({ pair }, pattern) => meansPair(pair, pattern),
      'pair',
    );
    const rows = kept.flatMap(({ pair, wanted }) => (wanted ? [pair] : []));
    return withTroubles(pairListing(rows, this.flags), read);
  }
}
