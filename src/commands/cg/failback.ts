import { plan, progress, wait } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { GroupCommand } from '../../cli/group-command.js';
import { recoveredPlace } from '../../cli/group-finding.js';
import { groupArg } from '../../cli/group-flags.js';
import { failbackOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgFailback extends GroupCommand<typeof CgFailback> {
  static override summary = 'Bring a recovered group back to its old primaries.';
  static override description =
    'Copies the differences back while the recovered side serves; when they are gone it closes that side under one gate, ' +
    'copies the rest and turns the roles back. Without --wait it only begins; run it again to finish. Where the maps of the ' +
    'old primaries cannot be read, all tracks are compared.';
  static override examples = [
    '<%= config.bin %> cg failback sales --plan',
    '<%= config.bin %> cg failback sales --wait=2h',
  ];
  static override args = { name: groupArg };
  static override flags = { wait: wait(), progress, plan };

  protected async execute(): Promise<Outcome> {
    const found = await this.findGroup();
    const limit = this.flags.wait;
    const timeoutMs = limit === undefined || !Number.isFinite(limit) ? undefined : limit;
    const input = {
      group: found.group.name,
      plan: this.flags.plan,
      wait: limit === undefined ? undefined : { timeoutMs },
    };
    const shown = this.startProgress(`Bringing ${found.group.name} back`);
    try {
      const extras = { signal: this.signal, onProgress: showSum(shown) };
      return failbackOutcome(await this.askAt(recoveredPlace(found), 'cg.failback', input, extras));
    } finally {
      shown.stop();
    }
  }
}
