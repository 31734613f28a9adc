import { Args, string } from '../../cli/flags.js';
import { GroupCommand } from '../../cli/group-command.js';
import { namedVolume } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgAdd extends GroupCommand<typeof CgAdd> {
  static override summary = 'Add a member to a consistency group: a remote pair and a backup volume.';
  static override description =
    'Makes the async pair if there is none. The backup volume, beside the secondary, holds the last group formed. A member ' +
    'takes part in formations from its first duplex on. A volume is in one group at most.';
  static override examples = [
    '<%= config.bin %> cg add sales tokyo:db osaka:db --backup auto',
    '<%= config.bin %> cg add sales nagoya:log osaka:log --backup osaka:log-backup',
  ];
  static override args = {
    name: groupArg,
    primary: Args.string({ required: true, description: 'Primary volume, as SYSTEM:VOLUME.' }),
    secondary: Args.string({ required: true, description: 'Secondary volume, in another system.' }),
  };
  static override flags = {
    backup: string({
      summary: 'Volume beside the secondary for the last group; auto takes a reserved, unpaired one that fits.',
      helpValue: 'SYSTEM:VOLUME|auto',
      required: true,
    }),
  };

  protected async execute(): Promise<Outcome> {
    const { toolkit } = this;
    const primary = await namedVolume(toolkit, this.args.primary);
    const secondary = await namedVolume(toolkit, this.args.secondary);
    const backup = this.flags.backup === 'auto' ? 'auto' : await namedVolume(toolkit, this.flags.backup);
    const { group, outcome, member, paired } = await this.askMaster('cg.add', { primary, secondary, backup });
    const made = paired ? ` (its pair was made)` : '';
    const waits = member.joined
      ? []
      : [`It takes part from its first duplex on: copyset pair wait ${member.primary} --status duplex.`];
    const done = groupOutcome({ group, outcome }, `has ${member.primary} -> ${member.secondary}${made}`, waits);
    return { ...done, data: { ...done.data, member, paired } };
  }
}
