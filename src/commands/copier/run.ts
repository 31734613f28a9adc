import { drainOnce } from '../../cli/drain-once.js';
import { Args, boolean, duration, progress, rate } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { printOrFail } from '../../cli/output.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import type { SystemPlace } from '../../core/controller/controller.js';

export default class CopierRun extends ToolkitCommand<typeof CopierRun> {
  static override summary = 'Copy in the background, for all pairs of the systems.';
  static override description =
    'Goes round the pairs by their paces and rates until it is stopped, and serves other commands meanwhile. With --once it ' +
    'copies what is there and ends: exit 0 drained, 21 a pair is suspended, 20 the time is over, 130 interrupted; it prints ' +
    'how the pairs stand whatever ended it. A second --once joins the first and its rate.';
  static override examples = [
    '<%= config.bin %> copier run --once',
    '<%= config.bin %> copier run tokyo --rate 100MiB',
  ];
  static override args = {
    systems: Args.string({ multiple: true, description: 'Names, paths or patterns; without them all systems.' }),
  };
  static override flags = {
    once: boolean({ summary: 'Copy what is there, then end.' }),
    rate: rate(),
    timeout: duration({ summary: 'With --once: stop after this long.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const places = await toolkit.matchAll(this.args.systems ?? ['*']);
    return this.flags.once ? this.#once(places) : this.#forEver(places);
  }

  async #once(places: readonly SystemPlace[]): Promise<Outcome> {
    const { timeout: timeoutMs, rate: ours } = this.flags;
    // All systems together keep to the rate, whoever owns each of them.
    const rateBytesPerSecond = ours === undefined ? undefined : Math.ceil(ours / places.length);
    return drainOnce(
      openToolkit(this.roots, this.id),
      places,
      { timeoutMs, rateBytesPerSecond },
      { signal: this.signal, progress: this.startProgress('copy') },
    );
  }

  async #forEver(places: readonly SystemPlace[]): Promise<Outcome> {
    const { runServing } = await import('../../cli/serving.js');
    const exitCode = await runServing(openToolkit(this.roots, this.id), places, {
      signal: this.signal,
      rateBytesPerSecond: this.flags.rate,
      ready: (line) => this.say(line),
    });
    return { data: {}, exitCode };
  }

  private say(line: string): void {
    if (!this.quiet) printOrFail(line);
  }
}
