import { Args, boolean, string } from '../cli/flags.js';
import { openToolkit } from '../cli/open-toolkit.js';
import { printOrFail } from '../cli/output.js';
import { type Outcome, ToolkitCommand } from '../cli/toolkit-command.js';

export default class Serve extends ToolkitCommand<typeof Serve> {
  static override summary = 'Serve storage systems to hosts over NBD, and copy in the background.';
  static override description =
    'Is the controller of the systems until it is stopped: opens their ports, copies for their pairs, and answers other ' +
    'commands. --nbd adds an address with every volume: as VOLUME, or SYSTEM:VOLUME when several systems are served. Prints one ' +
    'line «ready {json}» with the addresses. SIGTERM answers what is in flight, then exit 0. With a command after -- it runs ' +
    'that, with COPYSET_NBD_URI set, and ends with its exit code.';
  static override examples = [
    '<%= config.bin %> serve tokyo',
    '<%= config.bin %> serve tokyo --nbd unix:/run/tokyo.sock',
    '<%= config.bin %> serve tokyo --nbd tcp://127.0.0.1:0 -- nbdinfo --list nbd://localhost',
  ];
  static override takesChildCommand = true;
  static override args = {
    systems: Args.string({ multiple: true, required: true, description: 'Names, paths or patterns.' }),
  };
  static override flags = {
    nbd: string({ summary: 'One more address, for every volume.', helpValue: 'unix:PATH|tcp://ADDR:PORT' }),
    'tls-dir': string({ summary: 'Folder with the certificate for --nbd.', helpValue: 'DIR' }),
    insecure: boolean({ summary: 'Serve --nbd plain to other hosts.' }),
    'read-only': boolean({ summary: 'Let no host write.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { nbd, insecure } = this.flags;
    const { signal } = this;
    const { runServing } = await import('../cli/serving.js');
    const toolkit = openToolkit(this.roots, this.id);
    const exitCode = await runServing(toolkit, await toolkit.matchAll(this.args.systems), {
      signal,
      ready: (line) => {
        if (!this.quiet) printOrFail(line);
      },
      hosts: {
        nbd,
        insecure,
        tlsDir: this.flags['tls-dir'],
        readOnly: this.flags['read-only'],
        program:
          this.childCommand.length > 0
            ? (environment) => toolkit.runProgram(this.childCommand, environment, signal)
            : undefined,
      },
    });
    return { data: {}, exitCode };
  }
}
