import { describe, expect, it } from 'vitest';
import type { SimSystem } from '../simulation/system/sim-system.js';
import { REMOTE, TwoSystems } from '../simulation/system/two-systems.js';
import { afterKill, afterPowerLoss, pairOf, staged, values } from './stage.js';

const changedAtSecondary = async (system: SimSystem, primary = 'db', secondary = 'copy') =>
  (await system.status(primary, secondary))?.secondaryChangedTracks;

const split = (system: SimSystem, more: { virtual?: boolean } = {}) =>
  system.ask('pair.split', { pairs: pairOf('db', 'copy'), ...more });

describe('a split pair whose owner was killed', () => {
  it('H10: counts nothing at a secondary that only the copier wrote', async () => {
    let system = await staged(1, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    system = await afterKill(system);
    expect(await changedAtSecondary(system)).toBe(0);
    await system.ask('pair.resync', { pairs: pairOf('db', 'copy') });
    await system.close();
  });

  it('H10: counts nothing where copying went on after the split until it was whole', async () => {
    let system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
    await system.write('db', 3, 2);
    await system.wait('db', 'copy', 'split');
    system = await afterKill(system);
    expect(await changedAtSecondary(system)).toBe(0);
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H10: counts nothing at several secondaries that are split at one instant', async () => {
    let system = await staged(3, 16, 'db', 'copy', 'third');
    await system.write('db', 0, 1, 16);
    for (const secondary of ['copy', 'third']) {
      await system.pair('db', secondary);
      await system.wait('db', secondary, 'duplex');
    }
    await system.ask('pair.split', { pairs: [...pairOf('db', 'copy'), ...pairOf('db', 'third')] });
    system = await afterKill(system);
    expect(await changedAtSecondary(system)).toBe(0);
    expect(await changedAtSecondary(system, 'db', 'third')).toBe(0);
    await system.close();
  });

  it.each(['kill', 'power'] as const)("H10: counts what the secondary's host wrote since (%s)", async (kind) => {
    let system = await staged(4, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    await system.write('copy', 5, 9);
    system = await (kind === 'kill' ? afterKill(system) : afterPowerLoss(system));
    expect(await changedAtSecondary(system)).toBeGreaterThanOrEqual(1);
    await system.ask('pair.resync', { pairs: pairOf('db', 'copy'), discard: true });
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H10: tells doubt from writing where it refuses a resync', async () => {
    let system = await staged(7, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    const resync = () => system.ask('pair.resync', { pairs: pairOf('db', 'copy') });
    await system.write('copy', 5, 9);
    await expect(resync()).rejects.toMatchObject({ details: { doubtfulTracks: 0 } });
    await expect(resync()).rejects.toThrow('4096 bytes written at tokyo:copy since the split would vanish.');
    for (const crash of [afterKill, afterPowerLoss]) {
      system = await crash(system);
      await expect(resync()).rejects.toThrow('65536 bytes that may have been written at tokyo:copy');
      await expect(resync()).rejects.toMatchObject({ details: { bytesLost: 16 * 4096, doubtfulTracks: 16 } });
    }
    await system.ask('pair.resync', { pairs: pairOf('db', 'copy'), discard: true });
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    await system.write('copy', 5, 9);
    await expect(resync()).rejects.toMatchObject({ details: { doubtfulTracks: 0 } });
    await system.close();
  });

  it('H10: counts what the host wrote while the copier was still filling the secondary', async () => {
    let system = await staged(5, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
    await system.write('copy', 5, 9);
    await system.wait('db', 'copy', 'split');
    system = await afterPowerLoss(system);
    expect(await changedAtSecondary(system)).toBe(1);
    await system.ask('pair.resync', { pairs: pairOf('db', 'copy'), discard: true });
    await system.wait('db', 'copy', 'duplex');
    await split(system);
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H10: loses nothing of a secondary that is a primary as well', async () => {
    let system = await staged(6, 16, 'db', 'copy', 'third');
    await system.write('db', 0, 1, 16);
    for (const [primary, secondary] of [
      ['db', 'copy'],
      ['copy', 'third'],
    ] as const) {
      await system.pair(primary, secondary);
      await system.wait(primary, secondary, 'duplex');
    }
    await split(system);
    system = await afterPowerLoss(system);
    await system.wait('copy', 'third', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('copy', 'third') });
    expect(await system.read('third', 16)).toEqual(values(16, 1));
    await system.close();
  });
});

describe('a pair between two systems that is split', () => {
  const changedAtOsaka = async (systems: TwoSystems) => (await systems.row('osaka'))?.secondaryChangedTracks;

  const splitOf = async (seed: number, mode: 'sync' | 'async', last: (systems: TwoSystems) => Promise<void>) => {
    const systems = await TwoSystems.create(seed);
    await systems.pair({ mode });
    await systems.wait('duplex');
    await systems.write('tokyo', 'db', 3, 2);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.wait('split');
    await last(systems);
    systems.kill('osaka');
    await systems.start('osaka');
    return systems;
  };

  it.each(['async', 'sync'] as const)('H10: counts nothing at a secondary that was killed (%s)', async (mode) => {
    const systems = await splitOf(1, mode, async () => undefined);
    expect(await changedAtOsaka(systems)).toBe(0);
    await systems.close();
  });

  it.each(['async', 'sync'] as const)("H10: counts what the secondary's host wrote (%s)", async (mode) => {
    const systems = await splitOf(2, mode, (split) => split.write('osaka', 'db-copy', 5, 9));
    expect(await changedAtOsaka(systems)).toBeGreaterThanOrEqual(1);
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
    await systems.wait('duplex');
    expect((await systems.row('tokyo'))?.percentIdentical).toBe(100);
    expect(systems.image('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
    await systems.close();
  });
});
