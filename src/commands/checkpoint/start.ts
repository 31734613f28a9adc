import { string } from '../../cli/flags.js';
import { SessionCommand } from '../../cli/session-command.js';
import { primaryMasterPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { failure } from '../../core/foundation/foundation.js';

export default class CheckpointStart extends SessionCommand<typeof CheckpointStart> {
  static override summary = 'Start a checkpoint session at all its primaries.';
  static override description =
    'The primary asked tells the others and the secondaries that it is active; checkpoints are issued from then on by whoever ' +
    'serves the primaries. --at names the systems to ask, such as a secondary of a session made with --enable-at-secondary. A ' +
    'system counts from the first checkpoint after its pairs are copied whole. Exit 3, clock-unbounded: the primaries do not ' +
    'share one clock.';
  static override examples = [
    '<%= config.bin %> checkpoint start sales',
    '<%= config.bin %> checkpoint start sales --at osaka',
  ];
  static override args = { session: sessionArg };
  static override flags = {
    at: string({
      summary: 'The systems to ask, comma-separated or repeated; the primary that issues checkpoints unless given.',
      helpValue: 'SYSTEM[,SYSTEM]',
      multiple: true,
      delimiter: ',',
    }),
  };

  protected async execute(): Promise<Outcome> {
    const found = await this.findSession();
    const { at } = this.flags;
    const places = at === undefined ? [primaryMasterPlace(found)] : await this.toolkit.matchAll(at);
    const input = { session: found.session.name };
    const answers = [];
    for (const place of places) answers.push(await this.askAt(place, 'session.start', input));
    const last = answers.at(-1);
    if (!last) throw failure('usage', 'No system to start is named.');
    const outcome = answers.every((answer) => answer.outcome === 'nothing') ? 'nothing' : 'done';
    return this.changed({ session: last.session, outcome }, 'is started');
  }
}
