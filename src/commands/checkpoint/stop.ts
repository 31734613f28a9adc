import { SessionCommand } from '../../cli/session-command.js';
import { startedPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointStop extends SessionCommand<typeof CheckpointStop> {
  static override summary = 'Stop a checkpoint session: no checkpoint is issued any more.';
  static override description =
    'The secondaries stay on the last checkpoint that was applied. What is written meanwhile is marked and copied as ' +
    'differences after the next start.';
  static override examples = ['<%= config.bin %> checkpoint stop sales'];
  static override args = { session: sessionArg };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const answer = await this.askAt(startedPlace(found), 'session.stop', { session: found.session.name });
    return this.changed(answer, 'is stopped');
  }
}
