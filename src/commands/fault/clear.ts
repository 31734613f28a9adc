import { parseKind } from '../../cli/fault-words.js';
import { Args } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { faultsText } from '../../cli/render/faults.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import type { SystemClient } from '../../core/controller/controller.js';

export default class FaultClear extends ToolkitCommand<typeof FaultClear> {
  static override summary = 'Clear the faults of a fixture system, or those of one kind.';
  static override description = 'What a fault did meanwhile stays: a suspended pair is resynced by hand.';
  static override examples = ['<%= config.bin %> fault clear lab', '<%= config.bin %> fault clear lab io-error'];
  static override args = {
    system: Args.string({ required: true, description: 'Name or path of the system.' }),
    kind: Args.string({ description: 'Only faults of this kind.' }),
  };

  protected async execute(): Promise<Outcome> {
    const kind = this.args.kind === undefined ? undefined : parseKind(this.args.kind);
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const clear = (client: SystemClient) => client.request('fault.clear', { kind });
    const { faults } = (await toolkit.use(place, clear, { unharmed: true })).output;
    return {
      data: { faults: faults.map((row) => ({ system: place.name, ...row })) },
      text: faultsText(place.name, faults),
    };
  }
}
