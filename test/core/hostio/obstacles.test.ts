import { describe, expect, it } from 'vitest';
import { Overlay, VolumeDevice } from '../../../src/core/hostio/hostio.js';
import { nextObstacle } from '../../../src/core/hostio/obstacles.js';
import type { PairState } from '../../../src/core/pair/pair.js';
import { FROZEN, VIRTUAL } from '../pair/states.js';
import { AHEAD, Rig, runsOf, TRACK } from './rig.js';

const SPLIT: PairState = { status: 'split', frozen: VIRTUAL };
const RESTORE: PairState = { status: 'resync-reverse', backup: null };
const HOST = {};

/** What stands in the way of a host's write of these tracks, with its tracks where it has some. */
function kindOf(rig: Rig, volume: number, first: number, count = 1, whole = true): unknown {
  const run = { first, count };
  const obstacle = nextObstacle(rig.fabric, rig.volume(volume), run, whole ? run : undefined, HOST);
  if (!obstacle) return undefined;
  return 'tracks' in obstacle ? [obstacle.kind, obstacle.tracks.first, obstacle.tracks.count] : obstacle.kind;
}

async function warmRig(tracks = 16): Promise<Rig> {
  const rig = await Rig.make(tracks, 3);
  for (const volume of [0, 1, 2]) await rig.run(rig.fabric.warm(rig.volume(volume), { first: 0, count: tracks }));
  return rig;
}

describe('what stands between a write and its landing', () => {
  it('is nothing for a volume without pairs whose region is active', async () => {
    const rig = await warmRig();
    expect(kindOf(rig, 0, 3)).toBeUndefined();
  });

  it('@A is a closed gate before everything else, until the last that closed it opens it', async () => {
    const rig = await Rig.make(16, 2);
    const { gate, claims } = rig.volume(0);
    claims.take(3, 1);
    gate.close();
    gate.close();
    expect(kindOf(rig, 0, 3)).toBe('gate');
    gate.open();
    expect(kindOf(rig, 0, 3)).toBe('gate');
    gate.open();
    expect(kindOf(rig, 0, 3)).toBe('claimed');
  });

  it('@B is a claim on one of the tracks, but not the own one', async () => {
    const rig = await warmRig();
    const claim = rig.volume(0).claims.take(4, 4);
    expect(kindOf(rig, 0, 2, 2)).toBeUndefined();
    expect(kindOf(rig, 0, 2, 3)).toBe('claimed');
    expect(kindOf(rig, 0, 7)).toBe('claimed');
    expect(kindOf(rig, 0, 8)).toBeUndefined();
    const own = nextObstacle(rig.fabric, rig.volume(0), { first: 4, count: 4 }, undefined, { claim });
    expect(own).toBeUndefined();
    rig.volume(0).claims.release(claim);
    expect(kindOf(rig, 0, 7)).toBeUndefined();
  });

  it('@K is a record above the image, which hosts read, and a write waits for; its own landing does not', async () => {
    const rig = await warmRig();
    const overlay = new Overlay(TRACK, () => new Uint8Array(TRACK).fill(7));
    overlay.add(3 * TRACK, TRACK, 1);
    rig.fabric.overlays.set(0, overlay);
    expect([kindOf(rig, 0, 2), kindOf(rig, 0, 3)]).toEqual([undefined, 'overlaid']);
    const below = nextObstacle(rig.fabric, rig.volume(0), { first: 3, count: 1 }, undefined, { below: true });
    expect(below).toBeUndefined();
    const device = new VolumeDevice(
      rig.fabric,
      0,
      () => undefined,
      () => undefined,
    );
    const read = new Uint8Array(2);
    device.readNow(read, 3 * TRACK - 1);
    expect([...read]).toEqual([0, 7]);
    const landed: number[] = [];
    const landOverlay = async (volume: number) => {
      landed.push(volume);
      rig.fabric.overlays.delete(volume);
    };
    Object.assign(rig.fabric.hooks, { landOverlay });
    await rig.run(device.write(new Uint8Array(TRACK).fill(9), 3 * TRACK));
    device.readNow(read, 3 * TRACK - 1);
    expect([landed, [...read]]).toEqual([[0], [0, 9]]);
  });

  it('@C is a region that is not active, and a write makes it so before it lands', async () => {
    const rig = await Rig.make(2048, 1);
    expect(kindOf(rig, 0, 5)).toBe('cold');
    await rig.run(rig.write(0, 5, 1));
    expect(kindOf(rig, 0, 6)).toBeUndefined();
    expect(kindOf(rig, 0, 1030)).toBe('cold');
    expect(rig.steps).toEqual(['region.activated']);
    expect([...(rig.catalog.active.get(0) ?? [])]).toEqual([0]);
  });

  it('@D is a frozen secondary that lacks a track: neighbours are saved with it, 1 MiB at most', async () => {
    const rig = await warmRig(600);
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [10, 500] } });
    expect(kindOf(rig, 0, 9)).toBeUndefined();
    expect(kindOf(rig, 0, 12)).toEqual(['save', 12, AHEAD]);
    expect(kindOf(rig, 0, 508)).toEqual(['save', 508, 2]);
    expect(kindOf(rig, 0, 510)).toBeUndefined();
  });

  it('@D stands before @E and @F, and each pair of the volume is asked', async () => {
    const rig = await warmRig();
    await rig.pair({ primary: 1, secondary: 0, state: SPLIT, maps: { outOfSync: [3, 1] } });
    const below = await rig.pair({ primary: 0, secondary: 2, state: SPLIT, maps: { outOfSync: [3, 1] } });
    expect(kindOf(rig, 0, 3)).toEqual(['save', 3, 1]);
    below.outOfSync.clear(3, 1);
    expect(kindOf(rig, 0, 3)).toEqual(['supersede', 3, 1]);
  });

  it('@E is a lacking track that is written whole, @F one that is written in part', async () => {
    const rig = await warmRig();
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [3, 4] } });
    expect(kindOf(rig, 1, 3, 2)).toEqual(['supersede', 3, 2]);
    expect(kindOf(rig, 1, 3, 2, false)).toEqual(['fill', 3, 4]);
    const edges = nextObstacle(rig.fabric, rig.volume(1), { first: 3, count: 3 }, { first: 4, count: 1 }, HOST);
    expect(edges).toMatchObject({ kind: 'fill', tracks: { first: 3, count: 1 } });
  });

  it('@E and @F stand for the primary of a restore as well, whose missing tracks are in the secondary map', async () => {
    const rig = await warmRig();
    await rig.pair({ primary: 0, secondary: 1, state: RESTORE, maps: { secondary: [3, 4] } });
    expect(kindOf(rig, 0, 3)).toEqual(['supersede', 3, 1]);
    expect(kindOf(rig, 0, 3, 1, false)).toEqual(['fill', 3, 4]);
    expect(kindOf(rig, 1, 3)).toBeUndefined();
  });

  it('is nothing for the copier whose pair it is, and something for the copier of another', async () => {
    const rig = await warmRig();
    const pair = await rig.pair({
      primary: 0,
      secondary: 1,
      state: { status: 'sp-pending', frozen: FROZEN },
      maps: { outOfSync: [3, 4] },
    });
    const ask = (copierOf: number) =>
      nextObstacle(rig.fabric, rig.volume(1), { first: 3, count: 1 }, undefined, { copierOf });
    expect(ask(pair.number)).toBeUndefined();
    expect(ask(99)?.kind).toBe('fill');
  });

  it('is nothing where the pair follows, whatever is out of sync', async () => {
    const rig = await warmRig();
    const pair = await rig.pair({
      primary: 0,
      secondary: 1,
      state: { status: 'duplex' },
      maps: { outOfSync: [0, 16] },
    });
    expect(kindOf(rig, 0, 3)).toBeUndefined();
    pair.outOfSync.empty();
    await rig.run(rig.write(0, 3, 1, 2));
    expect(runsOf(pair, 'outOfSync')).toEqual([3, 2]);
  });
});
