import { Args } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgMaster extends GroupCommand<typeof CgMaster> {
  static override summary = 'Make another system the master of a consistency group.';
  static override description =
    'Also when the old master is lost: the new one raises the term at every system, so that orders of the old one are ' +
    'refused, and settles by what the remotes hold what the old one left undecided. A reachable old master with an open ' +
    'decision keeps its office until that is settled.';
  static override examples = ['<%= config.bin %> cg master sales nagoya'];
  static override args = {
    name: groupArg,
    system: Args.string({ required: true, description: 'Name or path of the system that shall be master.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { group } = await this.findGroup();
    const place = await this.toolkit.find(this.args.system);
    const input = { group: group.name, id: group.id, systems: group.systems };
    return groupOutcome(await this.askAt(place, 'cg.master', input), `has the master ${place.name} now`);
  }
}
