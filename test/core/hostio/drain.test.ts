import { describe, expect, it } from 'vitest';
import { FROZEN, VIRTUAL } from '../pair/states.js';
import { AHEAD, Rig, runsOf, TRACK } from './rig.js';

const PENDING = { status: 'pending' } as const;
const RESYNC = { status: 'resync' } as const;

/** The tracks of a volume whose image differs from `fill`. */
function written(rig: Rig, volume: number): number[] {
  return rig.image(volume).flatMap((byte, track) => (byte === 0 ? [] : [track]));
}

describe('the copier', () => {
  it('copies exactly the tracks that are out of sync, and moves the pair on', async () => {
    const rig = await Rig.make(600, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({
      primary: 0,
      secondary: 1,
      state: RESYNC,
      maps: { outOfSync: [3, 2, 300, 290, 599, 1] },
    });
    let bytes = 0;
    const progress = (_: unknown, count: number) => {
      bytes += count;
    };
    await rig.copy([rig.drain(pair, { progress })]);
    expect(written(rig, 1)).toEqual([3, 4, ...Array.from({ length: 290 }, (_, at) => 300 + at), 599]);
    expect(bytes).toBe(293 * TRACK);
    expect(rig.completed).toEqual(['duplex']);
    expect(pair.outOfSync.map.isEmpty).toBe(true);
  });

  it('leaves tracks of zeros as holes where the target was never written', async () => {
    const rig = await Rig.make(600, 2);
    rig.fill(0, 1, 0, 10);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 600] } });
    await rig.copy([rig.drain(pair)]);
    expect(rig.completed).toEqual(['duplex']);
    const status = rig.world.files.status('/tmp/tokyo/images/v1.img');
    expect(status?.allocatedBytes).toBeLessThanOrEqual(256 * TRACK);
    expect(rig.tracksOf(1, 'allocated')).toBeLessThanOrEqual(256);
  });

  it('writes zeros over what the target held', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(1, 9);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 16] } });
    await rig.copy([rig.drain(pair)]);
    expect(written(rig, 1)).toEqual([]);
  });

  it('copies a last track that is short', async () => {
    const rig = await Rig.make(5, 2, 512 * 3);
    rig.fill(0, 4);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 5] } });
    await rig.copy([rig.drain(pair)]);
    const last = new Uint8Array(512 * 3);
    rig.volume(1).image.read(last, 4 * TRACK);
    expect(last.every((byte) => byte === 4)).toBe(true);
    expect(rig.completed).toEqual(['duplex']);
  });

  it('sets the check codes of both sides, so that nothing is codeless afterwards', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 16] } });
    await rig.copy([rig.drain(pair)]);
    expect([rig.tracksOf(0, 'codeless'), rig.tracksOf(1, 'codeless')]).toEqual([0, 0]);
    const codes = [new Uint32Array(16), new Uint32Array(16)] as const;
    rig.volume(0).codes.read(0, 16, codes[0]);
    rig.volume(1).codes.read(0, 16, codes[1]);
    expect(codes[0].every((code, track) => code !== 0 && code !== codes[1][track])).toBe(true);
  });

  it('suspends the pair at a track that does not fit its check code, names it, and lets nothing of it travel', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 16] } });
    await rig.spoilCode(0, 11);
    await rig.copy([rig.drain(pair)]);
    expect(rig.suspended).toEqual(['check-code']);
    expect(pair.record?.state).toMatchObject({ message: expect.stringContaining('Track 11 of tokyo:v0') as string });
    expect(rig.image(1)[11]).toBe(0);
    expect(runsOf(pair, 'outOfSync')).toEqual([0, 16]);
    expect(rig.volume(1).claims.isEmpty).toBe(true);
  });

  it.each([
    ['reading P', { call: 'read', fault: 'io', path: 'v0.img' }, 'io-error'],
    ['writing S', { call: 'writeBulk', fault: 'io', path: 'v1.img' }, 'io-error'],
    ['room for S', { call: 'writeBulk', fault: 'short', path: 'v1.img' }, 'no-space'],
    ['flushing S', { call: 'flush', fault: 'io', path: 'v1.img' }, 'volume-blocked'],
  ] as const)('suspends the pair when %s fails, and no difference is lost', async (_name, fault, reason) => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 16] } });
    const [primary, secondary] = [rig.volume(0), rig.volume(1)];
    rig.files.plan({ ...fault, nth: 1 });
    await rig.copy([rig.drain(pair)]);
    expect(rig.suspended).toEqual([reason]);
    expect(runsOf(pair, 'outOfSync')).toEqual([0, 16]);
    expect([primary.claims.isEmpty, secondary.claims.isEmpty]).toEqual([true, true]);
    expect(pair.record?.state).toMatchObject({ status: 'suspended', from: { status: 'pending' } });
  });

  it('goes on from the copy pointer and comes round to the tracks before it', async () => {
    const rig = await Rig.make(600, 2);
    rig.fill(0, 1);
    const wish = { primary: 0, secondary: 1, state: PENDING, copyPointer: 400, maps: { outOfSync: [0, 600] } };
    const pair = await rig.pair({ ...wish, pace: 'slow', rateBytesPerSecond: 100 * TRACK });
    const drain = rig.drain(pair);
    await rig.copy([drain], 1_000);
    const some = written(rig, 1);
    expect(some[0]).toBe(400);
    expect(pair.record?.copyPointer).toBe(400 + some.length);
    await rig.copy([drain], 60_000);
    expect(written(rig, 1)).toHaveLength(600);
    expect(rig.completed).toEqual(['duplex']);
    expect(pair.record?.copyPointer).toBe(0);
  });

  it('keeps to the rate', async () => {
    const rig = await Rig.make(1000, 2);
    rig.fill(0, 1);
    const wish = { primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 1000] } };
    const pair = await rig.pair({ ...wish, rateBytesPerSecond: 100 * TRACK });
    await rig.copy([rig.drain(pair)], 4_000);
    const copied = 1000 - pair.outOfSync.map.count;
    expect(copied).toBeGreaterThan(350);
    expect(copied).toBeLessThan(450);
  });

  it('takes as many tracks a turn as the pace says, and none at hold', async () => {
    const rig = await Rig.make(16, 2);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 16] } });
    const drain = rig.drain(pair);
    const record = pair.record as NonNullable<typeof pair.record>;
    const tracks: number[] = [];
    for (const pace of ['slow', 'medium', 'fast', 'hold'] as const) {
      await rig.run(rig.catalog.change(() => [{ do: 'put-pair', record: { ...record, pace } }]));
      tracks.push(drain.tracksPerTurn);
    }
    expect(tracks).toEqual([1, 3, 15, 0]);
    await rig.copy([drain], 2_000);
    expect(pair.outOfSync.map.count).toBe(16);
  });

  it.each([
    ['neighbours', [0, 40], 15, 15],
    ['scattered', Array.from({ length: 40 }, (_, at) => [at * 7, 1]).flat(), 15, 15],
    ['in runs and single', [0, 4, 10, 1, 20, 4, 30, 30], 15, 15],
    ['neighbours, more than a piece holds', [0, 300], 400, AHEAD],
    ['scattered, more than a piece holds', Array.from({ length: 300 }, (_, at) => [at * 2, 1]).flat(), 400, AHEAD],
    ['fewer than a turn takes', [3, 1, 9, 2], 15, 3],
  ])('takes up in one turn so many tracks and no more: %s', async (_, outOfSync, asked, expected) => {
    const rig = await Rig.make(600, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync } });
    let bytes = 0;
    const taken = (count: number) => {
      bytes += count;
    };
    const drain = rig.drain(pair, { taken });
    expect(await rig.run(drain.turn(asked, false))).toBe('copied');
    expect(bytes).toBe(expected * TRACK);
    await rig.run(drain.commit());
    expect(written(rig, 1).length).toBe(expected);
  });

  it('copies in a restore from S to P exactly what P lacks', async () => {
    const rig = await Rig.make(600, 2);
    rig.fill(0, 1);
    rig.fill(1, 2);
    const maps = { secondary: [5, 1, 590, 10] };
    const pair = await rig.pair({ primary: 0, secondary: 1, state: { status: 'resync-reverse', backup: null }, maps });
    await rig.copy([rig.drain(pair)]);
    const changed = rig.image(0).flatMap((byte, track) => (byte === 2 ? [track] : []));
    expect(changed).toEqual([5, ...Array.from({ length: 10 }, (_, at) => 590 + at)]);
    expect(rig.completed).toEqual(['duplex']);
  });

  it('leaves a virtual copy and a suspended pair alone', async () => {
    const rig = await Rig.make(16, 3);
    rig.fill(0, 1);
    const virtual = await rig.pair({
      primary: 0,
      secondary: 1,
      state: { status: 'split', frozen: VIRTUAL },
      maps: { outOfSync: [0, 16] },
    });
    const from = { status: 'sp-pending', frozen: FROZEN } as const;
    const state = { status: 'suspended', from, reason: 'command', message: '', allowWrite: false } as const;
    const held = await rig.pair({ primary: 0, secondary: 2, state, maps: { outOfSync: [0, 16] } });
    await rig.copy([rig.drain(virtual), rig.drain(held)], 2_000);
    expect([virtual.outOfSync.map.count, held.outOfSync.map.count]).toEqual([16, 16]);
  });

  it('works on several pairs of one primary by turns', async () => {
    const rig = await Rig.make(400, 3);
    rig.fill(0, 1);
    const pairs = [
      await rig.pair({ primary: 0, secondary: 1, state: PENDING, maps: { outOfSync: [0, 400] } }),
      await rig.pair({ primary: 0, secondary: 2, state: PENDING, maps: { outOfSync: [0, 400] } }),
    ];
    await rig.copy(pairs.map((pair) => rig.drain(pair)));
    expect(rig.completed).toEqual(['duplex', 'duplex']);
    expect([written(rig, 1).length, written(rig, 2).length]).toEqual([400, 400]);
  });
});
