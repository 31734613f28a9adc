import { string } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { demandNewName } from '../../cli/group-finding.js';
import { groupArg, limitFlags, policyChange } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgCreate extends GroupCommand<typeof CgCreate> {
  static override summary = 'Make a consistency group.';
  static override description =
    'The group has a master, the system that forms it; its members are added with cg add and may lie on any number of ' +
    'systems. It is made stopped: cg start forms it once, cg start --continuous again and again.';
  static override examples = [
    '<%= config.bin %> cg create sales --master tokyo',
    '<%= config.bin %> cg create sales --master tokyo --interval 30s --drain-limit 1m',
  ];
  static override args = { name: groupArg };
  static override flags = {
    master: string({ summary: 'The system that forms the group.', helpValue: 'SYSTEM', required: true }),
    ...limitFlags,
  };

  protected async execute(): Promise<Outcome> {
    const { name } = this.args;
    const policy = policyChange(this.flags);
    const place = await this.toolkit.find(this.flags.master);
    await demandNewName(this.toolkit, name);
    const { group } = await this.askAt(place, 'cg.create', { group: name, policy });
    const notes = [`copyset cg add ${name} PRIMARY SECONDARY --backup auto adds a member.`];
    return groupOutcome({ group, outcome: 'done' }, 'is made', notes);
  }
}
