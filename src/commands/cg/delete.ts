import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { countOf } from '../../cli/render/pair-action.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgDelete extends GroupCommand<typeof CgDelete> {
  static override summary = 'End a consistency group; its pairs and volumes stay.';
  static override description =
    'The pairs go on as they are, the backup volumes keep the last group formed. A formation under way ends first.';
  static override examples = ['<%= config.bin %> cg delete sales'];
  static override args = { name: groupArg };

  protected async execute(): Promise<Outcome> {
    const { name, members } = await this.askMaster('cg.delete', {});
    return { data: { name, members }, text: `Group ${name} is gone; ${countOf(members, 'pair')} go on without it.` };
  }
}
