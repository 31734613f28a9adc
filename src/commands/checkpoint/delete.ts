import { countOf } from '../../cli/render/pair-action.js';
import { SessionCommand } from '../../cli/session-command.js';
import { homePlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointDelete extends SessionCommand<typeof CheckpointDelete> {
  static override summary = 'End a checkpoint session that has no pairs any more.';
  static override description =
    'It has to be stopped, and its pairs deleted with pair delete. The volumes keep what they hold; the journals go.';
  static override examples = ['<%= config.bin %> checkpoint delete sales'];
  static override args = { session: sessionArg };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const input = { session: found.session.name };
    const { name, systems } = await this.askAt(homePlace(found), 'session.delete', input);
    return { data: { name, systems }, text: `Session ${name} is gone from ${countOf(systems, 'system')}.` };
  }
}
