import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgResume extends GroupCommand<typeof CgResume> {
  static override summary = 'End a pause: the group goes on as before it.';
  static override description = 'A group that ran forms at its interval again; one that was stopped is stopped again.';
  static override examples = ['<%= config.bin %> cg resume sales'];
  static override args = { name: groupArg };

  protected async execute(): Promise<Outcome> {
    return groupOutcome(await this.askMaster('cg.resume', {}), 'goes on');
  }
}
