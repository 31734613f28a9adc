import { describe, expect, it } from 'vitest';
import { TRACK } from '../../simulation/system/sim-system.js';
import { codeOf, db, deskSystem, picture, TRACKS } from './desk.js';

describe('pair create', () => {
  it('takes the lowest-numbered reserved, unpaired, empty volume that fits for `auto`', async () => {
    const system = await deskSystem('written', 'first', 'second');
    await system.ask('volume.create', { name: 'small', sizeBytes: TRACK, reserve: true });
    await system.write('written', 0, 9);
    await system.ask('volume.reserve', { volumes: ['written', 'first', 'second'] });
    const { pairs } = await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'auto' }] });
    expect(pairs[0]?.secondary).toBe('tokyo:first');
    const over = await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'auto' }], overwrite: true });
    expect(over.pairs[0]?.secondary).toBe('tokyo:written');
    const last = await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'auto' }] });
    expect(last.pairs[0]?.secondary).toBe('tokyo:second');
    expect(await codeOf(system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'auto' }] }))).toBe(
      'no-candidate',
    );
    await system.close();
  });

  it('gives each primary of a pattern a secondary of its own, all or none', async () => {
    const system = await deskSystem('db2', 'r1');
    await system.ask('volume.reserve', { volumes: ['r1'] });
    const all = { pairs: [{ primary: 'db*', secondary: 'auto' }] };
    const before = await picture(system);
    expect(await codeOf(system.ask('pair.create', all))).toBe('no-candidate');
    expect(await picture(system)).toEqual(before);
    await system.ask('volume.create', { name: 'r2', sizeBytes: TRACKS * TRACK, reserve: true });
    const { pairs } = await system.ask('pair.create', all);
    expect(pairs.map((pair) => [pair.primary, pair.secondary])).toEqual([
      ['tokyo:db', 'tokyo:r1'],
      ['tokyo:db2', 'tokyo:r2'],
    ]);
    expect(await codeOf(system.ask('pair.create', { pairs: [{ primary: 'db*', secondary: 'copy' }] }))).toBe('usage');
    await system.close();
  });

  it('reserves the secondary, and deletes it from service until it is unreserved', async () => {
    const system = await deskSystem();
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    expect(await codeOf(system.ask('volume.unreserve', { volumes: ['copy'] }))).toBe('volume-paired');
    expect(await codeOf(system.ask('volume.delete', { volumes: ['copy'] }))).toBe('volume-paired');
    await system.ask('pair.delete', { pairs: db });
    expect(await codeOf(system.write('copy', 0, 1))).toBe('volume-reserved');
    await system.ask('volume.unreserve', { volumes: ['copy'] });
    await system.write('copy', 0, 1);
    await system.close();
  });

  it('refuses a secondary that holds data, itself, a circle, one that is taken, or one that differs in size', async () => {
    const system = await deskSystem('third');
    await system.ask('volume.create', { name: 'small', sizeBytes: TRACK });
    await system.write('copy', 0, 9);
    const before = await picture(system);
    const create = (primary: string, secondary: string) =>
      codeOf(system.ask('pair.create', { pairs: [{ primary, secondary }] }));
    expect(await create('db', 'copy')).toBe('holds-data');
    expect(await create('db', 'db')).toBe('self-pair');
    expect(await create('db', 'small')).toBe('sizes-differ');
    expect(await create('db', 'nowhere')).toBe('volume-not-found');
    expect(await picture(system)).toEqual(before);
    await system.pair('db', 'copy', { overwrite: true });
    await system.pair('copy', 'third');
    expect(await create('third', 'db')).toBe('cycle');
    expect(await create('copy', 'db')).toBe('cycle');
    expect(await create('db', 'third')).toBe('secondary-taken');
    await system.close();
  });

  it('checks all rows before the first pair is made', async () => {
    const system = await deskSystem('third');
    const rows = { pairs: [...db, { primary: 'copy', secondary: 'third' }, { primary: 'third', secondary: 'db' }] };
    expect(await codeOf(system.ask('pair.create', rows))).toBe('cycle');
    expect((await system.ask('pair.list', {})).pairs).toEqual([]);
    await system.close();
  });

  it('with --no-copy --verify makes a pair of equal volumes and refuses others, naming the first track that differs', async () => {
    const system = await deskSystem();
    await system.write('copy', 0, 1, TRACKS);
    const equal = { pairs: db, noCopy: true, verify: true };
    const { pairs } = await system.ask('pair.create', equal);
    expect(pairs[0]).toMatchObject({ after: 'duplex', tracks: 0 });
    await system.ask('pair.delete', { pairs: db, unreserve: true });
    await system.write('copy', 11, 2);
    await expect(system.ask('pair.create', equal)).rejects.toThrow(/track 11/);
    expect((await system.ask('pair.list', {})).pairs).toEqual([]);
    await system.close();
  });

  it('with --split makes a point-in-time copy at once, and with --virtual one that copies nothing by itself', async () => {
    const system = await deskSystem('second');
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'second', virtual: true }] });
    await system.write('db', 3, 2);
    expect((await system.read('copy', TRACKS))[3]).toBe(1);
    expect((await system.read('second', TRACKS))[3]).toBe(1);
    expect(await system.status('db', 'second')).toMatchObject({ status: 'split', virtual: true });
    expect(await codeOf(system.ask('volume.path', { volume: 'copy' }))).toBe('not-alone');
    await system.wait('db', 'copy', 'split');
    expect(await codeOf(system.ask('volume.path', { volume: 'copy' }))).toBe('nothing');
    await system.close();
  });

  it('takes pace and rate, and applies them to a pair that is there already', async () => {
    const system = await deskSystem();
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', pace: 'hold' }] });
    const again = { pairs: [{ primary: 'db', secondary: 'copy', pace: 'fast' as const, rateBytesPerSecond: 4096 }] };
    const { pairs } = await system.ask('pair.create', again);
    expect(pairs[0]).toMatchObject({ before: 'pending', after: 'pending', outcome: 'done' });
    expect(await system.status('db', 'copy')).toMatchObject({ pace: 'fast', rateBytesPerSecond: 4096 });
    expect((await system.ask('pair.create', again)).pairs[0]?.outcome).toBe('nothing');
    await system.close();
  });

  it('refuses a mode for pairs between two systems', async () => {
    const system = await deskSystem();
    expect(await codeOf(system.ask('pair.create', { pairs: db, mode: 'async' }))).toBe('mode-not-here');
    await system.close();
  });

  it('gives a primary at most 64 secondaries', async () => {
    const system = await deskSystem();
    await system.ask('volume.create', { name: 's', sizeBytes: TRACKS * TRACK, reserve: true, count: 65 });
    const rows = Array.from({ length: 64 }, (_, at) => ({ primary: 'db', secondary: `s-${at + 1}`, virtual: true }));
    const { pairs } = await system.ask('pair.create', { pairs: rows });
    expect(pairs).toHaveLength(64);
    const more = { pairs: [{ primary: 'db', secondary: 's-65' }] };
    expect(await codeOf(system.ask('pair.create', more))).toBe('limit-reached');
    await system.write('db', 5, 2);
    expect((await system.read('s-1', TRACKS))[5]).toBe(1);
    expect((await system.read('s-64', TRACKS))[5]).toBe(1);
    await system.close();
  });
});
