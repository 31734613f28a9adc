import { describe, expect, it } from 'vitest';
import { isToolkitError } from '../../src/core/foundation/foundation.js';
import { SESSION, SimSession } from './system/sim-session.js';

const SYSTEMS = ['p1', 'p2', 's1', 's2'] as const;
const START_STEPS = ['session.active', 'session.started'] as const;

/** What is done with a session besides applying, the steps that lie in it, and what must hold when it was done again after a crash. */
interface Deed {
  readonly what: string;
  readonly steps: readonly string[];
  /** What comes before it. */
  before?(session: SimSession): Promise<unknown>;
  run(session: SimSession): Promise<unknown>;
  /** The way back to a session that runs, where it ends in another state. */
  after?(session: SimSession): Promise<unknown>;
}

const start = (session: SimSession) => session.ask(session.issuer, 'session.start', { session: SESSION });
const stop = (session: SimSession) => session.ask(session.issuer, 'session.stop', { session: SESSION });
const recover = (session: SimSession) =>
  session.ask('s1', 'session.recover', { session: SESSION, at: session.secondaries.map((name) => session.ref(name)) });
const failBack = (session: SimSession) =>
  session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
/** A session that came home is home when the failback says that there is nothing to bring back. */
const home = async (session: SimSession) => {
  const back = await failBack(session).catch((error: { code?: string }) => {
    if (error.code !== 'session-refuses') throw error;
    return { outcome: 'returned' };
  });
  if (back.outcome !== 'returned') throw new Error(back.outcome);
};

const DEEDS: readonly Deed[] = [
  { what: 'a stop', steps: ['session.halted'], run: stop, after: start },
  {
    what: 'a start',
    steps: ['session.active', 'session.started'],
    before: stop,
    run: start,
  },
  {
    what: 'a recovery',
    steps: ['session.fenced', 'session.judged', 'session.settled', 'session.carried'],
    run: recover,
    after: home,
  },
  {
    what: 'a failback',
    steps: [
      'failback.closed',
      'failback.finished',
      'half.collected',
      'half.taken',
      'half.merged',
      'half.returned',
      'session.home',
    ],
    before: async (session) => {
      await recover(session);
      await session.write(1, 4, 2, 's');
    },
    run: home,
    after: start,
  },
];

async function again(session: SimSession, work: (session: SimSession) => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await work(session);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await session.pass(500);
    }
  }
}

/** Answers whether the step was reached at that system. */
async function crashed(deed: Deed, step: string, at: string, kind: 'kill' | 'power'): Promise<boolean> {
  const session = await SimSession.ready(11);
  await session.write(1, 2);
  await session.write(2, 3);
  await session.show();
  await deed.before?.(session);
  await session.ask(at, 'fault.set', { kind: 'crash', step });
  await deed.run(session).catch(() => undefined);
  if (session.isAlive(at)) return false;
  if (kind === 'power') session.losePower(at);
  else session.kill(at);
  // The fault is kept, and would strike again.
  session.world.files.remove(`/sys/${at}/faults.json`);
  await session.start(at);
  await again(session, deed.run);
  if (deed.after) await again(session, deed.after);
  await again(session, start);
  await session.write(1, 6);
  await session.write(2, 7);
  await session.follows();
  expect(await session.show()).toBe('applied');
  expect(await session.shown()).toEqual([6, 7]);
  return true;
}

describe.each(['kill', 'power'] as const)('a system that ends by %s', (kind) => {
  for (const deed of DEEDS)
    it.each(deed.steps)(
      `in ${deed.what} at %s loses nothing of its session, and the same command ends it`,
      { timeout: 60_000 },
      async (step) => {
        let reached = 0;
        for (const at of SYSTEMS) if (await crashed(deed, step, at, kind)) reached += 1;
        expect(reached).toBeGreaterThan(0);
      },
    );
});

describe('a start that does not reach a secondary', () => {
  const cutOff = (session: SimSession, at: string, peer: string) =>
    session.ask(at, 'fault.set', { kind: 'link-down', peer });

  it('starts nothing, and said again when it is there starts the session at all', async () => {
    const session = await SimSession.ready(12);
    await stop(session);
    await cutOff(session, session.issuer, 's2');
    await expect(start(session)).rejects.toMatchObject({ code: 'link-lost' });
    for (const name of ['p1', 'p2']) {
      const { sheets } = await session.ask(name, 'session.list', {});
      expect(sheets[0]?.primary?.state).toBe('stopped');
    }
    await session.ask(session.issuer, 'fault.clear', {});
    expect(await start(session)).toMatchObject({ outcome: 'done' });
    await session.write(2, 7);
    await session.follows();
    // The secondaries hear of it a moment later.
    await session.pass(1_000);
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([0, 7]);
  });

  it('goes on without it where its system has resigned', async () => {
    const session = await SimSession.ready(13);
    for (const at of ['p1', 's1']) for (const peer of ['p2', 's2']) await cutOff(session, at, peer);
    await session.ask('s1', 'session.resign', { session: SESSION, system: session.ref('p2') });
    await session.ask('p1', 'session.stop', { session: SESSION });
    expect(await session.ask('p1', 'session.start', { session: SESSION })).toMatchObject({ outcome: 'done' });
    await session.write(1, 6);
    await session.ask('p1', 'pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'], timeoutMs: 60_000 });
    const { mark } = await session.ask('p1', 'session.mark', { session: SESSION });
    const wait = { session: SESSION, mark, timeoutMs: 60_000 };
    expect((await session.ask('s1', 'session.wait', wait)).verdict).toBe('applied');
    expect(await session.read('s1')).toBe(6);
  });
});

describe('a start that was cut short, said again at another primary', () => {
  const startAt = (session: SimSession, at: string) => session.ask(at, 'session.start', { session: SESSION });

  /** For a moment a controller may still count on its connection to one that was killed: it says so, and is asked once more. */
  async function startAgainAt(session: SimSession, at: string): Promise<void> {
    await startAt(session, at).catch(async (error: unknown) => {
      if (!isToolkitError(error, 'link-lost')) throw error;
      await startAt(session, at);
    });
  }

  async function goesOn(session: SimSession): Promise<void> {
    await session.write(1, 6);
    await session.write(2, 7);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([6, 7]);
  }

  const cases = ['p1', 'p2'].flatMap((first) => START_STEPS.map((step) => ({ first, step })));

  it.each(cases)('runs everywhere: at $first first, which ends at $step or sees another end there', async (one) => {
    const other = one.first === 'p1' ? 'p2' : 'p1';
    let reached = 0;
    for (const at of SYSTEMS) {
      const session = await SimSession.ready(14);
      await stop(session);
      await session.ask(at, 'fault.set', { kind: 'crash', step: one.step });
      await startAt(session, one.first).catch(() => undefined);
      if (session.isAlive(at)) continue;
      reached += 1;
      session.kill(at);
      session.world.files.remove(`/sys/${at}/faults.json`);
      await session.start(at);
      await startAgainAt(session, other);
      await goesOn(session);
      expect(await startAt(session, other)).toMatchObject({ outcome: 'nothing' });
    }
    expect(reached).toBeGreaterThan(0);
  });

  it.each([
    ['p1', 'p2'],
    ['p2', 'p1'],
  ])('goes on for %s as well where a stop had reached only one of both', async (first, other) => {
    for (const at of ['p1', 'p2']) {
      const session = await SimSession.ready(15);
      await session.ask(at, 'fault.set', { kind: 'crash', step: 'session.halted' });
      await session.ask(first, 'session.stop', { session: SESSION }).catch(() => undefined);
      session.kill(at);
      session.world.files.remove(`/sys/${at}/faults.json`);
      await session.start(at);
      await startAt(session, other);
      await goesOn(session);
    }
  });

  it('is not said to be done while a primary that has to run cannot be asked', async () => {
    const session = await SimSession.ready(16);
    session.kill('p1');
    await expect(startAt(session, 'p2')).rejects.toMatchObject({ code: 'link-lost' });
    await session.start('p1');
    expect(await startAt(session, 'p2')).toMatchObject({ outcome: 'nothing' });
  });
});
