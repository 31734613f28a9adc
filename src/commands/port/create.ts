import { Args, boolean, string } from '../../cli/flags.js';
import { absolutePath } from '../../cli/named-files.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { portsText } from '../../cli/render/ports.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class PortCreate extends ToolkitCommand<typeof PortCreate> {
  static override summary = 'Make a port, where hosts reach volumes by NBD.';
  static override description =
    'The port is opened by whoever serves the system (copyset serve), at once if somebody does. A relative socket path lies ' +
    "in the system's folder. TCP beyond this host needs --tls-dir, or --insecure to say that it may be read by anybody.";
  static override examples = [
    '<%= config.bin %> port create tokyo CL1-A --listen unix:CL1-A.sock',
    '<%= config.bin %> port create tokyo CL2-A --listen tcp://127.0.0.1:10809',
  ];
  static override args = {
    system: Args.string({ required: true, description: 'Name or path of the system.' }),
    name: Args.string({ required: true, description: 'The name of the port.' }),
  };
  static override flags = {
    listen: string({ summary: 'Where it listens.', helpValue: 'unix:PATH|tcp://ADDR:PORT', required: true }),
    'tls-dir': string({
      summary: 'Folder with server-cert.pem, server-key.pem and, to check clients, ca-cert.pem.',
      helpValue: 'DIR',
    }),
    insecure: boolean({ summary: 'Serve plain TCP to other hosts.' }),
  };

  protected async execute(): Promise<Outcome> {
    const { listen, insecure } = this.flags;
    const tlsDir = this.flags['tls-dir'] === undefined ? undefined : await absolutePath(this.flags['tls-dir']);
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const { output } = await toolkit.use(place, (client) =>
      client.request('port.create', { name: this.args.name, listen, tlsDir, insecure }),
    );
    const ports = output.ports.filter((port) => port.name === this.args.name);
    return { data: { ports }, text: portsText(ports) };
  }
}
