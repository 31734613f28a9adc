import { boolean, string } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { namedVolume } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { practiceText } from '../../cli/render/recovery.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgPractice extends GroupCommand<typeof CgPractice> {
  static override summary = 'Make drill copies of the remotes, while formation goes on.';
  static override description =
    'At the next formation each remote volume is frozen onto a drill volume in the same instant as onto its backup; hosts ' +
    'may use the drill volumes. --to names one for a group of one member; auto takes reserved, unpaired volumes that fit.';
  static override examples = ['<%= config.bin %> cg practice sales', '<%= config.bin %> cg practice sales --drop'];
  static override args = { name: groupArg };
  static override flags = {
    to: string({ summary: 'Volume for the drill copy.', helpValue: 'SYSTEM:VOLUME|auto', default: 'auto' }),
    drop: boolean({ summary: 'Drop the drill copies.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { to, drop } = this.flags;
    const volume = to === 'auto' ? 'auto' : await namedVolume(this.toolkit, to);
    const answer = await this.askMaster('cg.practice', { to: volume, drop });
    return { data: { ...answer }, text: () => practiceText(answer) };
  }
}
