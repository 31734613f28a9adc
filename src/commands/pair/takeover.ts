import { Args, boolean, plan } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { parseAddressPattern } from '../../core/volume/volume.js';

export default class PairTakeover extends PairCommand<typeof PairTakeover> {
  static override summary = "Make a remote secondary a primary, its primary's site being gone.";
  static override description =
    'Needs the system of the secondary alone. Hosts may write the secondary from then on; whatever its former primary still ' +
    'sends is refused, and when it is back it refuses hosts (exit 8, displaced) until pair resync keeps its data or pair ' +
    'resync --reverse takes those of the secondary and turns the roles back. A secondary that is being copied is a mix; ' +
    'it is refused (exit 3) without --force. So is a volume of a consistency group or a checkpoint session: cg recover and ' +
    'checkpoint recover open all of them together.';
  static override examples = [
    '<%= config.bin %> pair takeover osaka:db-copy --plan',
    '<%= config.bin %> pair takeover osaka:db-copy',
  ];
  static override args = {
    secondary: Args.string({ required: true, description: 'Secondary volume, as SYSTEM:VOLUME; may be a glob.' }),
  };
  static override flags = {
    force: boolean({
      summary:
        'Also a secondary that lacks tracks: hosts then work on a mix; and one volume of a group or session alone.',
    }),
    plan,
  };

  protected async execute(): Promise<Outcome> {
    const { system, volume } = parseAddressPattern(this.args.secondary);
    const places = await this.toolkit.match(system);
    const mayBeEmpty = places.length > 1;
    const input = { volumes: [volume], force: this.flags.force };
    return this.act(
      'pair.takeover',
      places.map((place) => ({ place, input, mayBeEmpty })),
    );
  }
}
