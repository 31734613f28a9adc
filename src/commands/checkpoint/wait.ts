import { Args, duration } from '../../cli/flags.js';
import { SessionCommand } from '../../cli/session-command.js';
import { secondaryMasterPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import { waitOutcome } from '../../cli/session-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointWait extends SessionCommand<typeof CheckpointWait> {
  static override summary = 'Wait until a mark is applied at all secondaries.';
  static override description =
    'Exit 0: applied. 20: the time is over. 21: the session degraded before it. 3: the mark is of an earlier run. ' +
    'Applies meanwhile what all secondaries hold; whoever serves the primaries, or copier run, sends it there. --timeout 0 is a ' +
    'test.';
  static override examples = [
    '<%= config.bin %> checkpoint wait sales 1.17',
    '<%= config.bin %> checkpoint wait sales 1.17 --timeout 10s',
  ];
  static override args = {
    session: sessionArg,
    mark: Args.string({ required: true, description: 'What checkpoint mark printed.' }),
  };
  static override flags = { timeout: duration({ summary: 'Wait at most this long; for ever unless given.' }) };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const input = { session: found.session.name, mark: this.args.mark, timeoutMs: this.flags.timeout };
    return waitOutcome(await this.askAt(secondaryMasterPlace(found), 'session.wait', input, { signal: this.signal }));
  }
}
