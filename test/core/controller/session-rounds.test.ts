import { describe, expect, it } from 'vitest';
import { StreamDesk } from '../../simulation/system/stream-desk.js';
import { codeOf } from './desk.js';

describe('the secondaries of a session', () => {
  it('tell what was applied at all of them together, once, whichever was asked before', async () => {
    const desk = await StreamDesk.ready(7);
    const [near, far] = desk.feeds;
    near?.write(0, 2);
    for (const track of [0, 1, 2]) far?.write(track, 2);
    await desk.checkpoint();
    expect(await desk.apply()).toMatchObject({ from: 1, to: 2, records: 4, bytes: 16_384 });
    expect(await desk.apply()).toMatchObject({ from: 2, to: 2, records: 0, bytes: 0 });
  });

  it('end no update by the order of an earlier one, and open none that is over', async () => {
    const desk = await StreamDesk.ready(8);
    const { tableTerm, applied: first } = await desk.table(desk.other);
    if (!first) throw new Error('nothing was applied');
    for (const feed of desk.feeds) feed.write(0, 2);
    const second = await desk.checkpoint();
    const order = { session: desk.id, term: 1, tableTerm };
    await desk.other.ask('session.release', { ...order, checkpoint: second });
    await desk.world.run(desk.world.clock.sleep(1_000));
    await desk.other.ask('session.reset', { ...order, checkpoint: first });
    expect(await desk.table(desk.other)).toMatchObject({ releasing: { number: 2 }, applied: { number: 2 } });
    await desk.apply();
    await desk.other.ask('session.release', { ...order, checkpoint: second });
    expect(await desk.table(desk.other)).toMatchObject({ releasing: null, resetTo: 2 });
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('show nothing before the first checkpoint that both hold, and then that one', async () => {
    const desk = await StreamDesk.create(1);
    for (const feed of desk.feeds) {
      feed.write(0, 1);
      feed.enter();
    }
    for (const feed of desk.feeds) await feed.send();
    expect(await codeOf(desk.first())).toBe('not-readable');
    await desk.checkpoint();
    expect(await codeOf(desk.first())).toBe('not-readable');
    expect(await desk.apply()).toEqual({ session: 'j', from: null, to: 1, records: 2, bytes: 8192 });
    expect(await desk.first()).toEqual([1, 1]);
  });

  it('apply only what one checkpoint says, whatever came behind it', async () => {
    const desk = await StreamDesk.ready(2);
    for (const feed of desk.feeds) feed.write(0, 2);
    await desk.checkpoint();
    for (const feed of desk.feeds) feed.write(0, 3);
    for (const feed of desk.feeds) await feed.send();
    await desk.apply();
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('leave out records that stand before a checkpoint and are later than it', async () => {
    const desk = await StreamDesk.ready(3);
    for (const feed of desk.feeds) feed.write(0, 2);
    const checkpoint = desk.issue();
    for (const feed of desk.feeds) feed.write(0, 3);
    for (const feed of desk.feeds) feed.place(checkpoint);
    for (const feed of desk.feeds) await feed.send();
    await desk.apply();
    expect(await desk.first()).toEqual([2, 2]);
    await desk.checkpoint();
    await desk.apply();
    expect(await desk.first()).toEqual([3, 3]);
  });

  it('stay where they are while one of them lacks what the other holds', async () => {
    const desk = await StreamDesk.ready(4);
    const [near, far] = desk.feeds;
    near?.write(0, 2);
    far?.write(0, 2);
    const checkpoint = desk.issue();
    near?.place(checkpoint);
    await near?.send();
    expect(await desk.apply()).toMatchObject({ from: 1, to: 1 });
    expect(await desk.first()).toEqual([1, 1]);
    far?.place(checkpoint);
    await far?.send();
    expect(await desk.apply()).toMatchObject({ from: 1, to: 2 });
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('are brought to an earlier one that is named, and on from there', async () => {
    const desk = await StreamDesk.ready(5);
    for (const value of [2, 3, 4]) {
      for (const feed of desk.feeds) feed.write(0, value);
      await desk.checkpoint();
    }
    await desk.apply(3);
    expect(await desk.first()).toEqual([3, 3]);
    expect(await codeOf(desk.apply(2))).toBe('session-refuses');
    await desk.apply();
    expect(await desk.first()).toEqual([4, 4]);
  });

  it('go on after one was resigned, which comes back where the others are', async () => {
    const desk = await StreamDesk.ready(6);
    const [tokyo, kyoto] = desk.sites;
    const left = desk.master === desk.secondaries[0] ? kyoto : tokyo;
    const [stays, goes] = left === kyoto ? [desk.feeds[0], desk.feeds[1]] : [desk.feeds[1], desk.feeds[0]];
    stays?.write(0, 2);
    goes?.write(0, 2);
    const second = desk.issue();
    stays?.place(second);
    await stays?.send();
    expect(await desk.apply()).toMatchObject({ to: 1 });
    await desk.master.ask('session.resign', { session: 'j', system: left.ref });
    expect(await desk.apply()).toMatchObject({ to: 2 });
    goes?.place(second);
    await goes?.send();
    expect((await desk.other.read('db', 1))[0]).toBe(1);
    await desk.master.ask('session.join', { session: 'j', system: left.ref });
    await desk.apply();
    await desk.checkpoint();
    await desk.apply();
    expect(await desk.first()).toEqual([2, 2]);
  });
});
