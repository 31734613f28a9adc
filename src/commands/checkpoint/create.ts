import { boolean, option, string } from '../../cli/flags.js';
import { SessionCommand } from '../../cli/session-command.js';
import { demandNewSession } from '../../cli/session-finding.js';
import { sessionArg, sessionPolicyChange, sessionPolicyFlags } from '../../cli/session-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CheckpointCreate extends SessionCommand<typeof CheckpointCreate> {
  static override summary = 'Make a checkpoint session.';
  static override description =
    'The secondaries of a session show, at every moment, all that was written to its primaries up to one checkpoint and ' +
    'nothing later, over any number of systems. Its pairs are made with pair create --mode journal --session. Order clock ' +
    'needs all primaries on one host; arrival holds the writes of all of them for a moment at each checkpoint instead. The ' +
    'session is made stopped: checkpoint start starts it.';
  static override examples = [
    '<%= config.bin %> checkpoint create sales --at tokyo',
    '<%= config.bin %> checkpoint create sales --at tokyo --order arrival --interval 5s',
  ];
  static override args = { session: sessionArg };
  static override flags = {
    at: string({ summary: 'The system that holds its configuration table.', helpValue: 'SYSTEM', required: true }),
    order: option({
      summary: 'How writes of several systems come into one order.',
      options: ['clock', 'arrival'] as const,
    })({ default: 'clock' }),
    ...sessionPolicyFlags,
    'enable-at-secondary': boolean({ summary: 'Secondaries take part only when started there too.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { session: name } = this.args;
    const { at, order } = this.flags;
    // The parser leaves a flag that is not given undefined, whatever its type says; a sheet keeps one of two words.
    const enableAtSecondary = this.flags['enable-at-secondary'] === true;
    const place = await this.toolkit.find(at);
    await demandNewSession(this.toolkit, name);
    const input = { session: name, order, policy: sessionPolicyChange(this.flags), enableAtSecondary };
    const { session } = await this.askAt(place, 'session.create', input);
    const notes = [`copyset pair create PRIMARY SECONDARY --mode journal --session ${name} makes a pair of it.`];
    return this.changed({ session, outcome: 'done' }, 'is made', notes);
  }
}
