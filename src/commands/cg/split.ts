import { findGroup, groupPairs, masterPlace } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { splitOutcome } from '../../cli/group-split.js';
import { PairCommand } from '../../cli/pair-command.js';
import { waitFlags } from '../../cli/pair-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgSplit extends PairCommand<typeof CgSplit> {
  static override summary = 'Split all pairs of a consistency group at one instant, over all its systems.';
  static override description =
    'Short for pair split --group: one gate, all or none. Exit 10: a gate opened by itself, so the split is void and every ' +
    'pair goes on as before.';
  static override examples = ['<%= config.bin %> cg split sales --wait'];
  static override args = { name: groupArg };
  static override flags = waitFlags;

  protected async execute(): Promise<Outcome> {
    const found = await findGroup(this.toolkit, this.args.name);
    const { signal } = this;
    const { output } = await this.toolkit.use(masterPlace(found), (client) =>
      client.request('cg.split', { group: found.group.name }, { signal }),
    );
    const { wait, root } = this.flags;
    if (wait === undefined) return splitOutcome(output, undefined, root);
    const pairs = await groupPairs(this.toolkit, found.group.name);
    return splitOutcome(output, await this.waitForPairs(pairs, ['split'], wait), root);
  }
}
