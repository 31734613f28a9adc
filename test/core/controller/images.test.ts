import { describe, expect, it } from 'vitest';
import { type SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import { flipBit, putAll, readAll } from '../storage/files.js';
import { codeOf, db, deskIn, deskSystem, picture, TRACKS } from './desk.js';

const KIB64 = 64 * 1024;

async function wideSystem(): Promise<SimSystem> {
  const system = await deskSystem();
  await system.ask('volume.create', { name: 'wide', sizeBytes: 64 * KIB64 });
  return system;
}

function sparse(system: SimSystem, path: string, sizeBytes: number, ...pieces: [at: number, value: number][]): void {
  const file = system.world.files.open(path, 'create');
  file.truncate(sizeBytes);
  for (const [at, value] of pieces) file.write(new Uint8Array(TRACK).fill(value), at);
  file.close();
}

describe('import and export', () => {
  it('keep holes, and give back the same bytes', async () => {
    const system = await wideSystem();
    sparse(system, '/tmp/in.img', 64 * KIB64, [3 * KIB64, 5], [40 * KIB64, 6]);
    const input = { volume: 'wide', file: '/tmp/in.img', create: false, overwrite: false };
    const imported = await system.ask('volume.import', input);
    expect(imported.allocatedTracks).toBe((2 * KIB64) / TRACK);
    const out = await system.ask('volume.export', { volume: 'wide', file: '/tmp/out.img' });
    expect(out).toEqual({ bytes: 64 * KIB64, writtenBytes: 2 * KIB64 });
    const { files } = system.world;
    expect(Buffer.compare(readAll(files, '/tmp/in.img'), readAll(files, '/tmp/out.img'))).toBe(0);
    expect(files.status('/tmp/out.img')?.allocatedBytes).toBe(2 * KIB64);
    await system.close();
  });

  it('of a shorter file leave zeros behind its end, also where the volume held data', async () => {
    const system = await deskSystem();
    putAll(system.world.files, '/tmp/short.img', new Uint8Array(2 * TRACK).fill(8));
    const input = { volume: 'db', file: '/tmp/short.img', create: false, overwrite: true };
    await system.ask('volume.import', input);
    expect(await system.read('db', TRACKS)).toEqual([8, 8, ...new Array<number>(TRACKS - 2).fill(0)]);
    await system.close();
  });

  it('make the volume with --create, and refuse data without --overwrite, a file too long, a file that is none', async () => {
    const system = await deskSystem();
    const { files } = system.world;
    putAll(files, '/tmp/a.img', new Uint8Array(4 * TRACK).fill(3));
    putAll(files, '/tmp/long.img', new Uint8Array((TRACKS + 1) * TRACK));
    files.plant('/tmp/link', 'link');
    const bring = (volume: string, file: string, create = false) =>
      system.ask('volume.import', { volume, file, create, overwrite: false });
    expect((await bring('new', '/tmp/a.img', true)).volume).toMatchObject({ name: 'new', sizeBytes: 4 * TRACK });
    const before = await picture(system);
    expect(await codeOf(bring('db', '/tmp/a.img'))).toBe('holds-data');
    expect(await codeOf(bring('copy', '/tmp/long.img'))).toBe('input-too-long');
    expect(await codeOf(bring('copy', '/tmp/nothing'))).toBe('file-not-found');
    expect(await codeOf(bring('copy', '/tmp/link'))).toBe('not-regular');
    expect(await codeOf(bring('nowhere', '/tmp/a.img'))).toBe('volume-not-found');
    expect(await codeOf(system.ask('volume.export', { volume: 'db', file: '/tmp/link' }))).toBe('not-regular');
    expect(await picture(system)).toEqual(before);
    await system.close();
  });

  it('export a virtual copy as it reads, and leave no half file when the room ends', async () => {
    const system = await deskSystem();
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('db', 3, 2);
    await system.ask('volume.export', { volume: 'copy', file: '/tmp/instant.img' });
    const bytes = readAll(system.world.files, '/tmp/instant.img');
    expect(bytes.every((byte) => byte === 1)).toBe(true);
    system.world.disk.capacityBytes = system.world.disk.allocatedBytes + TRACK;
    expect(await codeOf(system.ask('volume.export', { volume: 'db', file: '/tmp/full.img' }))).toBe('no-space');
    expect(system.world.files.list('/tmp').filter((name) => name.startsWith('full'))).toEqual([]);
    await system.close();
  });

  it('mark what they write for the pairs of the volume', async () => {
    const system = await deskIn('split');
    putAll(system.world.files, '/tmp/a.img', new Uint8Array(TRACKS * TRACK).fill(3));
    await system.ask('volume.import', { volume: 'db', file: '/tmp/a.img', create: false, overwrite: true });
    expect((await system.status('db', 'copy'))?.changedTracks).toBe(TRACKS);
    expect(await system.read('copy', 2)).toEqual([1, 1]);
    await system.close();
  });
});

describe('volume scrub', () => {
  async function spoiled(track: number): Promise<SimSystem> {
    const system = await deskIn('split');
    await system.ask('volume.scrub', { volumes: ['db', 'copy'], accept: false });
    flipBit(system.world.files, '/sys/tokyo/images/db.img', track * TRACK + 7);
    return system;
  }

  it('finds a track that was changed behind the back of copyset', async () => {
    const system = await spoiled(5);
    const { volumes } = await system.ask('volume.scrub', { volumes: ['*'], accept: false });
    expect(volumes.map((row) => [row.name, row.badTracks])).toEqual([
      ['db', [5]],
      ['copy', []],
    ]);
    await system.close();
  });

  it('with --accept takes it as a write of the host: it is marked, and the next resync carries it', async () => {
    const system = await spoiled(5);
    await system.ask('volume.scrub', { volumes: ['db'], accept: true });
    expect((await system.status('db', 'copy'))?.changedTracks).toBe(1);
    const again = await system.ask('volume.scrub', { volumes: ['db'], accept: false });
    expect(again.volumes[0]?.badTracks).toEqual([]);
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    expect((await system.ask('pair.verify', { pairs: db, repair: false })).pairs[0]?.same).toBe(true);
    await system.close();
  });

  it('with --accept costs a secondary its instant that still read the track through the primary', async () => {
    const system = await deskSystem();
    await system.ask('volume.scrub', { volumes: ['db'], accept: false });
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    flipBit(system.world.files, '/sys/tokyo/images/db.img', 5 * TRACK + 7);
    await system.ask('volume.scrub', { volumes: ['db'], accept: true });
    expect(await system.status('db', 'copy')).toMatchObject({ status: 'suspended', pointInTimeLost: true });
    expect(await codeOf(system.read('copy', 1))).toBe('incomplete');
    expect(await codeOf(system.ask('pair.split', { pairs: db }))).toBe('point-in-time-lost');
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });

  it('of a copy whose source does not fit stops the copy: nothing of the track travels', async () => {
    const system = await deskSystem();
    await system.ask('volume.scrub', { volumes: ['db'], accept: false });
    flipBit(system.world.files, '/sys/tokyo/images/db.img', 5 * TRACK + 7);
    await system.pair('db', 'copy');
    expect(await system.wait('db', 'copy', 'duplex')).toBe('suspended');
    expect((await system.status('db', 'copy'))?.reason).toContain('Track 5 of tokyo:db');
    await system.close();
  });
});
