import { describe, expect, it } from 'vitest';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';

/** The session is recovered at its first secondary and brought home again, while its second one has resigned. */
async function homeWithoutSecond(session: SimSession, at: readonly string[], isAway: boolean): Promise<void> {
  await session.write(1, 2);
  await session.write(2, 3);
  await session.show();
  await session.ask('s1', 'session.resign', { session: SESSION, system: session.ref('s2') });
  await session.ask('s1', 'session.recover', { session: SESSION, at: at.map((name) => session.ref(name)) });
  if (isAway) session.kill('s2');
  const back = await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
  expect(back.outcome).toBe('returned');
}

describe('a secondary that had resigned when its session came home', () => {
  it.each([
    { away: false, recovered: ['s1'] },
    { away: false, recovered: ['s1', 's2'] },
    { away: true, recovered: ['s1'] },
    { away: true, recovered: ['s1', 's2'] },
  ])('takes part again once it is in reach (away: $away, recovered at $recovered)', async ({ away, recovered }) => {
    const session = await SimSession.ready(12);
    for (const name of session.secondaries) session.keep(name);
    await homeWithoutSecond(session, recovered, away);
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.write(1, 4);
    await session.write(2, 5);
    await session.pass(5_000);
    if (away) {
      await session.start('s2');
      session.keep('s2');
    }
    await session.pass(10_000);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([4, 5]);
  });
});
