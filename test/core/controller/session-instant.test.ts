import { describe, expect, it } from 'vitest';
import type { SimSite } from '../../simulation/system/sim-sites.js';
import { TRACK } from '../../simulation/system/sim-system.js';
import { StreamDesk, TRACKS } from '../../simulation/system/stream-desk.js';
import { codeOf } from './desk.js';

/** Both hold checkpoint 2: three tracks whole, one in parts that overlap; and records behind it. */
async function held(seed: number, backup = false): Promise<StreamDesk> {
  const desk = await StreamDesk.ready(seed, 'clock', backup);
  for (const feed of desk.feeds) {
    for (const track of [0, 1, 2]) feed.write(track, 2);
    for (const value of [3, 4, 5]) feed.append(part(feed.pair, value));
    feed.write(1, 6);
  }
  await desk.checkpoint();
  for (const feed of desk.feeds) {
    feed.write(0, 9);
    feed.append(part(feed.pair, 9));
    await feed.send();
  }
  return desk;
}

function part(pair: string, value: number) {
  const data = new Uint8Array(TRACK).fill(value);
  return { kind: 'write', pair, offset: 2 * TRACK + value * 100, data } as const;
}

const BEFORE = [1, 0, 0, 0];
const AFTER = [2, 6, 2, 5];

async function bytesOf(site: SimSite): Promise<Uint8Array> {
  const input = { volume: 'db', offsetBytes: 0, lengthBytes: TRACKS * TRACK };
  return (await site.world.run(site.client.request('volume.read', input))).data ?? new Uint8Array(0);
}

/** What a secondary shows once the same records were applied in the ordinary way. */
async function expected(seed: number): Promise<Uint8Array> {
  const desk = await held(seed);
  await desk.apply();
  return bytesOf(desk.other);
}

/** Its image takes nothing, so that what is shown is in the journal alone. */
async function stuck(site: SimSite): Promise<void> {
  await site.ask('fault.set', { kind: 'io-error', volume: 'db', on: 'write' });
}

async function isWhole(site: SimSite): Promise<boolean | undefined> {
  const { volumes } = await site.ask('volume.list', {});
  return volumes.find(({ name }) => name === 'db')?.imageComplete;
}

async function shownAhead(desk: StreamDesk, site: SimSite): Promise<number | undefined> {
  return (await desk.table(site)).streams[0]?.shownSequence;
}

describe('a checkpoint that is shown at once', () => {
  it('is read before any of its records is in the image, byte for byte', async () => {
    const desk = await held(1);
    for (const site of desk.secondaries) await stuck(site);
    expect(await desk.apply(undefined, true)).toMatchObject({ from: 1, to: 2, records: 14 });
    for (const site of desk.secondaries) {
      expect(await bytesOf(site)).toEqual(await expected(1));
      expect(await isWhole(site)).toBe(false);
      expect(await codeOf(site.ask('volume.path', { volume: 'db' }))).toBe('not-alone');
    }
  });

  it('is in the images soon, and the journal is let go of', async () => {
    const desk = await held(2);
    await desk.apply(undefined, true);
    await desk.world.run(desk.world.clock.sleep(1_000));
    for (const site of desk.secondaries) {
      expect(await isWhole(site)).toBe(true);
      expect(await shownAhead(desk, site)).toBeUndefined();
      expect(await bytesOf(site)).toEqual(await expected(2));
    }
  });

  it('is followed by the next one, however far its records are', async () => {
    const desk = await held(3);
    for (const site of desk.secondaries) await stuck(site);
    await desk.apply(undefined, true);
    for (const feed of desk.feeds) feed.write(3, 7);
    await desk.checkpoint();
    await desk.apply();
    for (const site of desk.secondaries) expect(await site.read('db', TRACKS)).toEqual([9, 6, 2, 7]);
    for (const site of desk.secondaries) await site.ask('fault.clear', {});
    for (const feed of desk.feeds) feed.write(3, 8);
    await desk.checkpoint();
    await desk.apply();
    await desk.world.run(desk.world.clock.sleep(1_000));
    for (const site of desk.secondaries) {
      expect(await isWhole(site)).toBe(true);
      expect(await site.read('db', TRACKS)).toEqual([9, 6, 2, 8]);
    }
  });

  it('is shown although it was being applied, by what is left of it', async () => {
    const desk = await held(4);
    for (const site of desk.secondaries) await stuck(site);
    expect(await desk.apply()).toMatchObject({ to: 1 });
    expect(await codeOf(desk.first())).toBe('not-readable');
    expect(await desk.apply(undefined, true)).toMatchObject({ to: 2 });
    for (const site of desk.secondaries) expect(await bytesOf(site)).toEqual(await expected(4));
  });

  it('is applied in the ordinary way where another pair of the secondary would see it change at one instant', async () => {
    const desk = await held(5);
    await desk.other.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'kept', split: true, virtual: true }] });
    await desk.apply(undefined, true);
    expect(await isWhole(desk.other)).toBe(true);
    expect(await desk.other.read('db', TRACKS)).toEqual(AFTER);
    expect(await desk.other.read('kept', TRACKS)).toEqual(BEFORE);
  });

  it('is in the image before differences are copied straight into it, and kept on its backup', async () => {
    const desk = await held(6, true);
    await desk.apply(undefined, true);
    expect(await desk.feed(desk.other).withdraw()).toEqual({ recoverable: true });
    expect(await shownAhead(desk, desk.other)).toBeUndefined();
    expect(await desk.other.read('kept', TRACKS)).toEqual(AFTER);
  });

  it('is in the images before they are made primaries, so that what hosts write is not hidden', async () => {
    const desk = await held(7);
    await desk.apply(undefined, true);
    for (const site of desk.sites.slice(0, 2)) site.kill();
    await desk.other.ask('session.recover', { session: 'j', at: desk.secondaries.map((site) => site.ref) });
    for (const site of desk.secondaries) {
      await site.write('db', 1, 99);
      expect(await site.read('db', TRACKS)).toEqual([2, 99, 2, 5]);
      expect(await isWhole(site)).toBe(true);
    }
  });

  it('is given up with its pair by force alone where its image cannot take it, and the volume then lacks tracks', async () => {
    const desk = await held(10);
    const site = desk.other;
    await stuck(site);
    await desk.apply(undefined, true);
    const primary = desk.sites[desk.secondaries.indexOf(site)]?.place.name;
    const selector = { primary: 'db', secondary: 'db', primarySystem: primary };
    expect(await codeOf(site.ask('pair.delete', { pairs: [selector] }))).toBe('force-needed');
    await site.ask('pair.delete', { pairs: [selector], force: true });
    expect(await codeOf(site.read('db', 1))).toBe('incomplete');
  });

  it('cannot be read where its journal is gone, until its records have come again', async () => {
    const desk = await held(8);
    const site = desk.other;
    await stuck(site);
    await desk.apply(undefined, true);
    site.kill();
    const { files } = desk.world;
    const folder = `${site.place.path}/journals/${desk.id}-${desk.sites[desk.secondaries.indexOf(site)]?.ref.id}/receive`;
    for (const name of files.list(folder)) files.remove(`${folder}/${name}`);
    await desk.restart(site);
    expect(await codeOf(site.read('db', 1))).toBe('not-readable');
    await desk.feed(site).sendAgain();
    expect(await bytesOf(site)).toEqual(await expected(8));
    await desk.world.run(desk.world.clock.sleep(1_000));
    expect(await isWhole(site)).toBe(true);
    expect(await bytesOf(site)).toEqual(await expected(8));
  });
});

describe.each(['kill', 'power'] as const)('a secondary that ends by %s', (kind) => {
  it.each(['session.shown', 'session.folding', 'session.flushed', 'session.folded', 'region.activated'])(
    'at %s shows the old checkpoint or the new one, never a part of it, and has it in its image in the end',
    async (step) => {
      for (const nth of [1, 2]) {
        const desk = await held(9);
        const whole = await expected(9);
        const site = desk.other;
        await site.ask('fault.set', { kind: 'crash', step, nth });
        await desk.apply(undefined, true).catch(() => undefined);
        await desk.world.run(desk.world.clock.sleep(1_000));
        if (site.process.process.alive) continue;
        if (kind === 'power') site.losePower('random');
        await desk.restart(site);
        // Whoever opened its system in its place met the same fault.
        if (!desk.master.process.process.alive) await desk.restart(desk.master);
        const shown = await site.read('db', TRACKS).catch(() => undefined);
        expect([undefined, BEFORE.join(), AFTER.join()]).toContain(shown?.join());
        await desk.apply();
        expect(await bytesOf(site)).toEqual(whole);
        await desk.world.run(desk.world.clock.sleep(1_000));
        expect(await isWhole(site)).toBe(true);
        expect(await bytesOf(site)).toEqual(whole);
      }
    },
  );
});
