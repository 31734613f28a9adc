import { Args, boolean, option, string } from '../../cli/flags.js';
import { PairCommand } from '../../cli/pair-command.js';
import { createParts, savePlan } from '../../cli/pair-create.js';
import { actionFlags, pacingFlags } from '../../cli/pair-flags.js';
import type { Outcome } from '../../cli/toolkit-command.js';

export default class PairCreate extends PairCommand<typeof PairCreate> {
  static override summary = 'Pair two volumes and begin the initial copy.';
  static override description =
    'SECONDARY gets the contents of PRIMARY and follows it; hosts cannot use it until the pair is split. It must have the ' +
    'size, track size and emulation of PRIMARY, hold no data (or --overwrite), and be the secondary of no other pair. ' +
    'With SECONDARY auto the lowest-numbered reserved, unpaired volume that fits is taken; a glob with auto pairs each ' +
    'match, also one that is a secondary, but no free reserved volume. Only tracks that were ever written are copied.';
  static override examples = [
    '<%= config.bin %> pair create tokyo:db tokyo:db-copy --wait',
    '<%= config.bin %> pair create tokyo:db osaka:db --wait',
    '<%= config.bin %> pair create tokyo:db osaka:db --mode journal --session sales --backup auto',
    '<%= config.bin %> pair create tokyo:db tokyo:db-copy --split --pace fast --wait=5m',
    "<%= config.bin %> pair create 'tokyo:log*' auto --plan",
    '<%= config.bin %> pair create tokyo:db auto --plan-output pairs.yaml',
    '<%= config.bin %> pair create --file pairs.yaml --wait',
  ];
  static override args = {
    primary: Args.string({ description: 'Primary volume, as SYSTEM:VOLUME; with auto a glob.' }),
    secondary: Args.string({ description: 'Secondary volume, of the same system or another; or auto.' }),
  };
  static override flags = {
    mode: option({
      summary:
        'How the secondary follows: local inside a system; between systems async unless said; with sync a write completes when both have it; journal belongs to a checkpoint session.',
      options: ['local', 'sync', 'async', 'journal'] as const,
    })(),
    split: boolean({ summary: 'Split at once: SECONDARY shows PRIMARY as it is now, the copy goes on behind.' }),
    virtual: boolean({ summary: 'Split at once and copy only tracks about to be overwritten.' }),
    'no-copy': boolean({ summary: 'The volumes are equal already; copy nothing.' }),
    verify: boolean({ summary: 'With --no-copy: compare the volumes first.', dependsOn: ['no-copy'] }),
    overwrite: boolean({ summary: 'SECONDARY may hold data; it is lost.' }),
    ...pacingFlags,
    file: string({ summary: 'Make the pairs that this plan file lists; checked whole first.', helpValue: 'PLAN.yaml' }),
    'plan-output': string({
      summary: 'Write the pairs that would be made to this file, for --file; change nothing.',
      helpValue: 'FILE',
    }),
    manual: boolean({ summary: 'Between systems: do not go on by itself when a lost link is back.' }),
    session: string({
      summary:
        'Of journal pairs: their checkpoint session. Sync pairs of one session are suspended together, and return together.',
      helpValue: 'NAME',
    }),
    backup: string({
      summary:
        'Of journal pairs: a volume beside the secondary that keeps the last checkpoint while differences come back; auto takes a reserved one.',
      helpValue: 'SYSTEM:VOLUME|auto',
    }),
    ...actionFlags,
  };

  protected async execute(): Promise<Outcome> {
    const parts = await createParts(this.toolkit, this.args, this.flags);
    const output = this.flags['plan-output'];
    if (output === undefined) return this.act('pair.create', parts);
    return savePlan(this.toolkit, output, await this.plan('pair.create', parts), this.flags);
  }
}
