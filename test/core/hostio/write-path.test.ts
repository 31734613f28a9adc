import { describe, expect, it } from 'vitest';
import type { PairState } from '../../../src/core/pair/pair.js';
import { codeOf } from '../../hazards/stage.js';
import { FROZEN, LOST, suspended, VIRTUAL } from '../pair/states.js';
import { Rig, runsOf } from './rig.js';

const SPLIT: PairState = { status: 'split', frozen: VIRTUAL };
const RESTORE: PairState = { status: 'resync-reverse', backup: null };
const RESTORE_WITH_BACKUP: PairState = { status: 'resync-reverse', backup: VIRTUAL };

describe('a save', () => {
  it('puts the old track into the image of S, clears its bit and only then lets the write land', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [5, 1, 9, 1] } });
    await rig.run(rig.write(0, 5, 2));
    expect(rig.steps).toEqual(['region.activated', 'region.activated', 'save.written', 'save.cleared']);
    expect([rig.image(0)[5], rig.image(1)[5], rig.image(1)[9]]).toEqual([2, 1, 0]);
    expect([rig.reads(1)[5], rig.reads(1)[9]]).toEqual([1, 1]);
    expect([runsOf(pair, 'outOfSync'), runsOf(pair, 'changed')]).toEqual([
      [9, 1],
      [5, 1],
    ]);
  });

  it('goes to each frozen secondary of the volume', async () => {
    const rig = await Rig.make(16, 3);
    rig.fill(0, 1);
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [0, 16] } });
    await rig.pair({
      primary: 0,
      secondary: 2,
      state: suspended({ status: 'sp-pending', frozen: FROZEN }),
      maps: { outOfSync: [0, 16] },
    });
    await rig.run(rig.write(0, 5, 2));
    expect([rig.reads(0)[5], rig.reads(1)[5], rig.reads(2)[5]]).toEqual([2, 1, 1]);
  });

  it('is done once for two writes of the same track at the same time', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [5, 1] } });
    await rig.run(Promise.all([rig.write(0, 5, 2), rig.write(0, 5, 3), rig.writePart(1, 5, 7)]));
    expect(rig.steps.filter((step) => step === 'save.written').length).toBeLessThanOrEqual(1);
    expect(rig.reads(1)[5]).toBe(1);
    expect([2, 3]).toContain(rig.reads(0)[5]);
  });

  it('that fails costs the pair its point in time, durably, before the write lands; the write succeeds', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [5, 1] } });
    rig.volume(1);
    rig.files.plan({ call: 'write', nth: 1, fault: 'no-space', path: 'v1.img', sticky: true });
    await rig.run(rig.write(0, 5, 2));
    expect(rig.reads(0)[5]).toBe(2);
    expect(rig.suspended).toEqual(['save-failed']);
    expect(pair.record?.state).toMatchObject({ status: 'suspended', from: { frozen: { pointInTimeLost: true } } });
    expect(await codeOf(Promise.resolve().then(() => rig.fabric.readAsHost(1, new Uint8Array(1), 0)))).toBe(
      'incomplete',
    );
    await rig.run(rig.write(0, 5, 3));
    expect(rig.steps).not.toContain('save.written');
  });

  it('is not made for a point in time that is lost already', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    await rig.pair({
      primary: 0,
      secondary: 1,
      state: suspended({ status: 'sp-pending', frozen: LOST }),
      maps: { outOfSync: [5, 1] },
    });
    await rig.run(rig.write(0, 5, 2));
    expect(rig.steps).toEqual(['region.activated']);
  });
});

describe('a fill', () => {
  it('brings the track from the other side before a part is written; it marks the write and nothing else', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [5, 3] } });
    await rig.run(rig.writePart(1, 6, 9));
    expect(rig.steps).toEqual(['region.activated', 'fill.written', 'fill.cleared']);
    expect([runsOf(pair, 'outOfSync'), runsOf(pair, 'secondary'), runsOf(pair, 'changed')]).toEqual([
      [5, 1],
      [6, 1],
      [],
    ]);
    expect(rig.image(1).slice(5, 8)).toEqual([0, 1, 1]);
  });

  it('brings the track to the primary of a restore, and counts the write as something that S lacks', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    rig.fill(1, 2);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: RESTORE, maps: { secondary: [5, 1] } });
    await rig.run(rig.writePart(0, 5, 9));
    expect([rig.image(0)[5], rig.reads(0)[6]]).toEqual([2, 1]);
    expect([runsOf(pair, 'secondary'), runsOf(pair, 'outOfSync')]).toEqual([[], [5, 1]]);
  });

  it('that fails fails the write, and nothing of it is there', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [5, 1] } });
    rig.volume(1);
    rig.files.plan({ call: 'read', nth: 1, fault: 'io', path: 'v0.img', sticky: true });
    expect(await codeOf(rig.run(rig.writePart(1, 5, 9)))).toBe('io-error');
    rig.files.clear();
    expect([runsOf(pair, 'outOfSync'), runsOf(pair, 'secondary')]).toEqual([[5, 1], []]);
    expect(rig.reads(1)[5]).toBe(1);
    await rig.run(rig.writePart(1, 5, 9));
    expect(runsOf(pair, 'secondary')).toEqual([5, 1]);
  });
});

describe('a whole-track write to tracks that are lacking', () => {
  it('reads nothing from the other side, and clears the bits once the data is durable', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [0, 16] } });
    rig.volume(0);
    rig.files.plan({ call: 'read', nth: 1, fault: 'io', path: 'v0.img', sticky: true });
    await rig.run(rig.write(1, 4, 7, 3));
    expect(rig.steps).toEqual(['region.activated', 'supersede.written', 'supersede.cleared']);
    expect([runsOf(pair, 'outOfSync'), runsOf(pair, 'secondary')]).toEqual([
      [0, 4, 7, 9],
      [4, 3],
    ]);
    expect(rig.image(1).slice(3, 8)).toEqual([0, 7, 7, 7, 0]);
  });

  it('at its edges fills the tracks that it covers in part', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    const pair = await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [0, 16] } });
    const data = new Uint8Array(2 * 4096).fill(7);
    await rig.run(rig.fabric.writeAsHost(1, data, 4 * 4096 + 512));
    expect(rig.reads(1).slice(3, 8)).toEqual([1, 1, 7, 7, 1]);
    expect(runsOf(pair, 'secondary')).toEqual([4, 3]);
  });

  it('of the primary in a restore with a backup saves the old track first', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    rig.fill(1, 2, 5, 1);
    const maps = { outOfSync: [0, 5, 6, 10], secondary: [5, 1] };
    const pair = await rig.pair({ primary: 0, secondary: 1, state: RESTORE_WITH_BACKUP, maps });
    await rig.run(rig.write(0, 3, 9, 3));
    expect(rig.reads(1)).toEqual([1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(rig.reads(0).slice(2, 7)).toEqual([1, 9, 9, 9, 1]);
    expect(runsOf(pair, 'changed')).toEqual([3, 3]);
  });
});

describe('a read', () => {
  it('follows lacking tracks along a chain of pairs, each to the volume that holds them', async () => {
    const rig = await Rig.make(16, 4);
    rig.fill(0, 1);
    rig.fill(1, 2, 4, 4);
    rig.fill(2, 3, 6, 1);
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [0, 4, 8, 8] } });
    await rig.pair({ primary: 1, secondary: 2, state: SPLIT, maps: { outOfSync: [0, 6, 7, 9] } });
    await rig.pair({ primary: 2, secondary: 3, state: SPLIT, maps: { outOfSync: [0, 16] } });
    expect(rig.reads(3)).toEqual([1, 1, 1, 1, 2, 2, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    const whole = new Uint8Array(16 * 4096);
    rig.fabric.read(3, whole, 0);
    expect(Array.from({ length: 16 }, (_, track) => whole[track * 4096 + 4095])).toEqual(rig.reads(3));
  });

  it('of a primary in restore takes from S what P lacks', async () => {
    const rig = await Rig.make(16, 2);
    rig.fill(0, 1);
    rig.fill(1, 2);
    await rig.pair({
      primary: 0,
      secondary: 1,
      state: suspended(RESTORE as never),
      maps: { secondary: [0, 2, 15, 1] },
    });
    expect(rig.reads(0)).toEqual([2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  });

  it('of a piece inside one track, or across the last short one, is exact', async () => {
    const rig = await Rig.make(4, 2, 1024);
    rig.fill(0, 1);
    rig.fill(1, 2, 1, 1);
    await rig.pair({ primary: 0, secondary: 1, state: SPLIT, maps: { outOfSync: [0, 1, 2, 2] } });
    const piece = new Uint8Array(4096 + 600);
    rig.fabric.read(1, piece, 4096 - 100);
    expect([piece[99], piece[100], piece[4195], piece[4196]]).toEqual([1, 2, 2, 1]);
    const last = new Uint8Array(2000);
    rig.fabric.read(1, last, 2 * 4096 + 4096 + 1024 - 2000);
    expect(last.every((byte) => byte === 1)).toBe(true);
  });
});
