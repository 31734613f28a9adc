import { describe, expect, it } from 'vitest';
import { ACTIVE_REGIONS_MAX } from '../../../src/core/foundation/foundation.js';
import { Rig } from './rig.js';

const REGION = 1024;

describe('active regions', () => {
  it('are made so once for many writes inside them', async () => {
    const rig = await Rig.make(3 * REGION, 1);
    for (let track = 0; track < 50; track += 1) await rig.run(rig.write(0, track, 1));
    await rig.run(rig.write(0, 2 * REGION, 1));
    expect(rig.steps).toEqual(['region.activated', 'region.activated']);
    expect([...rig.volume(0).hot.keys()]).toEqual([0, 2]);
  });

  it('are as many as the limit at most; the oldest go cold with their marks logged', async () => {
    const rig = await Rig.make((ACTIVE_REGIONS_MAX + 1) * REGION, 1);
    for (let region = 0; region <= ACTIVE_REGIONS_MAX; region += 1) await rig.run(rig.write(0, region * REGION, 1));
    const { hot } = rig.volume(0);
    expect(hot.size).toBeLessThanOrEqual(ACTIVE_REGIONS_MAX);
    expect(hot.has(ACTIVE_REGIONS_MAX)).toBe(true);
    expect(hot.has(0)).toBe(false);
    expect([...(rig.catalog.active.get(0) ?? [])].sort((a, b) => a - b)).toEqual([...hot.keys()].sort((a, b) => a - b));
  });

  it('are all cold after a close', async () => {
    const rig = await Rig.make(2 * REGION, 1);
    await rig.run(rig.write(0, 5, 1));
    await rig.run(rig.fabric.close());
    expect(rig.catalog.active.get(0)).toBeUndefined();
  });
});
