import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { groupOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgStop extends GroupCommand<typeof CgStop> {
  static override summary = 'End continuous formation; the windows of the policy are off, too.';
  static override description =
    'The pairs go on copying and the last group stands. cg start forms one when it is asked to; cg start --continuous makes ' +
    'the group run again.';
  static override examples = ['<%= config.bin %> cg stop sales'];
  static override args = { name: groupArg };

  protected async execute(): Promise<Outcome> {
    return groupOutcome(await this.askMaster('cg.stop', {}), 'is stopped');
  }
}
