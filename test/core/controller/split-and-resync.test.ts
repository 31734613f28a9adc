import { describe, expect, it } from 'vitest';
import { SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import { codeOf, db, deskIn, deskSystem, picture, TRACKS } from './desk.js';

const fill = (value: number, ...others: [number, number][]) => {
  const list = new Array<number>(TRACKS).fill(value);
  for (const [track, other] of others) list[track] = other;
  return list;
};

describe('pair split', () => {
  it('says one time of all its pairs, though the clock goes on while they are frozen', async () => {
    const system = await deskSystem('log', 'log-copy');
    await system.pair('db', 'copy');
    await system.pair('log', 'log-copy');
    await system.wait('db', 'copy', 'duplex');
    await system.wait('log', 'log-copy', 'duplex');
    const { clock } = system.world;
    const nowMs = clock.nowMs.bind(clock);
    let looks = 0;
    clock.nowMs = () => {
      looks += 1;
      return nowMs() + looks;
    };
    await system.ask('pair.split', { pairs: [{ primary: '*' }] });
    const { pairs } = await system.ask('pair.list', {});
    expect(looks).toBeGreaterThan(1);
    expect(new Set(pairs.map(({ splitAt }) => splitAt)).size).toBe(1);
  });

  it('freezes several pairs under one gate: their instants are one', async () => {
    const system = await deskSystem('log', 'log-copy');
    await system.pair('db', 'copy');
    await system.pair('log', 'log-copy');
    await system.wait('db', 'copy', 'duplex');
    await system.wait('log', 'log-copy', 'duplex');
    const { client, world } = system;
    const writes: number[] = [0, 0];
    let stop = false;
    const host = async () => {
      // The log is written first, then the data: no instant may show data without its log.
      for (let value = 2; value < 40 && !stop; value += 1) {
        for (const volume of ['log', 'db']) {
          const data = new Uint8Array(TRACK).fill(value);
          await client.request('volume.write', { volume, offsetBytes: 0, durable: false }, { data });
          writes[0] = (writes[0] ?? 0) + 1;
          await world.clock.sleep(world.rng.unit() * 0.3);
        }
      }
    };
    const split = async () => {
      await world.clock.sleep(3);
      await client.request('pair.split', { pairs: [{ primary: '*' }] });
      stop = true;
    };
    await world.run(Promise.all([host(), split()]));
    const [data] = await system.read('copy', 1);
    const [log] = await system.read('log-copy', 1);
    expect(log).toBeGreaterThan(2);
    expect([data, (data ?? 0) + 1]).toContain(log);
    const { pairs } = await system.ask('pair.list', {});
    expect(new Set(pairs.map((pair) => pair.pointInTime)).size).toBe(1);
    await system.close();
  });

  it('freezes all named pairs or none', async () => {
    const system = await deskSystem('log', 'log-copy');
    await system.pair('db', 'copy');
    await system.pair('log', 'log-copy');
    await system.ask('pair.suspend', { pairs: db });
    const before = await picture(system);
    expect(await codeOf(system.ask('pair.split', { pairs: [{ primary: '*' }] }))).toBe('status-refuses');
    expect(await picture(system)).toEqual(before);
    await system.close();
  });

  it('with --read-only lets the host of S read only, and says so when asked again', async () => {
    const system = await deskIn('duplex');
    await system.ask('pair.split', { pairs: db, readOnly: true });
    expect(await system.read('copy', TRACKS)).toEqual(fill(1));
    expect(await codeOf(system.write('copy', 0, 5))).toBe('not-writable');
    const { pairs } = await system.ask('pair.split', { pairs: db, readOnly: false });
    expect(pairs[0]?.outcome).toBe('done');
    await system.write('copy', 0, 5);
    await system.close();
  });

  it('of a virtual copy without --virtual copies the rest', async () => {
    const system = await deskSystem();
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', virtual: true }] });
    await system.write('db', 2, 2);
    await system.ask('pair.split', { pairs: db });
    expect(await system.wait('db', 'copy', 'split')).toBe('reached');
    expect(await system.status('db', 'copy')).toMatchObject({ virtual: false, imageComplete: true });
    expect(await system.read('copy', TRACKS)).toEqual(fill(1));
    await system.close();
  });

  it('of each pair of a chain keeps the instants apart', async () => {
    const system = await deskSystem('third');
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    await system.pair('copy', 'third');
    await system.wait('copy', 'third', 'duplex');
    await system.write('copy', 4, 2);
    await system.ask('pair.split', { pairs: [{ primary: 'copy' }] });
    await system.write('copy', 5, 3);
    await system.write('db', 6, 4);
    expect(await system.read('third', TRACKS)).toEqual(fill(1, [4, 2]));
    expect(await system.wait('copy', 'third', 'split')).toBe('reached');
    expect(await system.read('third', TRACKS)).toEqual(fill(1, [4, 2]));
    expect(await system.read('copy', TRACKS)).toEqual(fill(1, [4, 2], [5, 3]));
    expect(await system.read('db', TRACKS)).toEqual(fill(1, [6, 4]));
    await system.close();
  });
});

describe('pair resync', () => {
  async function bothWritten(): Promise<SimSystem> {
    const system = await deskIn('split');
    await system.write('db', 2, 2);
    await system.write('copy', 9, 5, 2);
    return system;
  }

  it('says how many bytes of S would vanish, and gives them up only with --discard', async () => {
    const system = await bothWritten();
    const before = await picture(system);
    expect(await codeOf(system.ask('pair.resync', { pairs: db }))).toBe('discard-needed');
    expect(await picture(system)).toEqual(before);
    const { plan } = await system.ask('pair.resync', { pairs: db, plan: true });
    expect(plan?.[0]).toMatchObject({
      direction: 'primary -> secondary',
      tracks: 3,
      bytesLost: 2 * TRACK,
      refusedUnless: '--discard',
    });
    const { pairs } = await system.ask('pair.resync', { pairs: db, discard: true });
    expect(pairs[0]).toMatchObject({ tracks: 3, bytes: 3 * TRACK, bytesLost: 2 * TRACK });
    await system.wait('db', 'copy', 'duplex');
    await system.ask('pair.split', { pairs: db });
    expect(await system.read('copy', TRACKS)).toEqual(fill(1, [2, 2]));
    await system.close();
  });

  it('--reverse says how many bytes of P would vanish, and brings back what S holds', async () => {
    const system = await bothWritten();
    expect(await codeOf(system.ask('pair.resync', { pairs: db, reverse: true }))).toBe('discard-needed');
    const { pairs } = await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
    expect(pairs[0]).toMatchObject({ tracks: 3, bytesLost: TRACK });
    expect(await system.read('db', TRACKS)).toEqual(fill(1, [9, 5], [10, 5]));
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    expect(await system.read('db', TRACKS)).toEqual(fill(1, [9, 5], [10, 5]));
    await system.close();
  });

  it('of several pairs asks for --discard before any of them is touched', async () => {
    const system = await deskSystem('second');
    for (const secondary of ['copy', 'second']) {
      await system.pair('db', secondary);
      await system.wait('db', secondary, 'duplex');
      await system.ask('pair.split', { pairs: [{ primary: 'db', secondary }] });
    }
    await system.write('second', 1, 2);
    const before = await picture(system);
    expect(await codeOf(system.ask('pair.resync', { pairs: [{ primary: 'db' }] }))).toBe('discard-needed');
    expect(await picture(system)).toEqual(before);
    await system.close();
  });
});

describe('pair suspend', () => {
  it('with --allow-write opens a whole secondary, and asks for --force where it is not whole', async () => {
    const whole = await deskIn('duplex');
    expect(await codeOf(whole.ask('pair.suspend', { pairs: db, allowWrite: true }))).toBe('nothing');
    await whole.write('copy', 1, 5);
    expect((await whole.status('db', 'copy'))?.secondaryChangedTracks).toBe(1);
    await whole.ask('pair.resync', { pairs: db, discard: true });
    await whole.wait('db', 'copy', 'duplex');
    await whole.ask('pair.split', { pairs: db });
    expect(await whole.read('copy', TRACKS)).toEqual(fill(1));
    await whole.close();
    const part = await deskIn('pending');
    expect(await codeOf(part.ask('pair.suspend', { pairs: db, allowWrite: true }))).toBe('force-needed');
    expect((await part.status('db', 'copy'))?.status).toBe('pending');
    await part.ask('pair.suspend', { pairs: db, allowWrite: true, force: true });
    await part.write('copy', 1, 5);
    await part.close();
  });
});

describe('pair delete', () => {
  it('leaves a whole secondary readable, and one that is not whole only with --force', async () => {
    const whole = await deskIn('split');
    await whole.ask('pair.delete', { pairs: db });
    expect(await whole.read('copy', TRACKS)).toEqual(fill(1));
    await whole.close();
    const part = await deskIn('sp-pending');
    const before = await picture(part);
    expect(await codeOf(part.ask('pair.delete', { pairs: db }))).toBe('force-needed');
    expect(await picture(part)).toEqual(before);
    await part.ask('pair.delete', { pairs: db, force: true, unreserve: true });
    expect(await codeOf(part.read('copy', TRACKS))).toBe('incomplete');
    expect(await codeOf(part.ask('volume.export', { volume: 'copy', file: '/tmp/x' }))).toBe('incomplete');
    expect(await codeOf(part.pair('copy', 'db', { overwrite: true }))).toBe('incomplete');
    await part.close();
  });

  it.each([
    ['a format', (system: SimSystem) => system.ask('volume.format', { volumes: ['copy'], force: true }), 0],
    [
      'a new pair',
      async (system: SimSystem) => {
        await system.pair('db', 'copy', { overwrite: true });
        await system.wait('db', 'copy', 'duplex');
        await system.ask('pair.split', { pairs: db });
      },
      1,
    ],
    [
      'an import',
      (system: SimSystem) => {
        const file = system.world.files.open('/tmp/in.img', 'create');
        file.write(new Uint8Array(TRACKS * TRACK).fill(6), 0);
        file.close();
        return system.ask('volume.import', { volume: 'copy', file: '/tmp/in.img', create: false, overwrite: true });
      },
      6,
    ],
    ['one write of all of it', (system: SimSystem) => system.write('copy', 0, 7, TRACKS), 7],
    [
      'writes from its beginning to its end',
      async (system: SimSystem) => {
        const half = new Uint8Array((TRACKS / 2) * TRACK).fill(8);
        await system.ask('volume.write', { volume: 'copy', offsetBytes: 0, durable: false }, half);
        await system.ask('volume.write', { volume: 'copy', offsetBytes: half.length, durable: true }, half);
      },
      8,
    ],
  ] as const)('leaves what %s makes whole again', async (_name, repair, value) => {
    const system = await deskIn('sp-pending');
    await system.ask('pair.delete', { pairs: db, force: true, unreserve: true });
    await repair(system);
    expect(await system.read('copy', TRACKS)).toEqual(fill(value));
    const { volumes } = await system.ask('volume.list', {});
    expect(volumes.find((volume) => volume.name === 'copy')).toMatchObject({ imageComplete: true, missingTracks: 0 });
    await system.close();
    const again = await SimSystem.open(system.world.crash('power', 'none'));
    expect(await again.read('copy', TRACKS)).toEqual(fill(value));
    await again.close();
  });

  const LAST = (TRACKS - 1) * TRACK;
  it.each([
    ['all but the first track', [[TRACK, LAST]]],
    ['all but the last track', [[0, LAST]]],
    [
      'two halves with a gap',
      [
        [0, TRACK],
        [2 * TRACK, LAST - TRACK],
      ],
    ],
    [
      'all of it, its end first',
      [
        [TRACK, LAST],
        [0, TRACK],
      ],
    ],
  ])('leaves incomplete what is overwritten in part: %s', async (_name, writes) => {
    const system = await deskIn('sp-pending');
    await system.ask('pair.delete', { pairs: db, force: true, unreserve: true });
    for (const [offsetBytes = 0, length = 0] of writes)
      await system.ask('volume.write', { volume: 'copy', offsetBytes, durable: true }, new Uint8Array(length).fill(7));
    expect(await codeOf(system.read('copy', TRACKS))).toBe('incomplete');
    await system.close();
  });

  it('leaves incomplete what a crash met before all of it was durable, and what a new pair left behind meanwhile', async () => {
    let system = await deskIn('sp-pending');
    await system.ask('pair.delete', { pairs: db, force: true, unreserve: true });
    const [first, rest] = [new Uint8Array(TRACK).fill(7), new Uint8Array(LAST).fill(7)];
    const write = (offsetBytes: number, data: Uint8Array, durable = true) =>
      system.ask('volume.write', { volume: 'copy', offsetBytes, durable }, data);
    await write(0, first);
    await write(TRACK, rest, false);
    system = await SimSystem.open(system.world.crash('kill'));
    expect(await codeOf(system.read('copy', TRACKS))).toBe('incomplete');
    await write(TRACK, rest);
    expect(await codeOf(system.read('copy', TRACKS))).toBe('incomplete');
    await write(0, first);
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }], overwrite: true });
    await system.ask('pair.delete', { pairs: db, force: true, unreserve: true });
    await write(TRACK, rest);
    expect(await codeOf(system.read('copy', TRACKS))).toBe('incomplete');
    await write(0, new Uint8Array(TRACKS * TRACK).fill(7));
    expect(await system.read('copy', TRACKS)).toEqual(fill(7));
    await system.close();
  });
});

describe('pair wait', () => {
  it('tells reached, timed out, suspended and unreachable apart', async () => {
    const system = await deskIn('pending');
    const ask = async (timeoutMs: number | undefined, ...statuses: ('duplex' | 'split' | 'suspended')[]) =>
      (await system.ask('pair.wait', { pairs: db, statuses, timeoutMs })).verdict;
    expect(await ask(0, 'duplex')).toBe('timed-out');
    expect(await ask(0, 'split')).toBe('unreachable');
    await system.ask('pair.pace', { pairs: db, pace: 'hold' });
    expect(await ask(500, 'duplex')).toBe('timed-out');
    await system.ask('pair.pace', { pairs: db, pace: 'fast' });
    expect(await ask(undefined, 'duplex')).toBe('reached');
    expect(await ask(0, 'duplex')).toBe('reached');
    await system.ask('pair.suspend', { pairs: db });
    expect(await ask(undefined, 'duplex')).toBe('suspended');
    expect(await ask(0, 'suspended')).toBe('reached');
    await system.close();
  });

  it('ends with suspended when a fault stops the copy that is waited for', async () => {
    const system = await deskIn('pending');
    await system.ask('fault.set', { kind: 'io-error', volume: 'db', track: 5, on: 'read' });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('suspended');
    expect((await system.status('db', 'copy'))?.outOfSyncTracks).toBe(TRACKS);
    await system.ask('fault.clear', {});
    await system.ask('pair.resync', { pairs: db });
    expect(await system.wait('db', 'copy', 'duplex')).toBe('reached');
    await system.close();
  });
});

describe('pair verify', () => {
  it('finds a track that was changed behind its back, and --repair copies it again', async () => {
    const system = await deskIn('duplex');
    const image = system.world.files.open('/sys/tokyo/images/copy.img', 'write');
    image.write(Uint8Array.of(77), 4 * TRACK);
    image.close();
    const look = async (repair: boolean) => (await system.ask('pair.verify', { pairs: db, repair })).pairs[0];
    expect(await look(false)).toMatchObject({ same: false, differingTracks: [4], repaired: 0 });
    expect(await look(true)).toMatchObject({ same: false, differingTracks: [4], repaired: 1 });
    expect((await system.status('db', 'copy'))?.outOfSyncTracks).toBe(1);
    await system.ask('pair.split', { pairs: db });
    await system.wait('db', 'copy', 'split');
    expect(await look(false)).toMatchObject({ same: true, differingTracks: [] });
    expect(await system.read('copy', TRACKS)).toEqual(fill(1));
    await system.close();
  });
});
