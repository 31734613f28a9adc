import { describe, expect, it } from 'vitest';
import { codeOf, pairOf, staged, values } from './stage.js';

const db = pairOf('db', 'copy');

describe('a suspended pair', () => {
  it('H14: from a restore it refuses a resync, which would overwrite the only good copy, and goes on restoring', async () => {
    const system = await staged(1, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    await system.wait('db', 'copy', 'split');
    await system.write('db', 3, 2, 4);
    await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
    await system.ask('pair.suspend', { pairs: db });
    expect(await codeOf(system.ask('pair.resync', { pairs: db, discard: true }))).toBe('status-refuses');
    expect(await codeOf(system.ask('pair.split', { pairs: db }))).toBe('status-refuses');
    expect(await system.read('db', 16)).toEqual(values(16, 1));
    await system.ask('pair.resync', { pairs: db, reverse: true });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.ask('pair.split', { pairs: db });
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H14: from its initial copy it leaves the secondary, which is partial, closed to hosts', async () => {
    const system = await staged(2, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.ask('pair.suspend', { pairs: db });
    expect(await codeOf(system.read('copy', 16))).toBe('not-readable');
    expect(await codeOf(system.write('copy', 0, 5))).toBe('not-writable');
    expect(await codeOf(system.ask('pair.suspend', { pairs: db, allowWrite: true }))).toBe('force-needed');
    await system.ask('pair.resync', { pairs: db });
    expect((await system.status('db', 'copy'))?.status).toBe('pending');
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it('H14: from sp-pending it goes on saving old tracks, and a split goes on with the same instant', async () => {
    const system = await staged(3, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
    const instant = (await system.status('db', 'copy'))?.pointInTime;
    await system.ask('pair.suspend', { pairs: db });
    await system.write('db', 5, 2);
    await system.ask('pair.split', { pairs: db });
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    expect((await system.status('db', 'copy'))?.pointInTime).toBe(instant);
    expect(await system.read('copy', 16)).toEqual(values(16, 1));
    await system.close();
  });

  it('H14: deleted in a restore it says that the primary is not whole, and nobody reads it then', async () => {
    const system = await staged(4, 16, 'db', 'copy');
    await system.write('db', 0, 1, 16);
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    await system.wait('db', 'copy', 'split');
    await system.write('db', 3, 2, 4);
    await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
    expect(await codeOf(system.ask('pair.delete', { pairs: db }))).toBe('force-needed');
    expect(await system.read('db', 16)).toEqual(values(16, 1));
    await system.ask('pair.delete', { pairs: db, force: true });
    expect(await codeOf(system.read('db', 16))).toBe('incomplete');
    const { volumes } = await system.ask('volume.list', {});
    expect(volumes.find((volume) => volume.name === 'db')).toMatchObject({ imageComplete: false, missingTracks: 4 });
    await system.close();
  });
});
