import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './shell.js';

const PROGRAMS = '/usr/lib/postgresql';
const DATABASE = 'bench';

/** The folder of PostgreSQL's programs, the newest that is installed. */
function programsOf(): string | undefined {
  if (!existsSync(PROGRAMS)) return undefined;
  const versions = readdirSync(PROGRAMS).filter((name) => existsSync(join(PROGRAMS, name, 'bin/pg_amcheck')));
  const [newest] = versions.toSorted((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(PROGRAMS, newest, 'bin');
}

function idOf(what: '-u' | '-g'): number {
  return Number(execFileSync('id', [what, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
}

function hasUser(): boolean {
  try {
    return idOf('-u') > 0;
  } catch {
    return false;
  }
}

/** Why PostgreSQL cannot be run here on mounted volumes; undefined where it can. */
export function whyNoPostgres(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root mounts';
  if (!existsSync('/dev/fuse') || !existsSync('/dev/loop-control')) return 'there is no /dev/fuse, or no loop device';
  if (!existsSync('/usr/bin/nbdfuse')) return 'nbdfuse is not installed';
  if (programsOf() === undefined || !hasUser()) return 'postgresql is not installed';
  return undefined;
}

/** Only what a test needs of a configuration: checkpoints come often, and nothing is turned off that a crash needs. */
const SETTINGS = `
listen_addresses = ''
shared_buffers = 16MB
max_wal_size = 64MB
min_wal_size = 32MB
checkpoint_timeout = 30s
fsync = on
full_page_writes = on
wal_recycle = off
`;

/** A PostgreSQL of its own, run as its own user: data in one folder, the write-ahead log in another. */
export class Postgres {
  readonly #data: string;
  readonly #place: string;
  readonly #user = { uid: idOf('-u'), gid: idOf('-g') };
  readonly #programs = programsOf() ?? '';
  #postmaster: ChildProcess | undefined;

  /** `place` is a folder for its socket and its logs, on no volume. */
  constructor(place: string, data: string) {
    this.#place = place;
    this.#data = join(data, 'pg');
    this.#ownFolder(place);
  }

  /** Makes a cluster with checksums on every page. */
  async initialise(wal: string): Promise<void> {
    for (const folder of [this.#data, join(wal, 'pg_wal')]) this.#ownFolder(folder);
    await this.run(
      'initdb',
      '-D',
      this.#data,
      '-X',
      join(wal, 'pg_wal'),
      '-A',
      'trust',
      '-k',
      '-E',
      'UTF8',
      '--locale=C',
    );
    writeFileSync(join(this.#data, 'postgresql.auto.conf'), SETTINGS);
  }

  /** Resolves when it takes connections: a recovery after a crash is over then. */
  async start(): Promise<void> {
    const words = ['-D', this.#data, '-k', this.#place];
    const postmaster = this.#spawn('postgres', words, 'postgres.log');
    this.#postmaster = postmaster;
    const ready = async () => {
      if (postmaster.exitCode !== null) throw new Error(`PostgreSQL ended with ${postmaster.exitCode}: ${this.log}`);
      return (await this.#answers()) ? true : undefined;
    };
    await eventually(ready, 60_000);
  }

  /** `fast` is an orderly end, `immediate` leaves everything as it is. */
  async stop(how: 'fast' | 'immediate'): Promise<void> {
    const postmaster = this.#postmaster;
    if (!postmaster || postmaster.exitCode !== null || postmaster.signalCode !== null) return;
    const ended = once(postmaster, 'exit');
    postmaster.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  get log(): string {
    return readFileSync(join(this.#place, 'postgres.log'), 'utf8');
  }

  async createBench(scale: number): Promise<void> {
    await this.run('createdb', '-h', this.#place, DATABASE);
    await this.run('pgbench', '-h', this.#place, '-i', '-q', '-s', String(scale), DATABASE);
  }

  /** Transactions without end, by some clients; each that was answered is in a log. Ends when the server does. */
  startBench(clients: number): { readonly ended: Promise<unknown>; answeredUntil(timeMs: number): number } {
    const prefix = join(this.#place, 'transactions');
    const words = [
      '-h',
      this.#place,
      '-n',
      '-c',
      String(clients),
      '-j',
      '2',
      '-T',
      '600',
      '-l',
      `--log-prefix=${prefix}`,
    ];
    const bench = this.#spawn('pgbench', [...words, DATABASE], 'pgbench.log');
    const ended = once(bench, 'exit');
    return { ended, answeredUntil: (timeMs) => this.#answeredUntil(timeMs) };
  }

  /** So many transactions of one client. */
  async bench(transactions: number): Promise<void> {
    await this.run('pgbench', '-h', this.#place, '-n', '-t', String(transactions), DATABASE);
  }

  async query(sql: string): Promise<string> {
    return (
      await this.run('psql', '-h', this.#place, '-X', '-At', '-v', 'ON_ERROR_STOP=1', '-c', sql, DATABASE)
    ).trim();
  }

  /** Every row of every table, every index against its table, in all databases. Answers what it finds wrong. */
  async amcheck(): Promise<string> {
    return this.run(
      'pg_amcheck',
      '-h',
      this.#place,
      '--all',
      '--install-missing',
      '--heapallindexed',
      '--parent-check',
    );
  }

  /** Runs a program of PostgreSQL's to its end; throws what it said unless it succeeds. */
  async run(program: string, ...words: string[]): Promise<string> {
    const child = spawn(join(this.#programs, program), words, {
      ...this.#user,
      cwd: this.#place,
      env: this.#environment,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (text += piece.toString()));
    child.stdin.end();
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${code}: ${text}`);
    return text;
  }

  #answeredUntil(timeMs: number): number {
    const logs = readdirSync(this.#place).filter((name) => name.startsWith('transactions'));
    const lines = logs.flatMap((name) => readFileSync(join(this.#place, name), 'utf8').split('\n'));
    // client, transaction, latency, script, seconds, microseconds
    return lines
      .map((line) => line.split(' ').map(Number))
      .filter(([, , , , seconds, micros]) => micros !== undefined && (seconds ?? 0) * 1000 + micros / 1000 < timeMs)
      .length;
  }

  async #answers(): Promise<boolean> {
    try {
      await this.run('psql', '-h', this.#place, '-X', '-c', 'select 1', 'postgres');
      return true;
    } catch {
      return false;
    }
  }

  #spawn(program: string, words: readonly string[], log: string): ChildProcess {
    const script = `exec "$0" "$@" >>${log} 2>&1`;
    const options = { ...this.#user, cwd: this.#place, env: this.#environment, stdio: 'ignore' as const };
    return spawn('sh', ['-c', script, join(this.#programs, program), ...words], options);
  }

  #ownFolder(path: string): void {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, this.#user.uid, this.#user.gid);
  }

  get #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, LC_ALL: 'C', HOME: this.#place };
  }
}
