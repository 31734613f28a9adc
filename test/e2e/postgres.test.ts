import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupSites } from './group-sites.js';
import { NbdMount } from './nbd-mount.js';
import { Postgres, whyNoPostgres } from './postgres-server.js';
import { useRootFolder } from './root-folder.js';

/**
 * A real database over two systems: its data on a volume of tokyo, its write-ahead log on one of kyoto. Groups of both form at osaka
 * while clients work; then both sites are gone at once, and the database goes on at osaka.
 */
const DATA = { system: 'tokyo', remote: 'osaka', name: 'data', sizeBytes: 512 * 1_048_576 };
const WAL = { system: 'kyoto', remote: 'osaka', name: 'wal', sizeBytes: 256 * 1_048_576 };
const SCALE = 5;
const CLIENTS = 4;
/** What the clients work before the sites are lost, and how much longer by chance. */
const WORK_MS = 6_000;
const WORK_MORE_MS = 6_000;
const SUMS = `select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
  (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)`;

const why = whyNoPostgres();
const root = useRootFolder();
const mounts: NbdMount[] = [];
const servers: Postgres[] = [];
let sites: GroupSites;

/** Always at the same place, so that the database finds its log where it left it. */
async function mount(system: string, volume: string, options: { format?: boolean } = {}): Promise<NbdMount> {
  const opened = await NbdMount.open(root.file(volume), sites.uriOf(system, volume), options);
  mounts.push(opened);
  return opened;
}

function postgresOn(data: NbdMount, name: string): Postgres {
  const server = new Postgres(root.file(name), data.path);
  servers.push(server);
  return server;
}

beforeAll(async () => {
  if (why !== undefined) return;
  chmodSync(root.path, 0o755);
  sites = new GroupSites(root.path, { volumes: [DATA, WAL], durability: 'power' });
  await sites.prepare();
});

afterAll(async () => {
  for (const server of servers) await server.stop('immediate');
  for (const one of mounts) await one.tearAway();
  await sites?.abandon();
});

if (why !== undefined) console.log(`postgres.test.ts is skipped: ${why}.`);

describe.skipIf(why !== undefined)(
  `PostgreSQL over two systems${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    it('goes on at the remote from the last group, whole, when both its systems are gone', {
      timeout: 180_000,
    }, async () => {
      const [data, wal] = await Promise.all([
        mount('tokyo', 'data', { format: true }),
        mount('kyoto', 'wal', { format: true }),
      ]);
      const here = postgresOn(data, 'here');
      await here.initialise(wal.path);
      await here.start();
      await here.createBench(SCALE);
      await sites.startForming();
      await sites.formed(1);

      const bench = here.startBench(CLIENTS);
      await new Promise((resolve) => setTimeout(resolve, WORK_MS + Math.random() * WORK_MORE_MS));
      await sites.kill('tokyo', 'kyoto');
      await here.stop('immediate');
      await bench.ended;
      for (const one of mounts.splice(0)) await one.tearAway();

      // Nobody has touched the sites since; their files tell the last group that was formed, before anything is recovered.
      const last = await sites.status();
      const recovered = await sites.recover();
      expect(recovered).toMatchObject({ partial: false });
      expect(recovered.sequence).toBeGreaterThanOrEqual(last.sequence ?? 0);
      expect(recovered.sequence).toBeGreaterThan(1);

      const there = await openAtRemote();
      expect(there.log).toContain('automatic recovery in progress');
      expect(await there.amcheck()).toBe('');
      await expectBalanced(there);
      // Whatever was answered before the group's time is there, and nothing that no client asked for.
      const transactions = Number(await there.query('select count(*) from pgbench_history'));
      expect(transactions).toBeGreaterThanOrEqual(bench.answeredUntil(Date.parse(recovered.time)));
      expect(transactions).toBeLessThanOrEqual(bench.answeredUntil(Number.POSITIVE_INFINITY) + CLIENTS);
      expect(transactions).toBeGreaterThan(0);

      await there.bench(20);
      await expectBalanced(there);
      await there.stop('fast');
      for (const one of mounts.splice(0).toReversed()) await one.close();
    });
  },
);

async function openAtRemote(): Promise<Postgres> {
  const [data] = await Promise.all([mount('osaka', 'data'), mount('osaka', 'wal')]);
  const server = postgresOn(data, 'there');
  await server.start();
  return server;
}

/** What every transaction of pgbench keeps: it adds one number to an account, to its teller, to its branch, and to the history. */
async function expectBalanced(server: Postgres): Promise<void> {
  const sums = await server.query(SUMS);
  expect(new Set(sums.split('|')).size, sums).toBe(1);
}
