import { Args, boolean, duration, plan, progress, wait } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import type { Outcome } from '../../cli/toolkit-command.js';
import { ToolkitCommand } from '../../cli/toolkit-command.js';
import { applyTopology } from '../../cli/topology-command.js';

export default class TopologyApply extends ToolkitCommand<typeof TopologyApply> {
  static override summary = 'Make what a topology file names: systems, volumes, ports, pairs, groups and sessions.';
  static override description =
    'The file is checked whole, then compared with what is there; only the difference is made, and each pair is waited for ' +
    'until it has the status that the file names. Applied again it finds nothing to do. What the file does not name stays, ' +
    'unless --prune is given. A step that loses data needs --force. With --wait the command ends when all is at work: where nobody serves ' +
    'the systems it forms the groups and applies a checkpoint itself. Exit 20: the time is over. 21: a pair is suspended. 22: it cannot come.';
  static override examples = [
    '<%= config.bin %> topology apply two-sites.yaml',
    '<%= config.bin %> topology apply two-sites.yaml --plan',
    '<%= config.bin %> topology apply two-sites.yaml --prune --force',
    '<%= config.bin %> topology apply two-sites.yaml --wait=1m',
  ];
  static override args = {
    file: Args.string({ required: true, description: 'The topology, as YAML or JSON; docs/topology.md describes it.' }),
  };
  static override flags = {
    plan,
    prune: boolean({ summary: 'Remove what is below the root and the file does not name, whole systems too.' }),
    force: boolean({ summary: 'Also where data is lost; --plan says what.' }),
    wait: wait({
      summary:
        'Wait, or at most this long (--wait=1m), until all pairs are copied, started groups were formed and started ' +
        'sessions show a checkpoint.',
      exclusive: ['plan'],
    }),
    timeout: duration({ summary: 'Wait at most this long for everything together; without it until it is there.' }),
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
