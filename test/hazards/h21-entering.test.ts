import { describe, expect, it } from 'vitest';
import { StreamDesk } from '../simulation/system/stream-desk.js';
import { codeOf } from './stage.js';

describe('a system that comes to a session', () => {
  it('H21: counts for nothing before its base is whole, and the others go on without it', async () => {
    const desk = await StreamDesk.create(1);
    const first = desk.feed(desk.master);
    const late = desk.feed(desk.other);
    first.write(0, 1);
    first.enter();
    late.write(0, 1);
    await desk.checkpoint();
    await desk.apply();
    expect(await desk.master.read('db', 1)).toEqual([1]);
    expect(await codeOf(desk.other.read('db', 1))).toBe('not-readable');
    expect((await desk.table(desk.master)).table.map(({ enteredAt }) => enteredAt).sort()).toEqual([1, null]);
  });

  it('H21: counts from the first checkpoint behind its base, which nobody shows without it', async () => {
    const desk = await StreamDesk.create(2);
    const first = desk.feed(desk.master);
    const late = desk.feed(desk.other);
    first.write(0, 1);
    first.enter();
    await desk.checkpoint();
    await desk.apply();
    first.write(0, 2);
    late.write(0, 2);
    late.enter();
    const second = desk.issue();
    late.place(second);
    await late.send();
    await desk.apply();
    // It has entered: the third is not shown by the first alone.
    first.place(second);
    first.write(0, 3);
    first.place(desk.issue());
    await first.send();
    await desk.apply();
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('H21: has entered durably: a loss of power right after takes nothing of it back', async () => {
    const desk = await StreamDesk.ready(3);
    for (const site of desk.secondaries) await desk.afterPowerLoss(site);
    const { table } = await desk.table(desk.master);
    expect(table.map(({ enteredAt }) => enteredAt)).toEqual([1, 1]);
    expect(await desk.first()).toEqual([1, 1]);
  });

  it('H21: is not shown at a checkpoint whose time lies before its base was whole', async () => {
    const desk = await StreamDesk.ready(4);
    const away = desk.feed(desk.other);
    away.leave();
    await away.withdraw();
    const second = desk.issue();
    away.write(0, 2);
    away.enter();
    for (const feed of desk.feeds) feed.place(second);
    for (const feed of desk.feeds) await feed.send();
    expect(await desk.apply()).toMatchObject({ to: 1 });
    await desk.checkpoint();
    expect(await desk.apply()).toMatchObject({ to: 3 });
    expect((await desk.other.read('db', 1))[0]).toBe(2);
  });
});
