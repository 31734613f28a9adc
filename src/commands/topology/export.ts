import { string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { ToolkitCommand } from '../../cli/toolkit-command.js';
import { exportedTopology } from '../../cli/topology-command.js';

export default class TopologyExport extends ToolkitCommand<typeof TopologyExport> {
  static override summary = 'Write what is below the root as a topology file.';
  static override description =
    'The file names systems, volumes, ports, pairs and groups, not the data. topology apply finds nothing to do for it here, and ' +
    'makes the same from it elsewhere.';
  static override examples = [
    '<%= config.bin %> topology export',
    '<%= config.bin %> topology export --output topology.yaml',
  ];
  static override flags = {
    output: string({ summary: 'Write it to this file; else to standard output.', helpValue: 'FILE' }),
  };

  protected async execute(): Promise<Outcome> {
    return exportedTopology(openToolkit(this.roots, this.id), this.flags.output);
  }
}
