import { Args, boolean, duration, plan, progress } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { ToolkitCommand } from '../../cli/toolkit-command.js';
import { applyTopology } from '../../cli/topology-command.js';

export default class TopologyApply extends ToolkitCommand<typeof TopologyApply> {
  static override summary = 'Make what a topology file names: systems, volumes, ports, pairs, groups and sessions.';
  static override description =
    'The file is checked whole, then compared with what is there; only the difference is made, and each pair is waited for ' +
    'until it has the status that the file names. Applied again it finds nothing to do. What the file does not name stays, ' +
    'unless --prune is given. A step that loses data needs --force.';
  static override examples = [
    '<%= config.bin %> topology apply two-sites.yaml',
    '<%= config.bin %> topology apply two-sites.yaml --plan',
    '<%= config.bin %> topology apply two-sites.yaml --prune --force',
  ];
  static override args = {
    file: Args.string({ required: true, description: 'The topology, as YAML or JSON; docs/topology.md describes it.' }),
  };
  static override flags = {
    plan,
    prune: boolean({ summary: 'Remove what is below the root and the file does not name, whole systems too.' }),
    force: boolean({ summary: 'Also where data is lost; --plan says what.' }),
    timeout: duration({ summary: 'Wait for the pairs at most this long; without it until they are there.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    return applyTopology(openToolkit(this.roots, this.id), this.args.file, {
      ...this.flags,
      signal: this.signal,
      startProgress: (label) => this.startProgress(label),
    });
  }
}
