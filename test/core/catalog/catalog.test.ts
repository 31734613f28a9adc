import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Catalog, type Change, pairMapKey, volumeMapKey } from '../../../src/core/catalog/catalog.js';
import {
  ANSWERS_KEPT,
  ANSWERS_KEPT_BYTES,
  ANSWERS_KEPT_LEAST,
  tuning,
} from '../../../src/core/foundation/foundation.js';
import type { PairRecord } from '../../../src/core/pair/pair.js';
import {
  type CrashKind,
  type Keep,
  Rng,
  SimFiles,
  SimRandom,
  World,
  WorldStopped,
} from '../../simulation/world/world.js';

const FOLDER = '/tmp/tokyo';
const TRACKS = 64;

const MAPS = (['outOfSync', 'changed', 'secondary'] as const).map((map) => pairMapKey(1, map));

/** What a crash may leave. */
const ENDS: readonly [CrashKind, Keep][] = [
  ['kill', 'all'],
  ['power', 'none'],
  ['power', 'all'],
  ['power', 'random'],
  ['power', 'random'],
];

const random = () => new SimRandom(new Rng(1));

function volume(number: number): Change {
  const record = {
    number,
    name: `v${number}`,
    sizeBytes: TRACKS * 4096,
    trackSizeBytes: 4096,
    emulation: 'OPEN-V',
    reserved: false,
    imagePath: `images/v${number}.img`,
    status: 'normal' as const,
    blockedReason: null,
    incomplete: null,
    createdAtMs: 0,
  };
  return { do: 'put-volume', record };
}

function pair(number: number, state: PairRecord['state'] = { status: 'duplex' }): Change {
  const record: PairRecord = {
    number,
    primary: 0,
    secondary: 1,
    mode: 'local',
    state,
    pace: 'medium',
    rateBytesPerSecond: null,
    copyPointer: 0,
    generation: 0,
    createdAtMs: 0,
    splitAtMs: null,
  };
  return { do: 'put-pair', record };
}

async function made(files: SimFiles): Promise<Catalog> {
  for (const folder of ['maps', 'codes', 'images']) files.makeFolder(`${FOLDER}/${folder}`);
  await Catalog.create(files, random(), FOLDER);
  await files.flushFolder('/tmp');
  await files.flushFolder(FOLDER);
  const catalog = Catalog.open(files, random(), FOLDER);
  await catalog.change(() => [volume(0), volume(1), pair(1)]);
  await catalog.durable();
  return catalog;
}

const reopened = (files: SimFiles) => Catalog.open(files, random(), FOLDER);

function runs(catalog: Catalog, map: 'outOfSync' | 'changed' | 'secondary'): number[] {
  return [...catalog.pairMap(1, map).map.runs()].flatMap((run) => [run.first, run.count]);
}

/** What the next owner finds in the changed map, and the files after a checkpoint of its own that has to do with other maps. */
async function checkpointedAgain(world: World): Promise<{ files: SimFiles; changed: number[] }> {
  const next = reopened(world.files);
  const changed = runs(reopened(world.files), 'changed');
  await world.run(next.change(() => [{ do: 'set', map: volumeMapKey(0, 'allocated'), runs: [0, 1] }]));
  await world.run(next.checkpoint());
  return { files: world.crash('kill').files, changed };
}

describe('a catalog', () => {
  const usual = { ...tuning };
  beforeAll(() => {
    tuning.ledgerBytes = 64 * 1024;
    tuning.checkpointAtBytes = 48 * 1024;
  });
  afterAll(() => {
    Object.assign(tuning, usual);
  });

  it('holds after a new start what was durable before it, frame by frame in order', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    const outOfSync = pairMapKey(1, 'outOfSync');
    const changed = pairMapKey(1, 'changed');
    await catalog.change(() => [{ do: 'set', map: outOfSync, runs: [1, 5, 20, 2] }]);
    await catalog.change(() => [{ do: 'clear', map: outOfSync, runs: [3, 1] }]);
    await catalog.change(() => [{ do: 'set', map: changed, runs: [40, 4] }]);
    await catalog.change(() => [
      { do: 'fold', from: changed, into: outOfSync },
      { do: 'set', map: changed, runs: [2, 1] },
      { do: 'subtract', tracks: changed, from: outOfSync },
    ]);
    await catalog.durable();
    const again = reopened(files.crash(1, 'power', 'none'));
    expect(runs(again, 'outOfSync')).toEqual([1, 1, 4, 2, 20, 2, 40, 4]);
    expect(runs(again, 'changed')).toEqual([2, 1]);
    expect(again.pairsOf(0)).toEqual([1]);
  });

  it('logs unlogged marks before the steps of the same frame', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    catalog.pairMap(1, 'changed').mark(7, 2);
    const fold: Change = { do: 'fold', from: pairMapKey(1, 'changed'), into: pairMapKey(1, 'outOfSync') };
    await catalog.change(() => [fold], true);
    await catalog.durable();
    const again = reopened(files.crash(1, 'power', 'none'));
    expect([runs(again, 'outOfSync'), runs(again, 'changed')]).toEqual([[7, 2], []]);
  });

  it('knows nothing of marks that were never logged, but that their region is active', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    await catalog.change(() => [{ do: 'activate', volume: 0, regions: [0] }]);
    await catalog.durable();
    catalog.pairMap(1, 'outOfSync').mark(7, 2);
    const again = reopened(files.crash(1, 'power', 'none'));
    expect(runs(again, 'outOfSync')).toEqual([]);
    expect([...(again.active.get(0) ?? [])]).toEqual([0]);
  });

  it('is the same before and after a checkpoint, and marks made while it runs stay unlogged', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    await catalog.change(() => [{ do: 'set', map: pairMapKey(1, 'outOfSync'), runs: [1, 5] }]);
    await catalog.change(() => [{ do: 'answer', id: 'request-1', answer: { said: 'yes' } }]);
    const writing = catalog.checkpoint();
    catalog.pairMap(1, 'outOfSync').mark(30, 1);
    await writing;
    const change = catalog.change(() => [], true);
    await change;
    await catalog.durable();
    const again = reopened(files.crash(1, 'power', 'none'));
    expect(runs(again, 'outOfSync')).toEqual([1, 5, 30, 1]);
    expect(again.answers.get('request-1')).toEqual({ said: 'yes' });
    expect(again.pairs.get(1)?.state.status).toBe('duplex');
  });

  it('shows nothing of a checkpoint in which its owner died, also after a later one', async () => {
    let stale = 0;
    for (let finished = false, calls = 1; !finished; calls += 1) {
      const world = new World(calls);
      const catalog = await world.run(made(world.files));
      await world.run(catalog.checkpoint());
      catalog.pairMap(1, 'changed').mark(3, 2);
      world.process.stopAtCall(world.process.calls + calls);
      finished = await world.run(catalog.checkpoint()).then(
        () => true,
        (error: unknown) => {
          if (error instanceof WorldStopped) return false;
          throw error;
        },
      );
      const { files, ...after } = await checkpointedAgain(world.crash('kill'));
      expect(runs(reopened(files), 'changed')).toEqual(after.changed);
      expect(reopened(files).countOf(pairMapKey(1, 'changed'))).toBe(after.changed[1] ?? 0);
      if (after.changed.length === 0) stale += 1;
    }
    expect(stale).toBeGreaterThan(3);
  });

  it('is old or new, never between, wherever a change with a checkpoint behind it crashes', async () => {
    const act = async (catalog: Catalog) => {
      await catalog.change(() => [
        { do: 'set', map: pairMapKey(1, 'outOfSync'), runs: [10, 10] },
        { do: 'set', map: volumeMapKey(0, 'allocated'), runs: [10, 10] },
        pair(1, { status: 'resync' }),
      ]);
      await catalog.checkpoint();
      await catalog.change(() => [{ do: 'clear', map: pairMapKey(1, 'outOfSync'), runs: [10, 4] }]);
      await catalog.checkpoint();
    };
    const check = (files: SimFiles, finished: boolean) => {
      const again = reopened(files);
      const isNew = again.pairs.get(1)?.state.status === 'resync';
      const lacking = runs(again, 'outOfSync');
      if (finished) expect(lacking).toEqual([14, 6]);
      expect(
        isNew
          ? [
              [10, 10],
              [14, 6],
            ]
          : [[]],
      ).toContainEqual(lacking);
      expect(again.volumeMap(0, 'allocated').map.count).toBe(isNew ? 10 : 0);
    };
    let crashes = 0;
    for (let finished = false, calls = 1; !finished; calls += 1) {
      for (const [kind, keep] of ENDS) {
        const world = new World(calls);
        const catalog = await world.run(made(world.files));
        world.process.stopAtCall(world.process.calls + calls);
        finished = await world.run(act(catalog)).then(
          () => true,
          (error: unknown) => {
            if (error instanceof WorldStopped) return false;
            throw error;
          },
        );
        check(world.crash(kind, keep).files, finished);
        crashes += 1;
      }
    }
    expect(crashes).toBeGreaterThan(50);
  });

  it('forgets a pair with its maps, and never uses its number again', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    await catalog.change(() => [{ do: 'set', map: pairMapKey(1, 'outOfSync'), runs: [1, 5] }]);
    await catalog.checkpoint();
    await catalog.change(() => [{ do: 'drop-pair', number: 1 }]);
    await catalog.durable();
    const again = reopened(files.crash(1, 'kill'));
    expect(again.pairs.size).toBe(0);
    expect(again.pairNumberNext).toBe(2);
    expect(again.pairsOf(0)).toEqual([]);
    expect(again.leftovers.filter((file) => file.includes('pair-1'))).toHaveLength(3);
    await again.change(() => [{ do: 'cleaned' }]);
    expect(again.leftovers).toEqual([]);
  });

  it('keeps the latest answers and no more', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    for (let at = 0; at < ANSWERS_KEPT + 10; at += 1) {
      await catalog.change(() => [{ do: 'answer', id: `request-${at}`, answer: at }]);
    }
    await catalog.checkpoint();
    const again = reopened(files.crash(1, 'kill'));
    expect(again.answers.size).toBe(ANSWERS_KEPT);
    expect(again.answers.has('request-9')).toBe(false);
    expect(again.answers.get(`request-${ANSWERS_KEPT + 9}`)).toBe(ANSWERS_KEPT + 9);
  });

  it('keeps the latest answers alone where answers are large', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    const answerOf = (at: number) => ({ at, pairs: 'x'.repeat(ANSWERS_KEPT_BYTES / 8) });
    for (let at = 0; at < 40; at += 1) {
      await catalog.change(() => [{ do: 'answer', id: `request-${at}`, answer: answerOf(at) }]);
    }
    await catalog.change(() => [{ do: 'answer', id: 'small', answer: 'small' }]);
    await catalog.checkpoint();
    const kept = [...reopened(files.crash(1, 'kill')).answers.keys()];
    expect(kept).toEqual([
      ...Array.from({ length: ANSWERS_KEPT_LEAST - 1 }, (_, at) => `request-${40 - ANSWERS_KEPT_LEAST + 1 + at}`),
      'small',
    ]);
    expect([...catalog.answers.keys()]).toEqual(kept);
  });

  it('starts a log anew before it closes where reading it again would take long, but not to write many maps', async () => {
    Object.assign(tuning, { checkpointAtCloseBytes: 8192, checkpointMapBytes: 1024 });
    const files = new SimFiles();
    const catalog = await made(files);
    const isAnew = async () => {
      await catalog.shortenLog();
      return files.list(FOLDER).includes('pairs.b.json');
    };
    const fill = () => catalog.change(() => [{ do: 'answer', id: 'request-1', answer: 'x'.repeat(3000) }]);
    await fill();
    expect(await isAnew()).toBe(false);
    for (const map of [...MAPS, volumeMapKey(0, 'allocated'), volumeMapKey(1, 'allocated')])
      await catalog.change(() => [{ do: 'set', map, runs: [1, 5] }]);
    await fill();
    expect(await isAnew()).toBe(false);
    await fill();
    expect(await isAnew()).toBe(true);
    const again = reopened(files.crash(1, 'power', 'none'));
    expect(runs(again, 'secondary')).toEqual([1, 5]);
    expect(again.answers.size).toBe(1);
  });

  it('has lost nothing where it could not start its log anew before it closed', async () => {
    Object.assign(tuning, { checkpointAtCloseBytes: 8192, checkpointMapBytes: 1024 });
    const files = new SimFiles();
    const catalog = await made(files);
    await catalog.change(() => [
      { do: 'set', map: pairMapKey(1, 'outOfSync'), runs: [1, 5] },
      { do: 'answer', id: 'request-1', answer: 'x'.repeat(10_000) },
    ]);
    await catalog.durable();
    files.disk.capacityBytes = files.disk.allocatedBytes;
    await catalog.shortenLog();
    expect(files.list(FOLDER)).not.toContain('pairs.b.json');
    const again = reopened(files.crash(1, 'power', 'none'));
    expect([runs(again, 'outOfSync'), again.answers.size]).toEqual([[1, 5], 1]);
  });

  it('opens for reading beside its owner, and changes nothing', async () => {
    const files = new SimFiles();
    const catalog = await made(files);
    await catalog.change(() => [{ do: 'set', map: pairMapKey(1, 'outOfSync'), runs: [1, 5] }]);
    const calls = files.process.calls;
    const reader = Catalog.open(files, random(), FOLDER, { readOnly: true });
    expect(runs(reader, 'outOfSync')).toEqual([1, 5]);
    reader.close();
    expect(files.process.calls).toBe(calls);
    await catalog.change(() => [{ do: 'empty', map: pairMapKey(1, 'outOfSync') }]);
    expect(runs(catalog, 'outOfSync')).toEqual([]);
  });
});
