import { chmodSync } from 'node:fs';
import { expect } from 'vitest';
import { NbdMount } from './nbd-mount.js';
import { Postgres } from './postgres-server.js';
import type { RootFolder } from './root-folder.js';
import type { Sites } from './sites.js';

export const DATA = { system: 'tokyo', remote: 'osaka', name: 'data', sizeBytes: 512 * 1_048_576 };
export const WAL = { system: 'kyoto', remote: 'osaka', name: 'wal', sizeBytes: 256 * 1_048_576 };
export const CLIENTS = 4;
const SCALE = 5;
/** What the clients work before the sites are lost, and how much longer by chance. */
const WORK_MS = 6_000;
const WORK_MORE_MS = 6_000;
const SUMS = `select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
  (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)`;

type Bench = ReturnType<Postgres['startBench']>;

/** A real database over two systems: its data on a volume of tokyo, its write-ahead log on one of kyoto; osaka follows both. */
export class PostgresStage {
  readonly #root: RootFolder;
  readonly #sites: Sites;
  readonly #mounts: NbdMount[] = [];
  readonly #servers: Postgres[] = [];

  constructor(root: RootFolder, sites: Sites) {
    this.#root = root;
    this.#sites = sites;
    chmodSync(root.path, 0o755);
  }

  /** A database at the primaries, filled. */
  async here(): Promise<Postgres> {
    const [data, wal] = await Promise.all([
      this.#mount('tokyo', 'data', { format: true }),
      this.#mount('kyoto', 'wal', { format: true }),
    ]);
    const server = this.#on(data, 'here');
    await server.initialise(wal.path);
    await server.start();
    await server.createBench(SCALE);
    return server;
  }

  /** Clients work; then both primaries are gone at once, and everything that stood upon them. */
  async workUntilLost(here: Postgres): Promise<Bench> {
    const bench = here.startBench(CLIENTS);
    await new Promise((resolve) => setTimeout(resolve, WORK_MS + Math.random() * WORK_MORE_MS));
    await this.#sites.kill('tokyo', 'kyoto');
    await here.stop('immediate');
    await bench.ended;
    for (const one of this.#mounts.splice(0)) await one.tearAway();
    return bench;
  }

  /** It goes on at the remote, whole, with all that was answered before a time and nothing that no client asked for. */
  async expectWhole(bench: Bench, timeMs: number): Promise<void> {
    const [data] = await Promise.all([this.#mount('osaka', 'data'), this.#mount('osaka', 'wal')]);
    const there = this.#on(data, 'there');
    await there.start();
    expect(there.log).toContain('automatic recovery in progress');
    expect(await there.amcheck()).toBe('');
    await expectBalanced(there);
    const transactions = Number(await there.query('select count(*) from pgbench_history'));
    expect(transactions).toBeGreaterThanOrEqual(bench.answeredUntil(timeMs));
    expect(transactions).toBeLessThanOrEqual(bench.answeredUntil(Number.POSITIVE_INFINITY) + CLIENTS);
    expect(transactions).toBeGreaterThan(0);
    await there.bench(20);
    await expectBalanced(there);
    await there.stop('fast');
    for (const one of this.#mounts.splice(0).toReversed()) await one.close();
  }

  async end(): Promise<void> {
    for (const server of this.#servers) await server.stop('immediate');
    for (const one of this.#mounts) await one.tearAway();
    await this.#sites.abandon();
  }

  /** Always at the same place, so that the database finds its log where it left it. */
  async #mount(system: string, volume: string, options: { format?: boolean } = {}): Promise<NbdMount> {
    const opened = await NbdMount.open(this.#root.file(volume), this.#sites.uriOf(system, volume), options);
    this.#mounts.push(opened);
    return opened;
  }

  #on(data: NbdMount, name: string): Postgres {
    const server = new Postgres(this.#root.file(name), data.path);
    this.#servers.push(server);
    return server;
  }
}

/** What every transaction of pgbench keeps: it adds one number to an account, to its teller, to its branch, and to the history. */
async function expectBalanced(server: Postgres): Promise<void> {
  const sums = await server.query(SUMS);
  expect(new Set(sums.split('|')).size, sums).toBe(1);
}
