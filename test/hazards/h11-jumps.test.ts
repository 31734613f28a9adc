import { describe, expect, it } from 'vitest';
import type { SimSystem } from '../simulation/system/sim-system.js';
import { codeOf, pairOf, staged, values } from './stage.js';

async function splitAt(system: SimSystem, primary: string, secondary: string): Promise<void> {
  await system.pair(primary, secondary);
  await system.wait(primary, secondary, 'duplex');
  await system.ask('pair.split', { pairs: pairOf(primary, secondary) });
  await system.wait(primary, secondary, 'split');
}

describe('a volume whose tracks all change at one instant', () => {
  it('H11: a restore into a volume is refused while another pair still reads old tracks through it', async () => {
    const system = await staged(1, 16, 'p', 's1', 's3');
    await system.write('p', 0, 1, 16);
    await splitAt(system, 'p', 's1');
    await system.write('p', 4, 2);
    await system.ask('pair.create', { pairs: [{ primary: 'p', secondary: 's3', virtual: true }] });
    const before = await system.ask('pair.list', {});
    const restore = { pairs: pairOf('p', 's1'), reverse: true, discard: true };
    expect(await codeOf(system.ask('pair.resync', restore))).toBe('jump-refused');
    const after = await system.ask('pair.list', {});
    expect(after.pairs.map((pair) => pair.status)).toEqual(before.pairs.map((pair) => pair.status));
    expect(await system.read('s3', 16)).toEqual(values(16, 1, [4, 2]));
    await system.close();
  });

  it('H11: a secondary that is split with tracks missing hands them to the pair behind it', async () => {
    const system = await staged(2, 16, 'a', 'b', 'c');
    await system.write('a', 0, 1, 16);
    await system.pair('a', 'b');
    await system.wait('a', 'b', 'duplex');
    await system.pair('b', 'c');
    await system.wait('b', 'c', 'duplex');
    await system.write('a', 4, 2);
    await system.ask('pair.split', { pairs: pairOf('a', 'b') });
    await system.ask('pair.split', { pairs: pairOf('b', 'c') });
    expect(await system.read('c', 16)).toEqual(values(16, 1, [4, 2]));
    await system.write('a', 4, 3);
    expect(await system.wait('a', 'b', 'split')).toBe('reached');
    expect(await system.wait('b', 'c', 'split')).toBe('reached');
    expect(await system.read('b', 16)).toEqual(values(16, 1, [4, 2]));
    expect(await system.read('c', 16)).toEqual(values(16, 1, [4, 2]));
    await system.close();
  });

  it('H11: what a restore brings back to the primary comes to its other secondaries too', async () => {
    const system = await staged(3, 16, 'p', 's1', 's2');
    await system.write('p', 0, 1, 16);
    await splitAt(system, 'p', 's1');
    await system.write('p', 4, 2);
    await system.pair('p', 's2');
    await system.wait('p', 's2', 'duplex');
    await system.ask('pair.resync', { pairs: pairOf('p', 's1'), reverse: true, discard: true });
    expect((await system.status('p', 's2'))?.outOfSyncTracks).toBe(1);
    await system.wait('p', 's1', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('p', 's2') });
    await system.wait('p', 's2', 'split');
    expect(await system.read('s2', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H11: a copy out of a volume in restore carries what it reads through, not what its image holds', async () => {
    const system = await staged(4, 16, 'p', 's1', 's2');
    await system.write('p', 0, 1, 16);
    await splitAt(system, 'p', 's1');
    await system.write('p', 4, 2);
    await system.ask('pair.resync', { pairs: pairOf('p', 's1'), reverse: true, discard: true });
    await system.pair('p', 's2');
    await system.ask('pair.pace', { pairs: pairOf('p', 's1'), pace: 'hold' });
    await system.wait('p', 's2', 'duplex');
    await system.ask('pair.split', { pairs: pairOf('p', 's2') });
    expect(await system.read('s2', 16)).toEqual(values(16, 1));
    await system.close();
  });
});
