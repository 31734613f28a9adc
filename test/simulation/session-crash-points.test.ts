import { describe, expect, it } from 'vitest';
import type { SimSite } from './system/sim-sites.js';
import { StreamDesk } from './system/stream-desk.js';

const STEPS = [
  'session.decided',
  'session.released',
  'session.flushed',
  'session.applied',
  'session.resetting',
  'session.reset',
] as const;

/** Both hold checkpoint 2, with a write to two tracks before it and another behind it. */
async function held(seed: number): Promise<StreamDesk> {
  const desk = await StreamDesk.ready(seed);
  for (const feed of desk.feeds) {
    feed.write(0, 2);
    feed.write(1, 2);
  }
  await desk.checkpoint();
  for (const feed of desk.feeds) {
    feed.write(0, 3);
    await feed.send();
  }
  return desk;
}

async function restart(desk: StreamDesk, site: SimSite, kind: 'kill' | 'power'): Promise<void> {
  if (kind === 'power') site.losePower('random');
  await desk.restart(site);
}

describe.each(['kill', 'power'] as const)('a secondary that ends by %s', (kind) => {
  it.each(STEPS)(
    'at %s shows the old checkpoint or the new one, and in the end both show the new one',
    async (step) => {
      for (const who of ['master', 'other'] as const) {
        const desk = await held(1);
        const site = desk[who];
        await site.ask('fault.set', { kind: 'crash', step });
        await desk.apply().catch(() => undefined);
        // A step that the master alone takes.
        if (site.process.process.alive) continue;
        await restart(desk, site, kind);
        // A master that looked after the dead one's system itself has met the same fault.
        if (!desk.master.process.process.alive) await desk.restart(desk.master);
        for (const one of desk.secondaries) {
          const shown = await one.read('db', 2).catch(() => undefined);
          expect([undefined, '1,0', '2,2']).toContain(shown?.join());
        }
        await desk.apply();
        for (const one of desk.secondaries) expect(await one.read('db', 2)).toEqual([2, 2]);
      }
    },
  );

  it('in the middle of applying has it whole before anybody reads', async () => {
    const desk = await held(2);
    await desk.other.ask('fault.set', { kind: 'crash', step: 'session.flushed' });
    await desk.apply().catch(() => undefined);
    await restart(desk, desk.other, kind);
    // Nobody but its own controller was there.
    expect((await desk.table(desk.other)).applied?.number).toBe(2);
  });

  it.each(['stream.received', 'stream.appended'])(
    'at %s has all that it answered for, and goes on from there',
    async (step) => {
      const desk = await StreamDesk.ready(3);
      const feed = desk.feed(desk.other);
      feed.write(0, 2);
      await feed.send();
      feed.write(0, 3);
      await desk.other.ask('fault.set', { kind: 'crash', step });
      await feed.send().catch(() => undefined);
      await restart(desk, desk.other, kind);
      await desk.checkpoint();
      await desk.apply();
      expect((await desk.other.read('db', 1))[0]).toBe(3);
    },
  );
});
