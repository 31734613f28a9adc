import { copyFindings } from '../../cli/copy-findings.js';
import { NOTHING } from '../../cli/discovery.js';
import { EXIT_CODES } from '../../cli/exit-codes.js';
import { Args, boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Checked, checkText } from '../../cli/render/systems.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemCheck extends ToolkitCommand<typeof SystemCheck> {
  static override summary = 'Look storage systems over, and repair what can be repaired.';
  static override description =
    'Opening a system recovers it first, after any kind of stop. Then images, tables and maps are looked at; with --deep ' +
    'every map page and every check code. Exit 6 where an error is left. --break-lock is for a person who knows that the ' +
    'owner on another host is gone: it removes its lock first.';
  static override examples = [
    '<%= config.bin %> system check tokyo',
    '<%= config.bin %> system check tokyo osaka --deep --repair',
  ];
  static override args = {
    names: Args.string({ required: true, multiple: true, description: 'Names or paths of systems.' }),
  };
  static override flags = {
    repair: boolean({ summary: 'Repair, and open blocked volumes again.' }),
    deep: boolean({ summary: 'Read every map page and compare all data with its check codes.' }),
    'break-lock': boolean({ summary: 'Remove the lock of an owner that is gone; two owners destroy the system.' }),
  };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const { repair, deep } = this.flags;
    const named = await Promise.all(this.args.names.map((name) => toolkit.find(name)));
    const places = [...new Map(named.map((place) => [place.path, place])).values()];
    // A system named by its path may lie outside the roots, and these need not be there.
    const discovered = await toolkit.discover().catch(() => NOTHING);
    const systems: Checked[] = [];
    const notes: string[] = [];
    for (const place of places) {
      const owner = this.flags['break-lock'] ? await toolkit.breakLock(place) : undefined;
      if (owner) notes.push(`Removed the lock of ${place.name}: ${owner.purpose}, pid ${owner.pid} on ${owner.host}.`);
      const { output } = await toolkit.use(place, (client) => client.request('system.check', { repair, deep }));
      systems.push({ name: place.name, findings: [...copyFindings(discovered, place), ...output.findings] });
    }
    const isBad = systems.some(({ findings }) => findings.some(({ severity }) => severity === 'error'));
    return { data: { systems }, text: checkText(systems), notes, exitCode: isBad ? EXIT_CODES['metadata-damaged'] : 0 };
  }
}
