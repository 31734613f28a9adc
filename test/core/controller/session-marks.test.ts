import { describe, expect, it } from 'vitest';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';

/** The second subsystem's pair is away from its stream when the mark is made, and comes back behind it. */
async function markedWithOneAway(seed: number): Promise<{ session: SimSession; mark: string }> {
  const session = await SimSession.ready(seed);
  await session.write(1, 2);
  await session.write(2, 3);
  const pairs = [{ primary: 'db' }];
  await session.ask('p2', 'pair.suspend', { pairs });
  const { mark } = await session.mark();
  await session.ask('p2', 'pair.resync', { pairs, discard: true });
  await session.follows();
  return { session, mark };
}

describe('a mark where checkpoints are issued by hand alone', () => {
  it('that one stream could not take whole is shown by all at the end, as who waits learns', async () => {
    const { session, mark } = await markedWithOneAway(1);
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    const answer = await session.ask(await session.master(), 'session.wait', input);
    expect(answer.verdict).toBe('applied');
    expect(await session.shown()).toEqual([2, 3]);
  });

  it('that one stream could not take whole is followed by another by itself where its systems are served', async () => {
    const { session } = await markedWithOneAway(2);
    for (const number of session.numbers) session.keep(`p${number}`);
    for (const name of session.secondaries) session.keep(name);
    const before = await session.mark();
    await session.pass(5_000);
    expect(await session.shown()).toEqual([2, 3]);
    const { sheets } = await session.ask(session.issuer, 'session.list', {});
    // With everything whole nothing more is issued.
    const issued = sheets[0]?.primary?.issued?.number ?? 0;
    await session.pass(5_000);
    const later = await session.ask(session.issuer, 'session.list', {});
    expect(later.sheets[0]?.primary?.issued?.number).toBe(issued);
    expect(issued).toBeGreaterThanOrEqual(before.number);
  });

  it('that waits for nothing is applied at the first, with none issued behind it', async () => {
    const session = await SimSession.ready(3);
    await session.write(1, 2);
    const { mark, number } = await session.mark();
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    expect((await session.ask(await session.master(), 'session.wait', input)).verdict).toBe('applied');
    const { sheets } = await session.ask(session.issuer, 'session.list', {});
    expect(sheets[0]?.primary?.issued?.number).toBe(number);
  });
});

describe('a mark made in the instant in which a pair comes to follow again', () => {
  it.each([1, 2])(
    'is applied, for the pair of subsystem %i follows; its secondary hears of it later',
    async (number) => {
      const session = await SimSession.ready(4);
      const pairs = [{ primary: 'db' }];
      const name = `p${number}`;
      await session.ask(name, 'pair.suspend', { pairs });
      await session.write(1, 2);
      await session.write(2, 3);
      await session.ask(name, 'fault.set', { kind: 'link-slow', peer: `s${number}`, delayMs: 200 });
      await session.ask(name, 'pair.resync', { pairs, discard: true });
      const status = async (at: string) => (await session.ask(at, 'pair.list', {})).pairs[0]?.status;
      await session.until(async () => (await status(name)) === 'duplex');
      expect(await status(`s${number}`)).toBe('resync');
      const { mark } = await session.mark();
      const input = { session: SESSION, mark, timeoutMs: 60_000 };
      const { applied, verdict } = await session.ask(await session.master(), 'session.wait', input);
      // By this very mark, which is whole, and not by a later one.
      expect([verdict, `1.${applied}`]).toEqual(['applied', mark]);
      expect(await session.shown()).toEqual([2, 3]);
    },
  );

  it('is applied, by a later one at the worst, where the session was started again just before', async () => {
    const session = await SimSession.ready(5);
    await session.ask('p1', 'session.stop', { session: SESSION });
    await session.write(1, 2);
    await session.write(2, 3);
    await session.ask('p1', 'session.start', { session: SESSION });
    // They never ceased to follow; their writes become records in a moment.
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([2, 3]);
  });

  it('says degraded while a pair tracks, also where its primary cannot be asked', async () => {
    const session = await SimSession.ready(1);
    await session.ask('p2', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    await session.write(2, 3);
    expect(await session.show()).toBe('degraded');
    const { mark } = await session.mark();
    session.kill('p2');
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    expect((await session.ask(await session.master(), 'session.wait', input)).verdict).toBe('degraded');
  });
});

describe('a mark that its session was stopped before', () => {
  it('is not waited for: what was not sent comes with another run', async () => {
    const session = await SimSession.ready(6);
    // Nothing of it leaves p2.
    await session.ask('p2', 'fault.set', { kind: 'link-down', peer: 's2' });
    await session.write(2, 3);
    const { mark } = await session.mark();
    await session.ask('p1', 'session.stop', { session: SESSION });
    await session.ask('p2', 'fault.clear', {});
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    const startedMs = session.world.scheduler.nowMs;
    const answer = await session.ask(await session.master(), 'session.wait', input);
    expect(answer).toMatchObject({ verdict: 'degraded', reason: expect.stringContaining('stopped') as string });
    expect(session.world.scheduler.nowMs - startedMs).toBeLessThan(5_000);
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    expect((await session.ask(await session.master(), 'session.wait', input)).verdict).toBe('other-run');
  });

  it('is not waited for where no stream ever had it, nor by who only looks', async () => {
    const session = await SimSession.ready(7, { subsystems: 1 });
    await session.ask('p1', 'fault.set', { kind: 'link-down', peer: 's1' });
    await session.write(1, 3);
    const { mark } = await session.mark();
    await session.ask('p1', 'session.stop', { session: SESSION });
    await session.ask('p1', 'fault.clear', {});
    for (const timeoutMs of [0, 60_000]) {
      const input = { session: SESSION, mark, timeoutMs };
      expect((await session.ask('s1', 'session.wait', input)).verdict).toBe('degraded');
    }
  });

  it('is applied all the same where every secondary holds it', async () => {
    const session = await SimSession.ready(8);
    await session.write(1, 2);
    await session.write(2, 3);
    const { mark } = await session.mark();
    await session.pass(2_000);
    // Else differences would come straight after the stop, and what is held would count no more.
    for (const number of session.numbers)
      await session.ask(`p${number}`, 'fault.set', { kind: 'link-down', peer: `s${number}` });
    await session.ask('p1', 'session.stop', { session: SESSION });
    const input = { session: SESSION, mark, timeoutMs: 60_000 };
    expect((await session.ask(await session.master(), 'session.wait', input)).verdict).toBe('applied');
    expect(await session.shown()).toEqual([2, 3]);
  });

  it('that nobody sends is waited for until somebody stops that, and then its time is not over', async () => {
    const session = await SimSession.ready(9);
    const stop = new AbortController();
    void session.world.clock.sleep(500).then(() => stop.abort());
    const input = { session: SESSION, mark: '1.999', timeoutMs: 60_000 };
    const waiting = session.ask(await session.master(), 'session.wait', input, undefined, stop.signal);
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  });
});
