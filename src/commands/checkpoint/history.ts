import { readEvents } from '../../cli/history-filter.js';
import { listing, listingFlags } from '../../cli/listing.js';
import { SESSION_HISTORY_COLUMNS } from '../../cli/render/session-deeds.js';
import { SessionCommand } from '../../cli/session-command.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { sessionHistory } from '../../core/session/session.js';

export default class CheckpointHistory extends SessionCommand<typeof CheckpointHistory> {
  static override summary = 'Show what happened to a checkpoint session, oldest first.';
  static override description =
    'Starts and stops, what was applied, who degraded, resigned or came back, changes of master, recoveries. Put together ' +
    'from the histories of all systems below the roots, so also where some are lost.';
  static override examples = [
    '<%= config.bin %> checkpoint history sales',
    '<%= config.bin %> checkpoint history sales --filter deed!=apply --sort -ended',
  ];
  static override args = { session: sessionArg };
  static override flags = listingFlags;

  protected async execute(): Promise<Outcome> {
    const { session } = await this.findSession();
    const rows = sessionHistory(await readEvents(this.toolkit, {}), session.id);
    const empty = 'Nothing happened yet. copyset checkpoint start starts the session.';
    return listing({ key: 'events', rows, columns: SESSION_HISTORY_COLUMNS, flags: this.flags, empty });
  }
}
