import { boolean, plan } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairSuspend extends PairCommand<typeof PairSuspend> {
  static override summary = 'Stop copying; differences go on being recorded.';
  static override description =
    'The pair keeps the status it came from, and resync goes on from there. Hosts may no longer write the secondary, ' +
    'unless --allow-write opens it; where it is not whole that needs --force.';
  static override examples = [
    '<%= config.bin %> pair suspend tokyo:db tokyo:db-copy',
    '<%= config.bin %> pair suspend tokyo:db --allow-write --plan',
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    'allow-write': boolean({ summary: 'Open the secondary to hosts.' }),
    force: boolean({ summary: 'Open it although it lacks tracks.', dependsOn: ['allow-write'] }),
    plan,
  };

  protected async execute(): Promise<Outcome> {
    const input = { allowWrite: this.flags['allow-write'], force: this.flags.force };
    const selection = await this.selectPairs();
    const parts = selection.map(({ pairs, ...part }) => ({ ...part, input: { ...input, pairs } }));
    return this.act('pair.suspend', parts);
  }
}
