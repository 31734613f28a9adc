import { describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/core/controller/controller.js';
import { KIB, tuning } from '../../../src/core/foundation/foundation.js';
import type { StreamReport } from '../../../src/core/session/session.js';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';
import { TRACK } from '../../simulation/system/sim-system.js';

const LIMIT_BYTES = 1024 * KIB;
const LAST = 77;

/** p1 sends to s1, whose pair is `db`, and to s2, whose pair is `more`. */
async function twoStreams(seed: number): Promise<SimSession> {
  const session = await SimSession.ready(seed, { journalLimitBytes: LIMIT_BYTES });
  for (const name of ['p1', 's2']) await session.ask(name, 'volume.create', { name: 'more', sizeBytes: 4 * TRACK });
  await session.ask('p1', 'pair.create', {
    pairs: [{ primary: 'more', secondary: 'more', secondarySystem: session.ref('s2') }],
    mode: 'journal',
    session: SESSION,
    sessionHome: session.ref('p1'),
  });
  await session.ask('p1', 'pair.wait', { pairs: [{ primary: 'more' }], statuses: ['duplex'], timeoutMs: 60_000 });
  await session.show();
  return session;
}

function write(session: SimSession, volume: string, value: number): Promise<unknown> {
  const input = { volume, offsetBytes: 0, durable: false };
  return session.ask('p1', 'volume.write', input, new Uint8Array(TRACK).fill(value));
}

async function row(session: SimSession, primary: string) {
  const { pairs } = await session.ask('p1', 'pair.list', {});
  return pairs.find((pair) => pair.primary.endsWith(primary));
}

/** Why `db` was suspended; it tries to return at once. */
async function writeUntilSuspended(session: SimSession): Promise<string | null> {
  for (let count = 0; count < 260; count += 1) {
    await write(session, 'db', LAST);
    const events = readHistory(session.world.files, '/sys/p1');
    const suspended = events.find(({ after, secondary }) => after === 'suspended' && secondary?.endsWith('db'));
    if (suspended) return suspended.message;
  }
  return null;
}

async function report(session: SimSession, name: string) {
  const { reports } = await session.ask(name, 'session.list', {});
  return reports[0];
}

const ofPeer = (streams: readonly StreamReport[] | undefined, name: string) =>
  streams?.find(({ peer }) => peer.name === name)?.journal;

describe('the journal limit of a system', () => {
  it('degrades the stream that has taken most, and the others go on; it returns by differences', async () => {
    const session = await twoStreams(1);
    session.kill('s1');
    const reason = await writeUntilSuspended(session);
    const busy = await row(session, 'db');
    expect(reason).toMatch(/^the journals of p1 are full \(1048576 bytes together, \d+ of them for s1\)/);
    expect(busy?.outOfSyncTracks).toBe(1);
    for (let count = 0; count < 20; count += 1) await write(session, 'more', count);
    const quiet = await row(session, 'more');
    expect([quiet?.status, quiet?.outOfSyncTracks]).toEqual(['duplex', 0]);
    await session.start('s1');
    await session.follows();
    expect((await row(session, 'db'))?.outOfSyncTracks).toBe(0);
    expect(await session.show()).toBe('applied');
    expect(await session.read('s1')).toBe(LAST);
  });

  it('is told with what is held, for the system and for each stream', async () => {
    const session = await twoStreams(2);
    session.kill('s1');
    for (let count = 0; count < 20; count += 1) await write(session, 'db', count);
    const told = await report(session, 'p1');
    const [busy, quiet] = [ofPeer(told?.streams, 's1'), ofPeer(told?.streams, 's2')];
    expect(told?.journals?.limitBytes).toBe(LIMIT_BYTES);
    expect(busy?.usedBytes).toBeGreaterThan(20 * TRACK);
    expect(told?.journals?.usedBytes).toBe((busy?.usedBytes ?? 0) + (quiet?.usedBytes ?? 0));
    expect(busy?.limitBytes).toBe((LIMIT_BYTES * 3) / 4);
    expect((await report(session, 's2'))?.streams.map(({ journal }) => journal?.limitBytes)).toHaveLength(2);
  });

  it('counts nothing that is applied, also after a kill', async () => {
    const session = await SimSession.ready(7);
    for (let count = 0; count < 40; count += 1) await session.write(1, count);
    await session.ask('s1', 'fault.set', { kind: 'crash', step: 'session.applied' });
    await session.mark();
    await session.pass(500);
    await session.ask(await session.master(), 'session.apply', { session: SESSION }).catch(() => undefined);
    session.kill('s1');
    await session.start('s1');
    const { sheets } = await session.ask('s1', 'session.list', {});
    expect(sheets[0]?.secondary?.streams[0]?.appliedSequence).toBeGreaterThan(40);
    const told = await report(session, 's1');
    expect(ofPeer(told?.streams, 'p1')?.usedBytes).toBeLessThan(tuning.journalSegmentBytes);
  });

  it('that is exceeded at the open of a system degrades what is written next, with no difference lost', async () => {
    const session = await twoStreams(3);
    session.kill('s1');
    for (let count = 0; count < 60; count += 1) await write(session, 'db', count);
    session.kill('p1');
    session.setJournalLimit('p1', 128 * KIB);
    await session.start('p1');
    const told = await report(session, 'p1');
    expect(told?.journals?.usedBytes).toBeGreaterThan(told?.journals?.limitBytes ?? 0);
    await write(session, 'db', 99);
    const busy = await row(session, 'db');
    expect(busy?.status).not.toBe('duplex');
    expect(busy?.outOfSyncTracks).toBe(1);
    await session.start('s1');
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.read('s1')).toBe(99);
  });
});

/** What p2 had not sent when its session was recovered is more than s2 takes of it, and no base of a pair is in it. */
async function longTail(seed: number): Promise<SimSession> {
  const session = await twoStreams(seed);
  await session.ask('p2', 'fault.set', { kind: 'link-down', peer: 's2' });
  for (let count = 0; count < 180; count += 1) await session.write(2, count);
  const at = session.secondaries.map((name) => session.ref(name));
  await session.ask('s1', 'session.recover', { session: SESSION, at });
  await session.ask('p2', 'fault.clear', {});
  await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
  return session;
}

describe('a stream that does not count yet, and whose journal is full at the secondary', () => {
  it('is sent anew also while checkpoints of others are applied there', async () => {
    const session = await longTail(8);
    await session.ask('s2', 'fault.set', { kind: 'io-error', volume: 'more', on: 'write' });
    await session.until(async () => {
      await write(session, 'more', 5);
      await session.mark();
      await session.ask(await session.master(), 'session.apply', { session: SESSION });
      const { sheets } = await session.ask('s2', 'session.list', {});
      return (sheets[0]?.secondary?.releasing ?? null) !== null;
    });
    await session.pass(10_000);
    const full = readHistory(session.world.files, '/sys/p2').find(({ code }) => code === 'journal-full');
    expect(full?.message).toMatch(/^The journals of s2 are full/);
    await session.ask('s2', 'fault.clear', {});
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.read('s2')).toBe(await session.read('p2'));
  });

  it.each([1, 2, 3])('has not to wait for long, whatever else is under way (seed %i)', async (seed) => {
    const session = await longTail(seed);
    await session.pass(3_000);
    expect(readHistory(session.world.files, '/sys/p2').map(({ code }) => code)).toContain('journal-full');
  });
});

describe('a deleted session', () => {
  const systems = ['p1', 'p2', 's1', 's2'];
  const journals = (session: SimSession, name: string) => {
    const { files } = session.world;
    const root = `/sys/${name}/journals`;
    return files.status(root) ? files.list(root) : [];
  };

  async function emptied(seed: number): Promise<SimSession> {
    const session = await SimSession.ready(seed);
    await session.write(1, 2);
    await session.show();
    await session.ask('p1', 'session.stop', { session: SESSION });
    for (const name of ['p1', 'p2'])
      await session.ask(name, 'pair.delete', { pairs: [{ primary: 'db' }], force: true });
    return session;
  }

  it('leaves no journal at any system', async () => {
    const session = await emptied(4);
    expect(systems.map((name) => journals(session, name).length > 0)).toEqual([true, true, true, true]);
    await session.ask('p1', 'session.delete', { session: SESSION });
    expect(systems.map((name) => journals(session, name))).toEqual([[], [], [], []]);
  });

  it('leaves none either where a system was killed before they were removed, once that is open again', async () => {
    const session = await emptied(5);
    await session.ask('s1', 'fault.set', { kind: 'crash', step: 'session.dropped' });
    await session.ask('p1', 'session.delete', { session: SESSION }).catch(() => undefined);
    expect(journals(session, 's1')).toHaveLength(1);
    session.kill('s1');
    await session.start('s1');
    expect(journals(session, 's1')).toEqual([]);
    await session.ask('p1', 'session.delete', { session: SESSION });
    expect(systems.map((name) => journals(session, name))).toEqual([[], [], [], []]);
  });

  it('takes nothing of another session with it', async () => {
    const session = await emptied(6);
    const other = { session: 'k', order: 'clock', policy: { intervalMs: 0 }, enableAtSecondary: false } as const;
    await session.ask('p1', 'session.create', other);
    await session.ask('p1', 'pair.create', {
      pairs: [{ primary: 'db', secondary: 'db', secondarySystem: session.ref('s1') }],
      overwrite: true,
      mode: 'journal',
      session: 'k',
      sessionHome: session.ref('p1'),
    });
    await session.ask('p1', 'session.start', { session: 'k' });
    await session.ask('p1', 'pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'], timeoutMs: 60_000 });
    await session.ask('p1', 'session.delete', { session: SESSION });
    expect(systems.map((name) => journals(session, name).length)).toEqual([1, 0, 1, 0]);
    await session.write(1, 7);
    const { mark } = await session.ask('p1', 'session.mark', { session: 'k' });
    const waited = await session.ask('s1', 'session.wait', { session: 'k', mark, timeoutMs: 60_000 });
    expect([waited.verdict, await session.read('s1')]).toEqual(['applied', 7]);
  });
});
