import { plan, string } from '../../cli/flags.js';
import { refOf } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { recoveryOutcome } from '../../cli/group-outcomes.js';
import { restoredPairs, withRestored } from '../../cli/group-restored.js';
import { PairCommand } from '../../cli/pair-command.js';
import { waitFlags } from '../../cli/pair-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { parseName } from '../../core/volume/volume.js';

export default class CgRecover extends PairCommand<typeof CgRecover> {
  static override summary =
    'Make the remotes of a lost site primaries, at the last group that is whole at all of them.';
  static override description =
    'Needs only the remote systems. They refuse from then on what the lost site still sends. Shows what each member holds, ' +
    'the case and the verdict, then commits or reverts what was under way, restores the volumes and opens them; running it ' +
    'again does no harm. With --plan it only looks. Exit 7: no group was ever formed, or the members disagree; exit 8: a ' +
    'system of the group is not named by --at.';
  static override examples = [
    '<%= config.bin %> cg recover sales --at osaka --plan',
    '<%= config.bin %> cg recover sales --at osaka,kobe --wait',
    "<%= config.bin %> cg recover sales --at osaka --without 'kobe:*'",
  ];
  static override args = { name: groupArg };
  static override flags = {
    at: string({
      summary: 'The remote systems, comma-separated or repeated.',
      helpValue: 'SYSTEM[,SYSTEM]',
      multiple: true,
      delimiter: ',',
      required: true,
    }),
    without: string({
      summary: 'A secondary that is lost, too: SYSTEM:VOLUME, with globs; the verdict is then partial.',
      helpValue: 'SECONDARY',
      multiple: true,
      delimiter: ',',
    }),
    ...waitFlags,
    plan,
  };

  protected async execute(): Promise<Outcome> {
    const group = parseName(this.args.name, 'group');
    const { without = [], plan: planned, wait } = this.flags;
    const places = await this.toolkit.matchAll(this.flags.at);
    const input = { group, at: places.map(refOf), without, plan: planned };
    const [first] = places;
    if (!first) return { data: {} };
    const { output } = await this.toolkit.use(first, (client) => client.request('cg.recover', input));
    const outcome = recoveryOutcome(output, planned);
    if (wait === undefined || planned || outcome.exitCode !== 0) return outcome;
    const restored = restoredPairs(output, places);
    return withRestored(outcome, await this.waitForPairs(restored, ['split', 'duplex'], wait), this.flags.root);
  }
}
