import { Args, watch } from '../../cli/flags.js';
import { readGroupViews } from '../../cli/group-finding.js';
import { statusOutcome } from '../../cli/group-outcomes.js';
import { nowMs } from '../../cli/now.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { listGroups, locateGroup } from '../../core/group/group.js';

export default class CgStatus extends ToolkitCommand<typeof CgStatus> {
  static override summary = 'Show consistency groups in full: last group, exposure, last failure, members.';
  static override description =
    'Tells the last group formed and how old it is, what the last formation cost, and where and why one failed. Reads ' +
    'without owning a system. Exit 21: a group forms nothing until somebody has looked, or one of its systems is not reached.';
  static override examples = ['<%= config.bin %> cg status', '<%= config.bin %> cg status sales --watch'];
  static override args = { name: Args.string({ description: 'Name of the group; without it all groups.' }) };
  static override flags = { watch };

  protected async execute(): Promise<Outcome> {
    return this.flags.watch ? this.watch(() => this.look()) : this.look();
  }

  private async look(): Promise<Outcome> {
    const { views, troubles } = await readGroupViews(openToolkit(this.roots, this.id));
    const { name } = this.args;
    const wanted = name === undefined ? undefined : locateGroup(views, name).id;
    const groups = listGroups(views, nowMs()).filter(({ id }) => wanted === undefined || id === wanted);
    return statusOutcome(groups, troubles, nowMs());
  }
}
