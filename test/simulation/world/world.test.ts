import { describe, expect, test } from 'vitest';
import type { Channel, Files } from '../../../src/core/ports/ports.js';
import {
  describeFailure,
  FaultFiles,
  Rng,
  SimFiles,
  SimScheduler,
  SimStall,
  World,
  WorldStopped,
  withSeed,
} from './world.js';

const FOLDER = '/systems/a';
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

function readAll(files: Files, path: string): Uint8Array | undefined {
  if (files.status(path) === undefined) return undefined;
  const file = files.open(path, 'read');
  const content = new Uint8Array(file.sizeBytes());
  file.read(content, 0);
  file.close();
  return content;
}

/** A file of zeros that is durable, name and all. */
async function durableFile(world: World, path: string, sizeBytes: number) {
  world.files.makeFolder(FOLDER);
  const file = world.files.open(path, 'create');
  file.write(new Uint8Array(sizeBytes), 0);
  await world.run(file.flush());
  await world.run(world.files.flushFolder('/systems'));
  await world.run(world.files.flushFolder(FOLDER));
  return file;
}

describe('power loss', () => {
  test('what was flushed is there, whatever came after', async () => {
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 8_192);
      file.write(new Uint8Array(4_096).fill(1), 0);
      await world.run(file.flush());
      file.write(new Uint8Array(4_096).fill(2), 4_096);
      const found = readAll(world.crash('power').files, `${FOLDER}/f`);
      expect(found?.length).toBe(8_192);
      expect(found?.subarray(0, 4_096).every((byte) => byte === 1)).toBe(true);
    }
  });

  test('what was not flushed is there, is not there, or is torn at sectors and nowhere else', async () => {
    const seen = { none: 0, all: 0, torn: 0 };
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 4_096);
      file.write(new Uint8Array(2_000).fill(1), 300);
      const found = readAll(world.crash('power').files, `${FOLDER}/f`) as Uint8Array;
      const sectors = [300, 512, 1_024, 1_536, 2_048].map((at) => found[at]);
      const torn = found
        .subarray(300, 2_300)
        .findIndex((byte, index) => byte !== sectors[Math.floor((index + 300) / 512)]);
      expect(torn).toBe(-1);
      expect(found[299]).toBe(0);
      expect(found[2_300]).toBe(0);
      const kept = sectors.filter((byte) => byte === 1).length;
      seen[kept === 0 ? 'none' : kept === 5 ? 'all' : 'torn'] += 1;
    }
    expect(Math.min(seen.none, seen.all, seen.torn)).toBeGreaterThan(20);
  });

  test('a later write may be there without an earlier one elsewhere, never without the earlier one in its sector', async () => {
    let reordered = 0;
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 4_096);
      file.write(new Uint8Array(10).fill(1), 0);
      file.write(new Uint8Array(10).fill(2), 1_024);
      file.write(new Uint8Array(10).fill(3), 20);
      const found = readAll(world.crash('power').files, `${FOLDER}/f`) as Uint8Array;
      if (found[20] === 3) expect(found[0]).toBe(1);
      if (found[1_024] === 2 && found[0] === 0) reordered += 1;
    }
    expect(reordered).toBeGreaterThan(3);
  });

  test('modes none and all are exact', async () => {
    const world = new World(7);
    const file = await durableFile(world, `${FOLDER}/f`, 512);
    file.write(Uint8Array.of(1), 0);
    world.files.open(`${FOLDER}/new`, 'create').write(Uint8Array.of(5), 0);
    const none = world.crash('power', 'none');
    const all = world.crash('power', 'all');
    expect(readAll(none.files, `${FOLDER}/f`)?.[0]).toBe(0);
    expect(none.files.list(FOLDER)).toEqual(['f']);
    expect(readAll(all.files, `${FOLDER}/f`)?.[0]).toBe(1);
    expect(readAll(all.files, `${FOLDER}/new`)).toEqual(Uint8Array.of(5));
  });

  test('a file that was cut and grew again never shows what was cut', async () => {
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 0);
      file.write(new Uint8Array(2_048).fill(9), 0);
      await world.run(file.flush());
      file.truncate(0);
      file.truncate(2_048);
      const found = readAll(world.crash('power').files, `${FOLDER}/f`) as Uint8Array;
      expect([0, 2_048]).toContain(found.length);
      expect(new Set(found).size).toBeLessThanOrEqual(1);
    }
  });

  test('a flush under way promises nothing, a finished one everything before its call', async () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 512);
      file.write(Uint8Array.of(1), 0);
      void file.flush();
      if (readAll(world.crash('power').files, `${FOLDER}/f`)?.[0] === 0) lost += 1;
    }
    expect(lost).toBeGreaterThan(20);
    expect(lost).toBeLessThan(180);
  });
});

describe('names after power loss', () => {
  test('a new file may vanish until its folder is flushed, its content until it is', async () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const world = new World(seed);
      world.files.makeFolder(FOLDER);
      await world.run(world.files.flushFolder('/systems'));
      const file = world.files.open(`${FOLDER}/f`, 'create');
      file.write(new Uint8Array(512).fill(1), 0);
      if (seed % 2 === 0) await world.run(world.files.flushFolder(FOLDER));
      const found = readAll(world.crash('power').files, `${FOLDER}/f`);
      seen.add(`${seed % 2} ${found?.length ?? 'gone'}`);
    }
    expect([...seen].sort()).toEqual(['0 0', '0 512', '1 0', '1 512', '1 gone']);
  });

  test('a rename is old or new, and new without its content when that was not flushed', async () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const world = new World(seed);
      const old = await durableFile(world, `${FOLDER}/table`, 0);
      old.write(Uint8Array.of(1), 0);
      await world.run(old.flush());
      const file = world.files.open(`${FOLDER}/table.new`, 'create');
      file.write(Uint8Array.of(2), 0);
      if (seed % 2 === 0) await world.run(file.flush());
      world.files.rename(`${FOLDER}/table.new`, `${FOLDER}/table`);
      seen.add(`${seed % 2} ${[...(readAll(world.crash('power').files, `${FOLDER}/table`) ?? ['gone'])].join()}`);
    }
    expect([...seen].sort()).toEqual(['0 1', '0 2', '1 ', '1 0', '1 1', '1 2']);
  });

  test('flushing the folder makes the rename durable', async () => {
    for (const seed of SEEDS) {
      const world = new World(seed);
      await durableFile(world, `${FOLDER}/table`, 10);
      const file = world.files.open(`${FOLDER}/table.new`, 'create');
      await world.run(file.flush());
      world.files.rename(`${FOLDER}/table.new`, `${FOLDER}/table`);
      await world.run(world.files.flushFolder(FOLDER));
      const after = world.crash('power').files;
      expect(after.list(FOLDER)).toEqual(['table']);
      expect(readAll(after, `${FOLDER}/table`)?.length).toBe(0);
    }
  });

  test('a folder whose own name is not durable takes everything in it away', async () => {
    const world = new World(1);
    world.files.makeFolder(`${FOLDER}/deep`);
    const file = world.files.open(`${FOLDER}/deep/f`, 'create');
    await world.run(file.flush());
    await world.run(world.files.flushFolder(`${FOLDER}/deep`));
    expect(world.crash('power', 'none').files.list('/systems')).toEqual([]);
  });

  test('a removed file may come back with what was durable of it', async () => {
    let back = 0;
    for (const seed of SEEDS) {
      const world = new World(seed);
      await durableFile(world, `${FOLDER}/f`, 100);
      world.files.remove(`${FOLDER}/f`);
      if (readAll(world.crash('power').files, `${FOLDER}/f`)?.length === 100) back += 1;
    }
    expect(back).toBeGreaterThan(20);
    expect(back).toBeLessThan(180);
  });
});

describe('kill', () => {
  test('loses nothing, and what was not flushed can still be lost with the power later', async () => {
    let world = new World(3);
    const file = await durableFile(world, `${FOLDER}/f`, 512);
    file.write(Uint8Array.of(1), 0);
    world = world.crash('kill');
    expect(readAll(world.files, `${FOLDER}/f`)?.[0]).toBe(1);
    expect(readAll(world.crash('power', 'none').files, `${FOLDER}/f`)?.[0]).toBe(0);
  });

  test('a bulk write under way is there up to some sector', async () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const world = new World(seed);
      const file = await durableFile(world, `${FOLDER}/f`, 8_192);
      void file.writeBulk(world.files.bulkBuffer(8_192).fill(1), 0);
      const found = readAll(world.crash('kill').files, `${FOLDER}/f`) as Uint8Array;
      const done = found.lastIndexOf(1) + 1;
      expect(done % 512).toBe(0);
      expect(found.subarray(0, done).every((byte) => byte === 1)).toBe(true);
      seen.add(done === 0 ? 'none' : done === 8_192 ? 'all' : 'part');
    }
    expect([...seen].sort()).toEqual(['all', 'none', 'part']);
  });

  test('the flush of a folder keeps its names, whichever other folders are flushed meanwhile', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = new World(seed);
      const { files } = world;
      for (const name of ['/one', '/other']) files.makeFolder(name);
      await world.run(files.flushFolder('/'));
      for (const name of ['/one', '/other']) files.open(`${name}/file`, 'create').close();
      const flushed = [files.flushFolder('/one'), files.flushFolder('/other')];
      await world.run(Promise.all(flushed).then(() => undefined));
      const after = world.crash('power', 'none');
      for (const name of ['/one', '/other']) expect(after.files.list(name)).toEqual(['file']);
    }
  });

  test('one process dies, the others go on', async () => {
    const world = new World(5);
    const other = world.start('other');
    world.files.makeFolder(FOLDER);
    const grant = await world.run(world.owners.acquire(FOLDER, 'main'));
    expect(grant.kind).toBe('granted');
    expect((await world.run(other.owners.acquire(FOLDER, 'other'))).kind).toBe('held');
    const served = new Promise<Channel>((resolve) => void world.link.listen(`${FOLDER}/control.sock`, resolve));
    const channel = await world.run(
      other.link.connect(`${FOLDER}/control.sock`).catch(() => other.link.connect(`${FOLDER}/control.sock`)),
    );
    await world.run(served);
    const closed = new Promise<Error | undefined>((resolve) => channel.onClose(resolve));
    world.process.end();
    expect(await world.run(closed)).toMatchObject({ fault: 'closed' });
    expect(() => world.files.list(FOLDER)).toThrow(WorldStopped);
    expect((await world.run(other.owners.acquire(FOLDER, 'other'))).kind).toBe('granted');
    await expect(world.run(other.link.connect(`${FOLDER}/control.sock`))).rejects.toMatchObject({
      fault: 'no-listener',
    });
  });
});

describe('stopping at a store call', () => {
  async function work(files: Files): Promise<void> {
    files.makeFolder(FOLDER);
    const file = files.open(`${FOLDER}/f`, 'create');
    file.write(new Uint8Array(20_000).fill(1), 0);
    await file.flush();
    files.rename(`${FOLDER}/f`, `${FOLDER}/g`);
    await files.flushFolder(FOLDER);
    files.remove(`${FOLDER}/g`);
  }

  test('every call is a place to stop, and none after it has an effect', async () => {
    const whole = new World(1);
    await whole.run(work(whole.files));
    const { calls } = whole.process;
    expect(calls).toBe(7);
    const kinds: string[] = [];
    for (let stop = 1; stop <= calls; stop += 1) {
      const world = new World(stop);
      world.process.stopAtCall(stop);
      await expect(world.run(work(world.files))).rejects.toBeInstanceOf(WorldStopped);
      expect(world.process.alive).toBe(false);
      expect(world.process.calls).toBe(stop);
      expect(() => world.files.makeFolder('/tmp/x')).toThrow(WorldStopped);
      kinds.push(world.crash('kill').files.status(`${FOLDER}/g`) === undefined ? 'no g' : 'g');
    }
    expect(kinds).toEqual(['no g', 'no g', 'no g', 'no g', 'no g', 'g', 'g']);
  });

  test('a large write that is stopped is there up to some page', async () => {
    const sizes = new Set<number>();
    for (const seed of SEEDS) {
      const world = new World(seed);
      world.process.stopAtCall(3);
      await world.run(work(world.files)).catch(() => {});
      sizes.add(readAll(world.crash('kill').files, `${FOLDER}/f`)?.length ?? -1);
    }
    expect([...sizes].sort((left, right) => left - right)).toEqual([0, 4_096, 8_192, 12_288, 16_384]);
  });

  test('work that swallows errors still ends the run', async () => {
    const world = new World(1);
    world.process.stopAtCall(2);
    const stubborn = async () => {
      for (;;) {
        await work(world.files).catch(() => {});
        await new Promise(() => {});
      }
    };
    await expect(world.run(stubborn())).rejects.toBeInstanceOf(WorldStopped);
  });
});

describe('faults', () => {
  test('the n-th call fails, once or from then on', () => {
    const files = new FaultFiles(new SimFiles(), { call: 'write', nth: 2, fault: 'io' });
    const file = files.open('/tmp/f', 'create');
    file.write(Uint8Array.of(1), 0);
    expect(() => file.write(Uint8Array.of(2), 0)).toThrow(/io/);
    file.write(Uint8Array.of(3), 0);
    expect([files.injected, files.count('write')]).toEqual([1, 3]);
    files.plan({ call: 'write', nth: 1, fault: 'no-space', sticky: true, path: /f$/ });
    for (let round = 0; round < 3; round += 1) expect(() => file.write(Uint8Array.of(4), 0)).toThrow(/no-space/);
    files.clear();
    file.write(Uint8Array.of(5), 0);
  });

  test('a short write leaves a part', () => {
    const files = new FaultFiles(new SimFiles(), { call: 'write', nth: 1, fault: 'short' });
    const file = files.open('/tmp/f', 'create');
    expect(() => file.write(new Uint8Array(100).fill(1), 0)).toThrow(/no-space/);
    expect(file.sizeBytes()).toBe(50);
  });

  test('after a failed flush the next one succeeds without the data', async () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const world = new World(seed);
      await durableFile(world, `${FOLDER}/f`, 1_024);
      const files = new FaultFiles(world.files, { call: 'flush', nth: 1, fault: 'io' });
      const file = files.open(`${FOLDER}/f`, 'write');
      file.write(Uint8Array.of(1), 0);
      await expect(world.run(file.flush())).rejects.toMatchObject({ fault: 'io' });
      file.write(Uint8Array.of(2), 512);
      await world.run(file.flush());
      const found = readAll(world.crash('power').files, `${FOLDER}/f`) as Uint8Array;
      expect(found[512]).toBe(2);
      if (found[0] === 0) lost += 1;
    }
    expect(lost).toBeGreaterThan(50);
    expect(lost).toBeLessThan(150);
  });

  test('a full disk, a read-only one, a file too large', () => {
    const files = new SimFiles();
    const file = files.open('/tmp/f', 'create');
    files.disk.capacityBytes = 16_384;
    expect(() => file.write(new Uint8Array(20_000), 0)).toThrow(/no-space/);
    expect(file.sizeBytes()).toBe(16_384);
    expect(files.freeBytes('/tmp')).toBe(0);
    file.write(new Uint8Array(4_096), 4_096);
    files.remove('/tmp/f');
    expect(files.freeBytes('/tmp')).toBe(16_384);
    files.disk.fileSizeMaxBytes = 1_000;
    const small = files.open('/tmp/g', 'create');
    expect(() => small.write(new Uint8Array(1_001), 0)).toThrow(/too-large/);
    expect(() => small.truncate(1_001)).toThrow(/too-large/);
    files.disk.place = { kind: 'local', type: 'simulated', writable: false };
    expect(() => small.write(Uint8Array.of(1), 0)).toThrow(/read-only/);
    expect(() => files.open('/tmp/h', 'create')).toThrow(/read-only/);
    expect(() => files.makeFolder('/tmp/i')).toThrow(/read-only/);
  });

  test('whoever touches the source of a bulk write is found out', async () => {
    const world = new World(1);
    const file = await durableFile(world, `${FOLDER}/f`, 512);
    const buffer = world.files.bulkBuffer(512);
    const writing = file.writeBulk(buffer, 0);
    buffer[0] = 1;
    await expect(world.run(writing)).rejects.toThrow(/untouched/);
    await expect(world.run(file.writeBulk(new Uint8Array(512), 0))).rejects.toThrow(/bulkBuffer/);
  });
});

describe('the scheduler', () => {
  async function trace(seed: number): Promise<string> {
    const world = new World(seed);
    const file = await durableFile(world, `${FOLDER}/f`, 512);
    const order: string[] = [];
    const worker = async (name: string) => {
      for (let round = 0; round < 3; round += 1) {
        await file.flush();
        order.push(name);
        await world.clock.sleep(world.random.below(3));
        await world.clock.yieldTurn();
      }
    };
    await world.run(Promise.all(['a', 'b', 'c'].map(worker)));
    return order.join('');
  }

  test('one seed, one order; other seeds, other orders', async () => {
    const first = await Promise.all(SEEDS.slice(0, 50).map(trace));
    const second = await Promise.all(SEEDS.slice(0, 50).map(trace));
    expect(second).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(40);
  });

  test('virtual time passes by itself', async () => {
    const world = new World(1);
    const startMs = performance.now();
    await world.run(world.clock.sleep(7 * 24 * 3_600_000));
    expect(world.clock.monotonicMs()).toBe(7 * 24 * 3_600_000);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    world.clock.jump(-3_600_000);
    expect(world.clock.nowMs()).toBe(Date.UTC(2026, 0, 8) - 3_600_000);
  });

  test('waiting for what never comes is told at once', async () => {
    const world = new World(1);
    await expect(world.run(new Promise(() => {}))).rejects.toBeInstanceOf(SimStall);
    world.scheduler.stepsMax = 1_000;
    const circle = async () => {
      for (;;) await world.clock.yieldTurn();
    };
    await expect(world.run(circle())).rejects.toThrow(/no end/);
  });

  test('things happen in the order of their time', async () => {
    const scheduler = new SimScheduler(1);
    const rng = new Rng(2);
    const seen: number[] = [];
    for (let index = 0; index < 500; index += 1) {
      const atMs = rng.below(1_000);
      scheduler.after(undefined, atMs, () => seen.push(atMs));
    }
    await scheduler.advance(2_000);
    expect(seen.length).toBe(500);
    expect(seen).toEqual([...seen].sort((left, right) => left - right));
  });
});

describe('links', () => {
  test('a cut breaks what is open and refuses what is new, until it heals', async () => {
    const world = new World(1);
    const far = world.machine();
    const address = '/systems/b/control.sock';
    await world.run(far.link.listen(address, () => {}));
    const channel = await world.run(world.link.connect(address));
    const closed = new Promise<Error | undefined>((resolve) => channel.onClose(resolve));
    world.network.cut(address);
    expect(await world.run(closed)).toMatchObject({ fault: 'closed' });
    await expect(world.run(world.link.connect(address))).rejects.toMatchObject({ fault: 'no-listener' });
    world.network.heal(address);
    (await world.run(world.link.connect(address))).close();
  });

  test('after a cut the other end has a prefix of what was sent', async () => {
    const lengths = new Set<number>();
    for (const seed of SEEDS) {
      const world = new World(seed);
      const far = world.start('far');
      const got: unknown[] = [];
      let end: () => void = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      await world.run(
        far.link.listen('/x', (channel) => {
          channel.onMessage((message) => got.push(message.head));
          channel.onClose(end);
        }),
      );
      const channel = await world.run(world.link.connect('/x'));
      await world.run(world.clock.yieldTurn());
      for (let index = 0; index < 5; index += 1) void channel.send({ head: index });
      await world.run(world.clock.sleep(0.3));
      world.process.end();
      await world.run(ended);
      expect(got).toEqual([0, 1, 2, 3, 4].slice(0, got.length));
      lengths.add(got.length);
    }
    expect(lengths.size).toBeGreaterThan(3);
  });
});

test('a machine that loses its power leaves the other one running', async () => {
  const near = new World(1);
  const far = near.machine();
  far.files.makeFolder('/systems/far');
  near.files.makeFolder('/systems/near');
  const again = near.crash('power', 'none');
  expect(again.files.list('/systems')).toEqual([]);
  expect(far.files.list('/systems')).toEqual(['far']);
  expect(again.incarnation).toBe(2);
  await again.run(again.clock.sleep(1));
});

test('a failure names its seed and the command that repeats it', async () => {
  expect(describeFailure(42, 'npm run simulate -- --seed SEED')).toBe(
    'seed 42; to repeat it: npm run simulate -- --seed 42',
  );
  await expect(
    withSeed(7, 'x SEED', () => {
      throw new Error('bits differ');
    }),
  ).rejects.toThrow('bits differ\nseed 7; to repeat it: x 7');
});

test('a kill leaves the boot, a loss of power gives another, and every look at the clock is later', () => {
  const world = new World(1);
  const killed = world.crash('kill');
  const rebooted = killed.crash('power');
  expect([killed.bootId, killed.clock.bootId()]).toEqual([world.bootId, world.bootId]);
  expect(rebooted.clock.bootId()).not.toBe(world.bootId);
  expect(world.machine().clock.bootId()).not.toBe(rebooted.clock.bootId());
  const looks = [world.clock, killed.start('other').clock, rebooted.clock].map((clock) => clock.sequenceNs());
  expect(looks).toEqual([...new Set(looks)].sort((a, b) => (a < b ? -1 : 1)));
});
