import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupSites } from './group-sites.js';
import { whyNoPostgres } from './postgres-server.js';
import { DATA, PostgresStage, WAL } from './postgres-stage.js';
import { useRootFolder } from './root-folder.js';

/** Groups of both volumes form at osaka while clients work; then both sites are gone at once, and the database goes on at osaka. */
const why = whyNoPostgres();
const root = useRootFolder();
let sites: GroupSites;
let stage: PostgresStage;

beforeAll(async () => {
  if (why !== undefined) return;
  sites = new GroupSites(root.path, { volumes: [DATA, WAL], durability: 'power' });
  stage = new PostgresStage(root, sites);
  await sites.prepare();
});

afterAll(async () => {
  if (why === undefined) await stage.end();
});

if (why !== undefined) console.log(`postgres.test.ts is skipped: ${why}.`);

describe.skipIf(why !== undefined)(
  `PostgreSQL over two systems${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    it('goes on at the remote from the last group, whole, when both its systems are gone', {
      timeout: 180_000,
    }, async () => {
      const here = await stage.here();
      await sites.startForming();
      await sites.formed(1);
      const bench = await stage.workUntilLost(here);

      // Nobody has touched the sites since; their files tell the last group that was formed, before anything is recovered.
      const last = await sites.status();
      const recovered = await sites.recover();
      expect(recovered).toMatchObject({ partial: false });
      expect(recovered.sequence).toBeGreaterThanOrEqual(last.sequence ?? 0);
      expect(recovered.sequence).toBeGreaterThan(1);
      await stage.expectWhole(bench, Date.parse(recovered.time));
    });
  },
);
