import { Args } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { namedVolume } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgRemove extends GroupCommand<typeof CgRemove> {
  static override summary = 'Take a member out of a consistency group.';
  static override description = 'Its pair goes on as it is; its backup volume keeps the last group it was part of.';
  static override examples = ['<%= config.bin %> cg remove sales tokyo:db'];
  static override args = {
    name: groupArg,
    primary: Args.string({ required: true, description: 'Primary volume of the member, as SYSTEM:VOLUME.' }),
  };

  protected async execute(): Promise<Outcome> {
    const primary = await namedVolume(this.toolkit, this.args.primary);
    return groupOutcome(await this.askMaster('cg.remove', { primary }), `is without ${this.args.primary} now`);
  }
}
