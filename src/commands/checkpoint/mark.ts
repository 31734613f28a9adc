import { SessionCommand } from '../../cli/session-command.js';
import { primaryMasterPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import { markOutcome } from '../../cli/session-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointMark extends SessionCommand<typeof CheckpointMark> {
  static override summary = 'Issue a checkpoint now and print its mark.';
  static override description =
    'Everything that was written and completed before belongs to it. checkpoint wait waits until the mark is applied, ' +
    'checkpoint apply applies it. Issued also where the policy has an interval.';
  static override examples = [
    '<%= config.bin %> checkpoint mark sales',
    'MARK=$(<%= config.bin %> checkpoint mark sales) && <%= config.bin %> checkpoint wait sales "$MARK" --timeout 10s',
  ];
  static override args = { session: sessionArg };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const input = { session: found.session.name };
    return markOutcome(await this.askAt(primaryMasterPlace(found), 'session.mark', input, { signal: this.signal }));
  }
}
