import { boolean, option } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { pauseOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgPause extends GroupCommand<typeof CgPause> {
  static override summary = 'Form no group until cg resume.';
  static override description =
    'With --stop also nothing is sent, or no host write taken, for as long as the master renews it; a member that hears ' +
    'nothing from its master goes on by itself. With --consistent a group is formed first and the remotes are left on it; ' +
    'where it cannot be formed nothing is paused and the exit code is that of cg start.';
  static override examples = [
    '<%= config.bin %> cg pause sales',
    '<%= config.bin %> cg pause sales --consistent',
    '<%= config.bin %> cg pause sales --stop writes',
  ];
  static override args = { name: groupArg };
  static override flags = {
    stop: option({ summary: 'Also stop sending, or host writes.', options: ['sending', 'writes'] as const })(),
    consistent: boolean({ summary: 'Form one first and leave the remotes on it.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { stop, consistent } = this.flags;
    const answer = await this.askMaster('cg.pause', { stop, consistent }, { signal: this.signal });
    return pauseOutcome(answer, 'is paused');
  }
}
