import { plan, string } from '../../cli/flags.js';
import { refOf } from '../../cli/group-finding.js';
import { withRestored } from '../../cli/group-restored.js';
import { PairCommand } from '../../cli/pair-command.js';
import { waitFlags } from '../../cli/pair-flags.js';
import { sessionArg } from '../../cli/session-flags.js';
import { sessionRecoveryOutcome } from '../../cli/session-outcomes.js';
import { restoredOfSessions } from '../../cli/session-restored.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { failure } from '../../core/foundation/foundation.js';
import { parseWanted } from '../../core/sequence/sequence.js';
import { parseName } from '../../core/volume/volume.js';

export default class CheckpointRecover extends PairCommand<typeof CheckpointRecover> {
  static override summary =
    'Make the secondaries of a lost site primaries, at the last checkpoint that all of them hold.';
  static override description =
    'Needs only the secondary systems. They refuse from then on what the lost site still sends. Finishes what was being ' +
    'applied, applies the last checkpoint that all hold, says what later records are dropped, and opens the volumes; running ' +
    'it again does no harm. A secondary to which differences were coming back is restored from its backup volume meanwhile, ' +
    'which --wait waits for. With --plan it only looks. Exit 7: there is no checkpoint that all of them could show; exit 8: a ' +
    'system of the session is not named by --at.';
  static override examples = [
    '<%= config.bin %> checkpoint recover sales --at osaka --plan',
    '<%= config.bin %> checkpoint recover sales --at osaka,kobe --wait',
    '<%= config.bin %> checkpoint recover sales --at osaka,kobe --to 17',
  ];
  static override args = { session: sessionArg };
  static override flags = {
    at: string({
      summary: 'The secondary systems, comma-separated or repeated.',
      helpValue: 'SYSTEM[,SYSTEM]',
      multiple: true,
      delimiter: ',',
      required: true,
    }),
    to: string({
      summary: 'An earlier checkpoint, not yet applied: its number, or the last one not later than a time.',
      helpValue: 'NUMBER|TIME',
    }),
    ...waitFlags,
    plan,
  };

  protected async execute(): Promise<Outcome> {
    const session = parseName(this.args.session, 'session');
    const { plan: planned, wait } = this.flags;
    const to = this.flags.to === undefined ? undefined : parseWanted(this.flags.to);
    const places = await this.toolkit.matchAll(this.flags.at);
    const [first] = places;
    if (!first) throw failure('usage', 'No secondary system is named.');
    const input = { session, at: places.map(refOf), to, plan: planned };
    const { output } = await this.toolkit.use(first, (client) => client.request('session.recover', input));
    const outcome = sessionRecoveryOutcome(output, planned);
    if (wait === undefined || planned || outcome.exitCode !== 0) return outcome;
    const restored = await restoredOfSessions(this.toolkit, places);
    if (restored.length === 0) return outcome;
    return withRestored(outcome, await this.waitForPairs(restored, ['split', 'duplex'], wait), this.flags.root);
  }
}
