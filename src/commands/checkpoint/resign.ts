import { Args } from '../../cli/flags.js';
import { SessionCommand } from '../../cli/session-command.js';
import { memberOf, witnessPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointResign extends SessionCommand<typeof CheckpointResign> {
  static override summary = 'Let a session go on without a system that is lost.';
  static override description =
    'Until then the others wait for it. What the volumes of that system show stays as old as it is; the recoverable time of ' +
    'the session is that of its oldest system, and status exits 21 until checkpoint join.';
  static override examples = ['<%= config.bin %> checkpoint resign sales nagoya'];
  static override args = {
    session: sessionArg,
    system: Args.string({ required: true, description: 'Name of the system, a primary or a secondary.' }),
  };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const system = memberOf(found, this.args.system);
    const input = { session: found.session.name, system };
    const answer = await this.askAt(witnessPlace(found, system), 'session.resign', input);
    const notes = [`Once it is back, copyset checkpoint join ${found.session.name} ${system.name} takes it in again.`];
    return this.changed(answer, `goes on without ${system.name}`, notes);
  }
}
