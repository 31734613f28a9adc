import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoPostgres } from './postgres-server.js';
import { DATA, PostgresStage, WAL } from './postgres-stage.js';
import { useRootFolder } from './root-folder.js';
import { SessionSites } from './session-sites.js';

/** Checkpoints of both volumes are applied at osaka while clients work; then both sites are gone at once, and the database goes on at osaka. */
const why = whyNoPostgres();
const root = useRootFolder();
let sites: SessionSites;
let stage: PostgresStage;

beforeAll(async () => {
  if (why !== undefined) return;
  sites = new SessionSites(root.path, { volumes: [DATA, WAL], durability: 'power', order: 'clock', interval: '500ms' });
  stage = new PostgresStage(root, sites);
  await sites.prepare();
});

afterAll(async () => {
  if (why === undefined) await stage.end();
});

if (why !== undefined) console.log(`postgres-session.test.ts is skipped: ${why}.`);

describe.skipIf(why !== undefined)(
  `PostgreSQL over two systems in a checkpoint session${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    it('goes on at the remote from the last checkpoint, whole, when both its systems are gone', {
      timeout: 180_000,
    }, async () => {
      const here = await stage.here();
      await sites.applied(1);
      const bench = await stage.workUntilLost(here);

      // Nobody has touched the sites since; their files tell what is applied and what is held, before anything is recovered.
      const last = await sites.status();
      const recovered = await sites.recover();
      expect(recovered.number).toBeGreaterThanOrEqual(last.applied ?? 0);
      expect(recovered.number).toBeGreaterThan(1);
      await stage.expectWhole(bench, Date.parse(recovered.time));
    });
  },
);
