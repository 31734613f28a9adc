import { describe, expect, it } from 'vitest';
import { StreamDesk } from '../simulation/system/stream-desk.js';
import { codeOf } from './stage.js';

function recover(desk: StreamDesk, more: { plan?: boolean; to?: number } = {}) {
  const to = more.to === undefined ? undefined : ({ by: 'number', number: more.to } as const);
  const at = desk.secondaries.map((site) => site.ref);
  return desk.other.ask('session.recover', { session: 'j', at, plan: more.plan, to });
}

/** Both hold checkpoints 2 and 3, and a write behind them. The primaries are gone. */
async function lost(seed: number, backup = false): Promise<StreamDesk> {
  const desk = await StreamDesk.ready(seed, 'clock', backup);
  for (const value of [2, 3]) {
    for (const feed of desk.feeds) feed.write(0, value);
    await desk.checkpoint();
  }
  for (const feed of desk.feeds) {
    feed.write(0, 4);
    await feed.send();
  }
  for (const site of desk.sites.slice(0, 2)) site.kill();
  return desk;
}

describe('the secondaries of a session whose primaries are gone', () => {
  it('H25: are brought to the last checkpoint that all hold and become primaries, with nobody else there', async () => {
    const desk = await lost(1);
    const answer = await recover(desk);
    expect(answer).toMatchObject({ case: 'apply', number: 3, term: 2, dropped: { checkpoints: 0, records: 2 } });
    expect(await desk.first()).toEqual([3, 3]);
    for (const site of desk.secondaries) await site.write('db', 0, 9);
    expect(await desk.first()).toEqual([9, 9]);
  });

  it('H25: say by --plan what would come of it, and change nothing', async () => {
    const desk = await lost(2);
    expect(await recover(desk, { plan: true })).toMatchObject({ case: 'apply', number: 3, term: 1 });
    expect(await desk.first()).toEqual([1, 1]);
    expect(await codeOf(desk.master.write('db', 0, 9))).toBe('not-writable');
  });

  it('H25: are brought to an earlier one that is named, but to none that not all can show', async () => {
    const desk = await lost(3);
    expect(await codeOf(recover(desk, { to: 4 }))).toBe('no-checkpoint');
    expect(await recover(desk, { to: 2 })).toMatchObject({ number: 2, dropped: { checkpoints: 1, records: 4 } });
    expect(await desk.first()).toEqual([2, 2]);
  });

  it('H25: take no record of their former primaries any more, however late it comes', async () => {
    const desk = await lost(4);
    await recover(desk);
    const feed = desk.feed(desk.other);
    feed.write(0, 8);
    expect(await codeOf(feed.send())).toBe('term-superseded');
  });

  it('H25: are recovered once, however often it is asked for', async () => {
    const desk = await lost(5);
    await recover(desk);
    for (const site of desk.secondaries) await site.write('db', 0, 9);
    expect(await recover(desk)).toMatchObject({ number: 3, term: 2 });
    expect(await desk.first()).toEqual([9, 9]);
  });

  it('H25: none of them is made a primary by itself, but by force; the others go on without it', async () => {
    const desk = await lost(7);
    const site = desk.other;
    expect(await codeOf(site.ask('pair.takeover', { volumes: ['db'] }))).toBe('session-refuses');
    expect(await codeOf(site.write('db', 0, 9))).toBe('not-writable');
    await site.ask('pair.takeover', { volumes: ['db'], force: true });
    await site.write('db', 0, 9);
    await desk.apply();
    expect((await desk.master.read('db', 1))[0]).toBe(3);
    expect((await site.read('db', 1))[0]).toBe(9);
  });

  it('H25: none of them may be left out in silence', async () => {
    const desk = await lost(6);
    const at = [desk.other.ref];
    expect(await codeOf(desk.other.ask('session.recover', { session: 'j', at }))).toBe('peer-missing');
  });

  it.each([
    'session.fenced',
    'recovery.fenced',
    'session.judged',
    'recovery.judged',
    'session.flushed',
    'session.applied',
    'session.settled',
    'half.taken-over',
    'session.carried',
  ])('H25: killed at %s, it goes on and ends the same', async (step) => {
    for (const power of [false, true]) {
      const desk = await lost(7);
      await desk.other.ask('fault.set', { kind: 'crash', step });
      await recover(desk).catch(() => undefined);
      expect(desk.other.process.process.alive).toBe(false);
      if (power) desk.other.losePower();
      await desk.restart(desk.other);
      expect(await recover(desk)).toMatchObject({ number: 3 });
      expect(await desk.first()).toEqual([3, 3]);
      await desk.other.write('db', 0, 9);
    }
  });

  it('H25: finish what was released to them first, and then go on to the last that all hold', async () => {
    const desk = await lost(10);
    await desk.master.ask('fault.set', { kind: 'crash', step: 'session.decided' });
    await desk.apply(2).catch(() => undefined);
    expect(desk.master.process.process.alive).toBe(false);
    await desk.restart(desk.master);
    expect(await recover(desk)).toMatchObject({ case: 'apply', number: 3 });
    expect(await desk.first()).toEqual([3, 3]);
  });

  it('H25: to which differences were coming back go back to their backups', async () => {
    const desk = await StreamDesk.ready(8, 'clock', true);
    const away = desk.feed(desk.other);
    away.leave();
    await away.withdraw();
    // What is copied directly makes a mix of it; the backup keeps what it showed.
    const answer = await recover(desk);
    expect(answer).toMatchObject({ case: 'restore', number: 1 });
    expect(await desk.first()).toEqual([1, 1]);
    await desk.other.write('db', 0, 9);
  });

  it('H25: that are a mix without a backup are not made primaries', async () => {
    const desk = await StreamDesk.ready(9);
    const away = desk.feed(desk.other);
    away.leave();
    await away.withdraw();
    expect(await recover(desk)).toMatchObject({ case: 'mixed', number: null });
    expect(await codeOf(desk.other.write('db', 0, 9))).toBe('not-writable');
  });
});
