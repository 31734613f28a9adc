import { EXIT } from '../cli/exit-codes.js';
import { duration, option, watch } from '../cli/flags.js';
import { openToolkit } from '../cli/open-toolkit.js';
import { gather } from '../cli/overview/gather.js';
import { isWell, judge } from '../cli/overview/judge.js';
import { overviewPage } from '../cli/overview/page.js';
import { prometheusText } from '../cli/overview/prometheus.js';
import { type Outcome, ToolkitCommand } from '../cli/toolkit-command.js';

/** Long enough for a busy disk, short enough to be told before the next formation is late. */
const STUCK_AFTER_MS = 60_000;

export default class Status extends ToolkitCommand<typeof Status> {
  static override summary = 'Show on one page what is well, late, stuck or suspended, over all systems.';
  static override description =
    'Looks at every system below the roots, its volumes, pairs, groups and sessions, without owning one. What is not well comes first, each ' +
    'with the command that helps. Exit 0: all is well, or at most late. Exit 21: something is suspended or stuck. ' +
    '--format prometheus prints metrics for a textfile collector and always exits 0 when it could look.';
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --watch',
    '<%= config.bin %> status --format prometheus',
    '<%= config.bin %> status --json',
  ];
  static override flags = {
    watch,
    format: option({ summary: 'What to print.', options: ['table', 'prometheus'] as const })({ default: 'table' }),
    stuck: duration({
      summary: 'What has not got on for so long is stuck; one minute unless given.',
      helpValue: 'DURATION',
    }),
  };

  protected async execute(): Promise<Outcome> {
    return this.flags.watch ? this.watch(() => this.look()) : this.look();
  }

  private async look(): Promise<Outcome> {
    const overview = await gather(openToolkit(this.roots, this.id));
    const findings = judge(overview, { stuckAfterMs: this.flags.stuck ?? STUCK_AFTER_MS });
    const well = isWell(findings);
    const { systems, pairs, groups, sessions } = overview;
    const data = { well, findings, systems, pairs, groups, sessions };
    if (this.flags.format === 'prometheus') return { data, text: () => prometheusText(overview, findings) };
    return {
      data,
      text: () => overviewPage(overview, findings),
      exitCode: well ? EXIT.done : EXIT.suspended,
    };
  }
}
