import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { Shell, type ShellEnd } from './shell.js';

interface Opened {
  readonly address: string;
  readonly uri: string;
}

/** The line that a server prints when hosts may come. */
interface Ready {
  readonly systems: readonly string[];
  readonly nbd?: Opened;
  readonly ports: readonly (Opened & { readonly system: string; readonly port: string })[];
}

/** `copyset serve` in a shell of its own, beside the commands of a test. */
export class Server {
  readonly shell: Shell;
  readonly ready: Ready;

  private constructor(shell: Shell, ready: Ready) {
    this.shell = shell;
    this.ready = ready;
  }

  /** Resolves when it is ready; throws what it said where it ends before. */
  static async start(cwd: string, ...words: string[]): Promise<Server> {
    const shell = new Shell(cwd, 'serve', ...words);
    const line = await readyLine(shell);
    return new Server(shell, JSON.parse(line) as Ready);
  }

  /** Where `--nbd unix:…` listens. */
  get socket(): string {
    return this.ready.nbd?.address.replace(/^unix:/, '') ?? '';
  }

  /** An export of the address that --nbd opened. */
  uri(exportName = ''): string {
    return uriOf(this.socket, exportName);
  }

  /** Asks it to end and waits. */
  async stop(): Promise<ShellEnd> {
    return this.shell.isAlive ? this.shell.end('SIGTERM') : this.shell.ended;
  }

  async kill(): Promise<ShellEnd> {
    return this.shell.isAlive ? this.shell.end('SIGKILL') : this.shell.ended;
  }
}

export function uriOf(socket: string, exportName = ''): string {
  return `nbd+unix:///${exportName}?socket=${socket}`;
}

/** What follows the word `ready` in the first line. */
async function readyLine(shell: Shell): Promise<string> {
  const line = () => /^ready (.*)$/m.exec(shell.stdout)?.[1];
  await new Promise<void>((resolve) => {
    shell.child.stdout?.on('data', () => {
      if (line() !== undefined) resolve();
    });
    void shell.ended.then(() => resolve());
  });
  const found = line();
  if (found === undefined) throw new Error(`The server ended with ${(await shell.ended).code}: ${shell.stderr}`);
  return found;
}

export interface ToolEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a client that is not ours. */
export function tool(name: string, ...words: string[]): Promise<ToolEnd> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return new Promise((resolve, reject) => {
    execFile(name, words, { env, cwd: tmpdir(), maxBuffer: 64 * 1_048_576 }, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error ?? new Error(`${name} did not start`));
    });
  });
}

/** A client that must succeed; its standard output. */
export async function works(name: string, ...words: string[]): Promise<string> {
  const ended = await tool(name, ...words);
  if (ended.code !== 0)
    throw new Error(`${name} ${words.join(' ')} ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
  return ended.stdout;
}
