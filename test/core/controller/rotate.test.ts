import { describe, expect, it } from 'vitest';
import type { SimSystem } from '../../simulation/system/sim-system.js';
import { codeOf, deskSystem, picture, TRACKS } from './desk.js';

async function reservedDesk(): Promise<SimSystem> {
  const system = await deskSystem('g1', 'g2', 'g3');
  await system.ask('volume.reserve', { volumes: ['g1', 'g2', 'g3'] });
  return system;
}

async function rotate(system: SimSystem, more: { keep?: number; discard?: boolean } = {}): Promise<string[]> {
  await system.world.scheduler.advance(1_000);
  const { pairs } = await system.ask('pair.rotate', { primary: 'db', ...more });
  for (const { secondary, after } of (await system.ask('pair.list', {})).pairs.map((pair) => ({
    secondary: pair.secondary.replace('tokyo:', ''),
    after: pair.status,
  }))) {
    if (after === 'sp-pending') await system.wait('db', secondary, 'split');
    if (after === 'pending' || after === 'resync') await system.wait('db', secondary, 'duplex');
  }
  return pairs.map((pair) => pair.secondary.replace('tokyo:', ''));
}

describe('pair rotate', () => {
  it('makes a series of historical records, one secondary after the other', async () => {
    const system = await reservedDesk();
    expect(await rotate(system)).toEqual(['g1']);
    await system.write('db', 0, 2);
    expect(await rotate(system)).toEqual(['g1', 'g2']);
    await system.write('db', 0, 3);
    expect(await rotate(system)).toEqual(['g2', 'g3']);
    await system.write('db', 0, 4);
    expect((await system.read('g1', TRACKS))[0]).toBe(2);
    expect((await system.read('g2', TRACKS))[0]).toBe(3);
    const before = await picture(system);
    expect(await codeOf(rotate(system))).toBe('no-candidate');
    expect(await picture(system)).toEqual(before);
    await system.close();
  });

  it('at --keep N resyncs the oldest instead, and asks before it gives up what was written there', async () => {
    const system = await reservedDesk();
    await rotate(system, { keep: 2 });
    await system.write('db', 0, 2);
    await rotate(system, { keep: 2 });
    await system.write('db', 0, 3);
    expect(await rotate(system, { keep: 2 })).toEqual(['g2', 'g1']);
    await system.write('db', 0, 4);
    expect((await system.read('g2', TRACKS))[0]).toBe(3);
    expect((await system.ask('pair.list', {})).pairs).toHaveLength(2);
    await system.write('g2', 5, 9);
    expect(await codeOf(rotate(system, { keep: 2 }))).toBe('discard-needed');
    expect(await rotate(system, { keep: 2, discard: true })).toEqual(['g1', 'g2']);
    await system.write('db', 0, 5);
    expect((await system.read('g1', TRACKS))[0]).toBe(4);
    await system.close();
  });

  it('plans without a change', async () => {
    const system = await reservedDesk();
    await rotate(system);
    const before = await picture(system);
    const { plan } = await system.ask('pair.rotate', { primary: 'db', plan: true });
    expect(plan).toHaveLength(2);
    expect(await picture(system)).toEqual(before);
    expect(await codeOf(system.ask('pair.rotate', { primary: 'db', keep: 0 }))).toBe('usage');
    await system.close();
  });
});
