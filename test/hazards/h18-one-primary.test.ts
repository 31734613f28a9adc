import { describe, expect, it } from 'vitest';
import { codeOf, pairOf, staged, values } from './stage.js';

describe('a secondary', () => {
  it('H18: has one primary, whatever the statuses of its pairs', async () => {
    const system = await staged(1, 16, 'p1', 'p2', 's');
    await system.write('p1', 0, 1, 16);
    await system.write('p2', 0, 2, 16);
    await system.pair('p1', 's');
    const second = { pairs: pairOf('p2', 's'), overwrite: true };
    expect(await codeOf(system.ask('pair.create', second))).toBe('secondary-taken');
    await system.wait('p1', 's', 'duplex');
    expect(await codeOf(system.ask('pair.create', second))).toBe('secondary-taken');
    await system.ask('pair.split', { pairs: pairOf('p1', 's') });
    await system.wait('p1', 's', 'split');
    expect(await codeOf(system.ask('pair.create', second))).toBe('secondary-taken');
    expect(await system.read('s', 16)).toEqual(values(16, 1));
    await system.ask('pair.delete', { pairs: pairOf('p1', 's') });
    await system.ask('pair.create', second);
    expect(await system.wait('p2', 's', 'duplex')).toBe('reached');
    await system.close();
  });

  it('H18: is not given to two primaries by one command', async () => {
    const system = await staged(2, 16, 'p1', 'p2', 's');
    const both = { pairs: [...pairOf('p1', 's'), ...pairOf('p2', 's')] };
    expect(await codeOf(system.ask('pair.create', both))).toBe('secondary-taken');
    expect((await system.ask('pair.list', {})).pairs).toEqual([]);
    await system.close();
  });
});
