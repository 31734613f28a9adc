import { Args, watch } from '../../cli/flags.js';
import { nowMs } from '../../cli/now.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { readSessionViews } from '../../cli/session-finding.js';
import { sessionStatusOutcome } from '../../cli/session-outcomes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { listSessions, locateSession } from '../../core/session/session.js';

export default class CheckpointStatus extends ToolkitCommand<typeof CheckpointStatus> {
  static override summary = 'Show checkpoint sessions: last checkpoint, recoverable time, exposure, who is late.';
  static override description =
    'RECOVERABLE is the time to which a recovery would bring the volumes now, and EXPOSURE how long ago that is; of a ' +
    'session it is the lowest of its systems, resigned ones included. Reads without owning a system. Exit 21: a system has ' +
    'resigned, is degraded or not reached, or the session was recovered.';
  static override examples = [
    '<%= config.bin %> checkpoint status',
    '<%= config.bin %> checkpoint status sales --watch',
  ];
  static override args = { session: Args.string({ description: 'Name of the session; without it all sessions.' }) };
  static override flags = { watch };

  protected async execute(): Promise<Outcome> {
    return this.flags.watch ? this.watch(() => this.look()) : this.look();
  }

  private async look(): Promise<Outcome> {
    const { views, troubles } = await readSessionViews(openToolkit(this.roots, this.id));
    const { session: name } = this.args;
    const wanted = name === undefined ? undefined : locateSession(views, name).id;
    const sessions = listSessions(views, nowMs()).filter(({ id }) => wanted === undefined || id === wanted);
    return sessionStatusOutcome(sessions, troubles, nowMs());
  }
}
