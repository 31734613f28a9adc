import { describe, expect, it } from 'vitest';
import { volumeMapKey } from '../../../src/core/catalog/catalog.js';
import { bindCode, codeOfData } from '../../../src/core/volume/volume.js';
import { FROZEN } from '../pair/states.js';
import { AHEAD, Rig, runsOf, TRACK } from './rig.js';

/** The simulated world reads the first half of a large piece at once and the second as late as it can. */
const BOTH_HALVES = { first: AHEAD / 2 - 10, count: 20 };

/** A pair of which one piece is being read: half of it was read, and the other half will be. */
async function reading() {
  const rig = await Rig.make(AHEAD, 3);
  rig.fill(0, 1);
  const pair = await rig.pair({
    primary: 0,
    secondary: 1,
    state: { status: 'pending' },
    maps: { outOfSync: [0, AHEAD] },
  });
  // The regions are active: what a host writes next lands at once.
  await rig.run(rig.write(0, 0, 1, AHEAD));
  const drain = rig.drain(pair);
  expect(await rig.run(drain.turn(AHEAD, false))).toBe('copied');
  return { rig, pair, drain };
}

describe('a large piece, which is read beside the loop', () => {
  it('is read again in one step where a host wrote to it meanwhile, and what was written is copied once more', async () => {
    const { rig, pair, drain } = await reading();
    const { first, count } = BOTH_HALVES;
    void rig.write(0, first, 7, count);
    await rig.run(drain.commit());
    expect(rig.image(1)).toEqual(rig.image(0));
    expect(rig.image(1)[first]).toBe(7);
    expect(runsOf(pair, 'outOfSync')).toEqual([first, count]);
    expect(rig.suspended).toEqual([]);
  });

  it('is not held against a check code that was set for what a host wrote meanwhile', async () => {
    const { rig, drain } = await reading();
    const { first } = BOTH_HALVES;
    void rig.write(0, first, 7);
    const code = codeOfData(new Uint8Array(TRACK).fill(7));
    rig.volume(0).codes.write(first, Uint32Array.of(bindCode(code, 0, first)));
    void rig.catalog.change(() => [{ do: 'clear', map: volumeMapKey(0, 'codeless'), runs: [first, 1] }]);
    await rig.run(drain.commit());
    expect(rig.suspended).toEqual([]);
    expect(rig.image(1)[first]).toBe(7);
  });

  it('is copied once more where another copier was landing in it', async () => {
    const { rig, pair, drain } = await reading();
    const { first, count } = BOTH_HALVES;
    const claim = rig.volume(0).claims.take(first, count);
    await rig.run(drain.commit());
    rig.volume(0).claims.release(claim);
    expect(runsOf(pair, 'outOfSync')).toEqual([0, AHEAD]);
  });

  it('comes from the other side where the source lacks tracks of it', async () => {
    const rig = await Rig.make(AHEAD, 3);
    rig.fill(0, 1);
    rig.fill(1, 2);
    const { first, count } = BOTH_HALVES;
    const maps = { outOfSync: [first, count] };
    await rig.pair({ primary: 0, secondary: 1, state: { status: 'sp-pending', frozen: FROZEN }, maps });
    const next = { primary: 1, secondary: 2, state: { status: 'pending' }, maps: { outOfSync: [0, AHEAD] } } as const;
    await rig.copy([rig.drain(await rig.pair(next))]);
    const lacked = (track: number) => track >= first && track < first + count;
    expect(rig.image(2)).toEqual(Array.from({ length: AHEAD }, (_, track) => (lacked(track) ? 1 : 2)));
  });
});
