import { SessionCommand } from '../../cli/session-command.js';
import { homePlace } from '../../cli/session-finding.js';
import { sessionArg, sessionPolicyChange, sessionPolicyFlags } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { failure } from '../../core/foundation/foundation.js';

export default class CheckpointPolicy extends SessionCommand<typeof CheckpointPolicy> {
  static override summary = 'Change the policy of a checkpoint session.';
  static override description =
    'Changes what is given and keeps every other value. It holds from the next checkpoint on.';
  static override examples = [
    '<%= config.bin %> checkpoint policy sales --interval 5s',
    '<%= config.bin %> checkpoint policy sales --resign-after 2m',
  ];
  static override args = { session: sessionArg };
  static override flags = sessionPolicyFlags;

  protected async execute(): Promise<Outcome> {
    const change = sessionPolicyChange(this.flags);
    if (Object.values(change).every((value) => value === undefined))
      throw failure(
        'usage',
        'No value is given.',
        'copyset checkpoint status shows the policy; --help lists what can be set.',
      );
    const found = await this.findSession();
    const answer = await this.askAt(homePlace(found), 'session.policy', { session: found.session.name, change });
    return this.changed(answer, 'has its new policy');
  }
}
