import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { REMOTE, type Site, type TwoSystems } from '../system/two-systems.js';
import type { RemoteScenario, RemoteStage } from './remote-crash.js';

/** The pair as a crash left it is brought to duplex, whatever it takes. */
async function follow({ systems }: RemoteStage): Promise<void> {
  for (let tries = 0; tries < 8; tries += 1) {
    const row = await systems.row('tokyo');
    if (row?.status === 'duplex' && row.outOfSyncTracks === 0) return;
    if (row === undefined) await systems.pair({ overwrite: true });
    else if (['split', 'sp-pending', 'suspended'].includes(row.status)) await resync(systems, false);
    await systems.wait('duplex');
    await systems.rest(100);
  }
  throw new Error(`does not come to duplex: ${JSON.stringify(await systems.row('tokyo'))}`);
}

async function resync(systems: TwoSystems, reverse: boolean): Promise<void> {
  await patiently(() => systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true, reverse }));
}

/** A process that was just started may find the other's still letting go. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries === 5 || !isToolkitError(error, 'link-lost')) throw error;
    }
  }
}

async function equal(stage: RemoteStage): Promise<void> {
  const { systems } = stage;
  await systems.rest(500);
  const [db, copy] = [systems.image('tokyo', 'db'), systems.image('osaka', 'db-copy')];
  if (db.join() !== copy.join()) throw new Error(`in duplex and not the same: ${db.join()} / ${copy.join()}`);
}

async function followAndCompare(stage: RemoteStage): Promise<void> {
  stage.instant = undefined;
  await follow(stage);
  await equal(stage);
}

const duplex = async (systems: TwoSystems) => {
  await systems.pair();
  await systems.wait('duplex');
};

const split = async (systems: TwoSystems) => {
  await duplex(systems);
  await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
  await systems.wait('split');
};

const write = (stage: RemoteStage, site: Site, track: number, value: number) =>
  site === 'tokyo'
    ? stage.db.write(stage.systems, site, 'db', track, value)
    : stage.copy.write(stage.systems, site, 'db-copy', track, value);

const wait = (stage: RemoteStage, ...statuses: ('duplex' | 'split')[]) =>
  stage.systems.askNow('tokyo', 'pair.wait', { pairs: REMOTE, statuses, timeoutMs: 30_000 });

export const REMOTE_SCENARIOS: readonly RemoteScenario[] = [
  {
    name: 'a pair is made and copied while its primary is written',
    prepare: async () => undefined,
    run: async (stage) => {
      const made = stage.systems.askNow('tokyo', 'pair.create', { pairs: [stage.systems.createRow()], mode: 'async' });
      await Promise.all([made, write(stage, 'tokyo', 3, 20), write(stage, 'tokyo', 9, 21)]);
      await write(stage, 'tokyo', 4, 22);
      await wait(stage, 'duplex');
    },
    settle: followAndCompare,
  },
  {
    name: 'a pair is split with tracks on their way, and written on',
    prepare: duplex,
    run: async (stage) => {
      for (const [track, value] of [
        [1, 30],
        [2, 31],
        [3, 32],
        [7, 33],
      ] as const)
        await write(stage, 'tokyo', track, value);
      stage.instant = [...stage.db.answered];
      await stage.systems.askNow('tokyo', 'pair.split', { pairs: REMOTE });
      for (const [track, value] of [
        [3, 40],
        [2, 41],
        [12, 42],
        [7, 43],
      ] as const)
        await write(stage, 'tokyo', track, value);
      await wait(stage, 'split');
    },
    settle: async (stage) => {
      const row = await stage.systems.row('tokyo');
      if (row?.status === 'sp-pending' || row?.status === 'split') await stage.systems.wait('split');
      else stage.instant = undefined;
    },
  },
  {
    name: 'a split pair written on both sides is resynced',
    prepare: split,
    run: async (stage) => {
      for (const [track, value] of [
        [1, 50],
        [2, 51],
      ] as const)
        await write(stage, 'tokyo', track, value);
      for (const [track, value] of [
        [2, 60],
        [8, 61],
      ] as const)
        await write(stage, 'osaka', track, value);
      await stage.systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
      await write(stage, 'tokyo', 5, 52);
      await wait(stage, 'duplex');
    },
    settle: followAndCompare,
  },
  {
    name: 'a split pair written on both sides is restored',
    prepare: split,
    run: async (stage) => {
      for (const [track, value] of [
        [1, 50],
        [2, 51],
      ] as const)
        await write(stage, 'tokyo', track, value);
      for (const [track, value] of [
        [2, 60],
        [8, 61],
      ] as const)
        await write(stage, 'osaka', track, value);
      stage.mayBeRestored = true;
      await stage.systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, discard: true, reverse: true });
      await wait(stage, 'duplex');
    },
    settle: async (stage) => {
      const { systems } = stage;
      if ((await systems.status('tokyo')) === 'split') await resync(systems, true);
      await systems.wait('duplex');
      stage.mayBeRestored = false;
      stage.db = stage.copy;
      await followAndCompare(stage);
    },
  },
  {
    name: 'a pair is deleted',
    prepare: duplex,
    run: async (stage) => {
      await write(stage, 'tokyo', 3, 70);
      await stage.systems.world.clock.sleep(500);
      await stage.systems.askNow('tokyo', 'pair.delete', { pairs: REMOTE });
    },
    settle: async ({ systems }) => {
      await systems.rest(500); // Until what was in doubt is copied: without force nothing may be missing.
      if (await systems.row('tokyo')) await patiently(() => systems.ask('tokyo', 'pair.delete', { pairs: REMOTE }));
      if ((await systems.row('osaka')) !== undefined) throw new Error('the secondary kept its half');
    },
  },
  {
    name: 'a secondary is taken over, and its primary follows it again by resync',
    prepare: duplex,
    run: async (stage) => {
      await stage.systems.askNow('osaka', 'pair.takeover', { volumes: ['db-copy'] });
      await write(stage, 'osaka', 2, 80);
      await stage.systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
      await wait(stage, 'duplex');
    },
    settle: async (stage) => {
      if ((await stage.systems.row('tokyo'))?.status !== 'duplex') await resync(stage.systems, false);
      await followAndCompare(stage);
    },
  },
  {
    name: 'a secondary is taken over, and the roles are turned back',
    prepare: duplex,
    run: async (stage) => {
      await stage.systems.askNow('osaka', 'pair.takeover', { volumes: ['db-copy'] });
      stage.db = stage.copy; // The former primary counts again once it holds what the secondary's host wrote.
      await write(stage, 'osaka', 2, 80);
      await stage.systems.askNow('tokyo', 'pair.resync', { pairs: REMOTE, discard: true, reverse: true });
      await write(stage, 'osaka', 5, 81).catch(() => undefined);
      await wait(stage, 'duplex');
    },
    settle: async (stage) => {
      const row = await stage.systems.row('tokyo');
      if (row?.status === 'suspended') await resync(stage.systems, true);
      await stage.systems.wait('duplex');
      await followAndCompare(stage);
    },
  },
];
