import { describe, expect, it } from 'vitest';
import { StreamDesk } from '../simulation/system/stream-desk.js';
import { codeOf } from './stage.js';

async function cut(desk: StreamDesk): Promise<void> {
  await desk.master.ask('fault.set', { kind: 'link-down', peer: desk.other.place.name });
  await desk.other.ask('fault.set', { kind: 'link-down', peer: desk.master.place.name });
}

async function heal(desk: StreamDesk): Promise<void> {
  for (const site of desk.secondaries) await site.ask('fault.clear', {});
}

describe('secondaries that cannot reach each other', () => {
  it('H22: show nothing new: nobody is left out for being unreachable', async () => {
    const desk = await StreamDesk.ready(1);
    for (const feed of desk.feeds) feed.write(0, 2);
    await cut(desk);
    await desk.checkpoint();
    expect(await desk.apply()).toMatchObject({ to: 1 });
    expect(await codeOf(desk.other.ask('session.apply', { session: 'j' }))).toBe('not-master');
    expect(await desk.first()).toEqual([1, 1]);
    await heal(desk);
    await desk.apply();
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('H22: go by no order of a master that was resigned', async () => {
    const desk = await StreamDesk.ready(2);
    const before = await desk.table(desk.master);
    const gone = desk.master === desk.secondaries[0] ? desk.sites[0] : desk.sites[1];
    for (const feed of desk.feeds) feed.write(0, 2);
    const second = await desk.checkpoint();
    await cut(desk);
    await desk.other.ask('session.resign', { session: 'j', system: gone.ref });
    const order = { session: desk.id, term: 1, tableTerm: before.tableTerm, checkpoint: second };
    expect(await codeOf(desk.other.ask('session.release', order))).toBe('term-superseded');
    expect(await desk.other.ask('session.apply', { session: 'j' })).toMatchObject({ to: 2 });
    // The former one hears of it with its next question, and orders nothing.
    await heal(desk);
    expect(await codeOf(desk.master.ask('session.apply', { session: 'j' }))).toBe('not-master');
    expect((await desk.master.read('db', 1))[0]).toBe(1);
  });

  it('H22: do not take one checkpoint for another of the same number', async () => {
    const desk = await StreamDesk.ready(3);
    const [near, far] = desk.feeds;
    const second = desk.issue();
    const another = { ...second, time: desk.tick().toString() };
    near?.place(second);
    far?.place(another);
    for (const feed of desk.feeds) await feed.send();
    expect(await desk.apply()).toMatchObject({ to: 1 });
  });

  it('H22: a new master first finishes what the former one had released', async () => {
    const desk = await StreamDesk.ready(4);
    for (const feed of desk.feeds) feed.write(0, 2);
    await desk.checkpoint();
    const gone = desk.master === desk.secondaries[0] ? desk.sites[0] : desk.sites[1];
    // Both have the order; the master dies before it resets.
    await desk.master.ask('fault.set', { kind: 'crash', step: 'session.resetting' });
    await desk.apply().catch(() => undefined);
    expect(await codeOf(desk.other.read('db', 1))).toBe('not-readable');
    await desk.other.ask('session.resign', { session: 'j', system: gone.ref });
    await desk.other.ask('session.apply', { session: 'j' });
    expect((await desk.other.read('db', 1))[0]).toBe(2);
  });
});
