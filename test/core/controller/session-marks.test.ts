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
