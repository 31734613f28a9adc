import { Args, boolean, duration, option, size, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemCreate extends ToolkitCommand<typeof SystemCreate> {
  static override summary = 'Make a storage system: a folder below the root that will hold volumes.';
  static override description =
    'The folder NAME is made in the first root. The defaults are right for a local disk. --durability none leaves flushes ' +
    'out, for tests; --fixture allows faults to be injected and makes ids and times repeatable.';
  static override examples = [
    '<%= config.bin %> system create tokyo --site east',
    '<%= config.bin %> system create lab --durability none --fixture',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'Name of the system and of its folder.' }),
  };
  static override flags = {
    site: string({ summary: 'Where it stands; a label.', helpValue: 'TEXT' }),
    'track-size': size({ summary: 'Track size of its volumes, a power of two from 4KiB to 16MiB; 64KiB unless set.' }),
    'journal-limit': size({ summary: 'Room for all journals together, at least 4352KiB; 4GiB unless set.' }),
    'save-limit': size({ summary: 'Room for saved tracks; 4GiB unless set.' }),
    durability: option({
      summary: 'What a flush outlives: power loss, or (none) a killed process only.',
      options: ['power', 'none'] as const,
    })(),
    'link-limit': duration({ summary: 'How long a lost link is waited for; 30s unless set.' }),
    'shared-mount': boolean({ summary: 'Allow a network file system; one host at a time owns the system.' }),
    fixture: boolean({ summary: 'For tests: faults may be injected, ids and times may be fixed.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { flags } = this;
    const place = await openToolkit(this.roots, this.id).create({
      name: this.args.name,
      site: flags.site,
      trackSizeBytes: flags['track-size'],
      journalLimitBytes: flags['journal-limit'],
      saveLimitBytes: flags['save-limit'],
      durability: flags.durability,
      linkLimitMs: flags['link-limit'],
      sharedMount: flags['shared-mount'],
      fixture: flags.fixture,
    });
    const { name, path, info } = place;
    return { data: { systems: [{ ...info, path }] }, text: `Made the storage system ${name} in ${path}.` };
  }
}
