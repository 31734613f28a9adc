import { GroupCommand } from '../../cli/group-command.js';
import { changesNothing, groupArg, policyChange, policyFlags } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { failure } from '../../core/foundation/foundation.js';

export default class CgPolicy extends GroupCommand<typeof CgPolicy> {
  static override summary = 'Change the policy of a consistency group.';
  static override description =
    'Changes what is given and keeps every other value. With run=DUR,pause=DUR sending stops in each pause; with ' +
    'from=TIME,to=TIME it stops between the two, daily where they are HH:MM; stop=writes stops host writes instead, which ' +
    'wait up to the hold limit. Windows hold while the group runs, not while it is stopped.';
  static override examples = [
    '<%= config.bin %> cg policy sales --interval 30s',
    '<%= config.bin %> cg policy sales --window from=08:00,to=18:00 --rate 50MiB',
    '<%= config.bin %> cg policy sales --window none',
  ];
  static override args = { name: groupArg };
  static override flags = policyFlags;

  protected async execute(): Promise<Outcome> {
    const change = policyChange(this.flags);
    if (changesNothing(change)) {
      throw failure('usage', 'No value is given.', 'copyset cg status shows the policy; --help lists what can be set.');
    }
    return groupOutcome(await this.askMaster('cg.policy', { change }), 'has its new policy');
  }
}
