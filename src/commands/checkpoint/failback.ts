import { plan, progress, wait } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { SessionCommand } from '../../cli/session-command.js';
import { recoveredSessionPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import { sessionFailbackOutcome } from '../../cli/session-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointFailback extends SessionCommand<typeof CheckpointFailback> {
  static override summary = 'Bring a recovered session back to its old primaries.';
  static override description =
    'Copies the differences back while the recovered side serves; when they are gone it closes that side under one gate, ' +
    'copies the rest and turns the roles back. Without --wait it only begins; run it again to finish.';
  static override examples = [
    '<%= config.bin %> checkpoint failback sales --plan',
    '<%= config.bin %> checkpoint failback sales --wait=2h',
  ];
  static override args = { session: sessionArg };
  static override flags = { wait: wait(), progress, plan };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const limit = this.flags.wait;
    const timeoutMs = limit === undefined || !Number.isFinite(limit) ? undefined : limit;
    const input = {
      session: found.session.name,
      plan: this.flags.plan,
      wait: limit === undefined ? undefined : { timeoutMs },
    };
    const shown = this.startProgress(`Bringing ${found.session.name} back`);
    try {
      const extras = { signal: this.signal, onProgress: showSum(shown) };
      return sessionFailbackOutcome(await this.askAt(recoveredSessionPlace(found), 'session.failback', input, extras));
    } finally {
      shown.stop();
    }
  }
}
