import { boolean, progress } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { followFormations } from '../../cli/follow-formations.js';
import { GroupCommand } from '../../cli/group-command.js';
import { groupArg } from '../../cli/group-flags.js';
import { formationOutcome } from '../../cli/group-outcomes.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class CgStart extends GroupCommand<typeof CgStart> {
  static override summary = 'Form a consistency group: once, or again and again.';
  static override description =
    'Works to the end of one formation, within its limits. Exit 0: formed. 3: paused, or a member is not ready. 5: another ' +
    'is forming. 8: a system is lost, or the formation is undecided. 10: void or failed; the last group stands. With ' +
    '--continuous the group runs at its interval from now on, in whoever owns its master: in a server or copier, else here.';
  static override examples = [
    '<%= config.bin %> cg start sales',
    '<%= config.bin %> cg start sales --skip-if-busy --json',
    '<%= config.bin %> cg start sales --continuous',
  ];
  static override args = { name: groupArg };
  static override flags = {
    continuous: boolean({ summary: 'Form at the interval of the policy until cg stop.' }),
    'skip-if-busy': boolean({ summary: 'Where another is forming, skip this one: exit 0.', exclusive: ['continuous'] }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const { signal, quiet, json } = this;
    if (this.flags.continuous) {
      return this.withMaster((client, group) => followFormations(client, group, { signal, quiet, json }));
    }
    const shown = this.startProgress(`Forming ${this.args.name}`);
    try {
      const skipIfBusy = this.flags['skip-if-busy'];
      return formationOutcome(await this.askMaster('cg.start', { skipIfBusy }, { signal, onProgress: showSum(shown) }));
    } finally {
      shown.stop();
    }
  }
}
