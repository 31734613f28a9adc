import { boolean, string } from '../../cli/flags.js';
import { followApplying } from '../../cli/follow-applying.js';
import { SessionCommand } from '../../cli/session-command.js';
import { secondaryMasterPlace } from '../../cli/session-finding.js';
import { sessionArg } from '../../cli/session-flags.js';
import { applyOutcome } from '../../cli/session-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { parseWanted } from '../../core/sequence/sequence.js';

export default class CheckpointApply extends SessionCommand<typeof CheckpointApply> {
  static override summary = 'Bring all secondaries to the last checkpoint that every one of them holds.';
  static override description =
    'Whoever serves the secondaries does so by itself; this does it now, and in whoever is there. Hosts are refused at the ' +
    'secondaries while an update is in progress. --to stops at an earlier checkpoint not yet applied. ' +
    '--follow goes on until interrupted. With --instant hosts read the checkpoint at once, from the journals of the ' +
    'secondaries, while the records are applied behind.';
  static override examples = [
    '<%= config.bin %> checkpoint apply sales',
    '<%= config.bin %> checkpoint apply sales --to 17',
    '<%= config.bin %> checkpoint apply sales --instant',
    '<%= config.bin %> checkpoint apply sales --follow --json',
  ];
  static override args = { session: sessionArg };
  static override flags = {
    follow: boolean({ summary: 'Apply each checkpoint as it comes, and tell it.', exclusive: ['to'] }),
    instant: boolean({ summary: 'Show it at once, and apply it behind.' }),
    to: string({
      summary: 'The checkpoint to stop at: its number, or the last one not later than a time.',
      helpValue: 'NUMBER|TIME',
    }),
  };

  protected async execute(): Promise<Outcome> {
    const { follow, instant } = this.flags;
    const to = this.flags.to === undefined ? undefined : parseWanted(this.flags.to);
    const found = await this.findSession();
    const place = secondaryMasterPlace(found);
    const session = found.session.name;
    const { signal, quiet, json } = this;
    if (follow)
      return this.toolkit.use(place, (client) => followApplying(client, { session, instant }, { signal, quiet, json }));
    return applyOutcome(await this.askAt(place, 'session.apply', { session, to, instant }, { signal }));
  }
}
