import { boolean, plan } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { halfLeftBehind, pairArgs, selectionFlags } from '../../cli/pair-selection.js';
import { nothingToDelete } from '../../cli/pair-simplex.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { isToolkitError } from '../../core/foundation/foundation.js';

export default class PairDelete extends PairCommand<typeof PairDelete> {
  static override summary = 'End pairs; both volumes stay.';
  static override description =
    'Deletes pairs from any status. A side that can read some of its tracks only through the pair is left incomplete: it ' +
    'cannot be read until it is paired or formatted, or all of it is overwritten (volume import --overwrite, or one volume ' +
    'write of its full size), so that needs --force. So does a pair between systems of which one cannot be reached: the half ' +
    'that is there is deleted, and what stays behind is told. Two volumes that are no pair need no deleting: exit 0.';
  static override examples = [
    '<%= config.bin %> pair delete tokyo:db tokyo:db-copy --unreserve',
    "<%= config.bin %> pair delete 'tokyo:log*' --plan",
  ];
  static override args = pairArgs;
  static override flags = {
    ...selectionFlags,
    unreserve: boolean({ summary: 'Give the secondaries back to hosts.' }),
    force: boolean({ summary: 'Delete although a side is left incomplete, or a half behind.' }),
    plan,
  };

  protected async execute(): Promise<Outcome> {
    const { unreserve, force } = this.flags;
    const left = force ? await halfLeftBehind(this.toolkit, this.args) : undefined;
    const selection = left ?? (await this.selectPairs());
    const parts = selection.map(({ pairs, ...part }) => ({ ...part, input: { unreserve, force, pairs } }));
    try {
      return await this.act('pair.delete', parts);
    } catch (error) {
      const nothing = isToolkitError(error, 'pair-not-found')
        ? await nothingToDelete(this.toolkit, this.args, { unreserve, plan: this.flags.plan })
        : undefined;
      if (nothing === undefined) throw error;
      return nothing;
    }
  }
}
