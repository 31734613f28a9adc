import { Args } from '../../cli/flags.js';
import { SessionCommand } from '../../cli/session-command.js';
import { memberOf, witnessPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointJoin extends SessionCommand<typeof CheckpointJoin> {
  static override summary = 'Take a system that resigned into its session again.';
  static override description =
    'Its differences are copied first; it counts from the first checkpoint issued after that, and the others do not wait ' +
    'for it meanwhile. A primary that comes back by itself needs no join.';
  static override examples = ['<%= config.bin %> checkpoint join sales nagoya'];
  static override args = {
    session: sessionArg,
    system: Args.string({ required: true, description: 'Name of the system.' }),
  };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const system = memberOf(found, this.args.system);
    const answer = await this.askAt(witnessPlace(found, system), 'session.join', {
      session: found.session.name,
      system,
    });
    return this.changed(answer, `has ${system.name} again`);
  }
}
