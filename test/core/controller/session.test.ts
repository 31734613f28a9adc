import { describe, expect, it } from 'vitest';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';
import { readAll } from '../storage/files.js';
import { codeOf } from './desk.js';

describe('a session of two subsystems', () => {
  it('shows at both secondaries what both primaries held at one time', async () => {
    const session = await SimSession.ready(1);
    await session.write(1, 2);
    await session.write(2, 3);
    expect(await session.shown()).toEqual([0, 0]);
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([2, 3]);
  });

  it('issues and applies by itself where its systems are served', async () => {
    const session = await SimSession.ready(2, { intervalMs: 100 });
    await session.write(1, 2);
    await session.write(2, 3);
    await session.pass(2_000);
    // Hosts are refused while an update is in progress, which the next one may be.
    const shown = () => session.shown().catch((error: { code?: string }) => error.code ?? 'fault');
    await session.until(async () => (await shown()) !== 'not-readable');
    expect(await shown()).toEqual([2, 3]);
  });

  it('shows nothing of a write behind a checkpoint before the next', async () => {
    const session = await SimSession.ready(3);
    await session.write(1, 2);
    await session.show();
    await session.write(1, 4);
    await session.pass(500);
    expect(await session.shown()).toEqual([2, 0]);
  });

  it('goes on after a secondary was killed, with nothing copied anew', async () => {
    const session = await SimSession.ready(4);
    await session.write(1, 2);
    await session.mark();
    await session.pass(200);
    session.kill('s1');
    await session.write(1, 3);
    await session.start('s1');
    await session.pass(1_000);
    const { pairs } = await session.ask('p1', 'pair.list', {});
    expect(pairs[0]?.outOfSyncTracks).toBe(0);
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([3, 0]);
  });

  it('applies nothing to a secondary that a fault blocked, and goes on when it is there again', async () => {
    const session = await SimSession.ready(14, { intervalMs: 100 });
    await session.ask('s1', 'fault.set', { kind: 'volume-blocked', volume: 'db' });
    const before = readAll(session.world.files, '/sys/s1/images/db.img');
    await session.write(1, 2);
    await session.write(2, 3);
    await session.pass(2_000);
    expect(readAll(session.world.files, '/sys/s1/images/db.img')).toEqual(before);
    expect(await codeOf(session.read('s1'))).toBe('volume-blocked');
    await session.ask('s1', 'fault.clear', {});
    await session.ask('p1', 'pair.resync', { pairs: [{ primary: 'db' }] }).catch(() => undefined);
    await session.pass(5_000);
    expect(await session.shown()).toEqual([2, 3]);
  });

  it.each([true, false])(
    'has pairs that are there only with the backup that they were made with: %s',
    async (backup) => {
      const session = await SimSession.ready(15, { backup });
      const again = (wish: string | undefined) =>
        codeOf(
          session.ask('p1', 'pair.create', {
            pairs: [{ primary: 'db', secondary: 'db', secondarySystem: session.ref('s1'), backup: wish }],
            mode: 'journal',
            session: SESSION,
            sessionHome: session.ref('p1'),
          }),
        );
      const answers = [await again(undefined), await again('auto'), await again('kept'), await again('other')];
      const held = backup ? 'nothing' : 'status-refuses';
      expect(answers).toEqual(['nothing', held, held, 'status-refuses']);
    },
  );

  it('goes on after a primary was killed', async () => {
    const session = await SimSession.ready(5);
    await session.write(1, 2);
    session.kill('p1');
    await session.start('p1');
    await session.write(1, 3);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([3, 0]);
  });

  it('goes on without a primary that was lost for too long, and with it again when it is back', async () => {
    const session = await SimSession.ready(6, { intervalMs: 100, resignAfterMs: 1_000 });
    const lost = session.issuer === 'p1' ? 2 : 1;
    const stays = 3 - lost;
    session.kill(`p${lost}`);
    await session.write(stays, 2);
    await session.pass(5_000);
    expect(await session.read(`s${stays}`)).toBe(2);
    await session.start(`p${lost}`);
    await session.write(lost, 3);
    await session.pass(5_000);
    // Hosts are refused while an update is in progress, which the next one may be.
    const read = () => session.read(`s${lost}`).catch((error: { code?: string }) => error.code ?? 'fault');
    await session.until(async () => (await read()) !== 'not-readable');
    expect(await read()).toBe(3);
  });

  it('is recovered at its secondaries and brought back by differences', async () => {
    const session = await SimSession.ready(7);
    await session.write(1, 2);
    await session.write(2, 3);
    await session.show();
    const { sheets } = await session.ask('s1', 'session.list', {});
    await session.write(1, 4);
    for (const number of session.numbers) session.kill(`p${number}`);
    const at = session.secondaries.map((name) => session.ref(name));
    expect(await session.ask('s1', 'session.recover', { session: SESSION, at })).toMatchObject({ term: 2 });
    expect(await session.shown()).toEqual([2, 3]);
    await session.write(2, 7, 1, 's');
    for (const number of session.numbers) await session.start(`p${number}`);
    expect(await codeOf(session.write(1, 5))).toBe('displaced');
    const back = await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    expect(back).toMatchObject({ outcome: 'returned', term: 3 });
    const { events } = await session.ask('s1', 'session.history', { session: SESSION });
    expect(events.map(({ deed, number }) => [deed, number])).toEqual([
      ['recovery', sheets[0]?.secondary?.resetTo],
      ['failback', null],
    ]);
    expect([await session.read('p1'), await session.read('p2', 1)]).toEqual([2, 7]);
    expect(await codeOf(session.write(1, 5, 0, 's'))).not.toBe('nothing');
    await session.write(1, 6);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([6, 3]);
    expect(await session.shown(1)).toEqual([0, 7]);
  });

  it('shows nothing without a pair that was journalled again before the session was home, and tracks now', async () => {
    const session = await SimSession.ready(7);
    const at = session.secondaries.map((name) => session.ref(name));
    const failback = () => session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    await session.ask('s1', 'session.recover', { session: SESSION, at });
    await session.ask('s1', 'fault.set', { kind: 'crash', step: 'failback.finished' });
    await failback().catch(() => undefined);
    expect(session.isAlive('s1')).toBe(false);
    await session.pass(5_000);
    session.kill('s1');
    session.world.files.remove('/sys/s1/faults.json');
    await session.start('s1');
    expect(await failback()).toMatchObject({ outcome: 'returned' });
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    expect(await session.show()).toBe('applied');
    await session.ask('p2', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    await session.write(2, 4);
    await session.write(1, 5);
    await session.mark();
    await session.pass(5_000);
    await session.ask(await session.master(), 'session.apply', { session: SESSION });
    expect(await session.shown()).toEqual([0, 0]);
    await session.ask('p2', 'pair.resync', { pairs: [{ primary: 'db' }] });
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([5, 4]);
  });

  it.each([false, true])(
    'sends once more what a recovery dropped at a secondary on which it did not count, its primary cut off: %s',
    async (isCutOff) => {
      const session = await SimSession.ready(8);
      const at = session.secondaries.map((name) => session.ref(name));
      await session.ask('s1', 'session.resign', { session: SESSION, system: session.ref('p2') });
      await session.write(2, 4);
      await session.pass(1_000);
      if (isCutOff) await session.ask('p2', 'fault.set', { kind: 'link-down', peer: 's2' });
      await session.ask('s1', 'session.recover', { session: SESSION, at });
      await session.ask('p2', 'fault.clear', {});
      await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
      await session.ask('p1', 'session.start', { session: SESSION });
      await session.ask('s1', 'session.join', { session: SESSION, system: session.ref('p2') });
      await session.follows();
      expect(await session.show()).toBe('applied');
      expect(await session.shown()).toEqual([0, 4]);
    },
  );

  it('knows after a kill what was written since a primary came up displaced and was brought back', async () => {
    const session = await SimSession.ready(9);
    await session.write(1, 2);
    await session.show();
    session.kill('p1');
    const at = session.secondaries.map((name) => session.ref(name));
    await session.ask('s1', 'session.recover', { session: SESSION, at });
    await session.write(1, 3, 0, 's');
    await session.start('p1');
    await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    await session.write(1, 4);
    session.kill('p1');
    await session.start('p1');
    await session.ask('p1', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    await session.ask('p1', 'pair.resync', { pairs: [{ primary: 'db' }] });
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([4, 0]);
  });

  it('shows no checkpoint that its primary issued before the recovery, and sends after it', async () => {
    const session = await SimSession.ready(10, { subsystems: 1, intervalMs: 200, backup: true });
    await session.write(1, 2);
    await session.pass(1_000);
    // Its base goes anew into the stream, and neither that nor what comes behind it is sent.
    await session.ask('p1', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    await session.write(1, 3);
    await session.ask('p1', 'fault.set', { kind: 'crash', step: 'journal.entered' });
    await session.ask('p1', 'pair.resync', { pairs: [{ primary: 'db' }] });
    await session.until(() => !session.isAlive('p1'));
    session.kill('p1');
    session.world.files.remove('/sys/p1/faults.json');
    await session.start('p1');
    await session.ask('p1', 'fault.set', { kind: 'link-down', peer: 's1' });
    await session.write(1, 7, 2);
    await session.pass(2_000);
    for (let count = 0; count < 30; count += 1) await session.write(1, 8, 3);
    session.kill('p1');
    session.world.files.remove('/sys/p1/faults.json');
    await session.ask('s1', 'session.recover', { session: SESSION, at: [session.ref('s1')] });
    await session.write(1, 9, 1, 's');
    await session.start('p1');
    await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    await session.follows();
    expect(await session.show()).toBe('applied');
    const tracks = [0, 1, 2, 3];
    const at = async (name: string) => Promise.all(tracks.map((track) => session.read(name, track)));
    expect(await at('p1')).toEqual([2, 9, 0, 0]);
    expect(await at('s1')).toEqual([2, 9, 0, 0]);
  });

  it('keeps a secondary on its backup while differences come back, and shows no mix of it', async () => {
    const session = await SimSession.ready(8, { backup: true });
    await session.write(1, 2);
    await session.show();
    await session.ask('p1', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    await session.write(1, 3);
    await session.write(2, 3);
    await session.mark();
    await session.pass(500);
    expect(await session.read('s2')).toBe(0);
    await session.ask('p1', 'pair.resync', { pairs: [{ primary: 'db' }] });
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([3, 3]);
  });

  it('comes home only when what was kept on a backup is back in its secondary', async () => {
    const session = await SimSession.ready(16, { subsystems: 1, backup: true });
    for (const track of [0, 1, 2]) await session.write(1, 2, track);
    await session.show();
    // Without its session the pair is copied directly, over what the secondary showed.
    await session.ask('p1', 'session.stop', { session: SESSION });
    for (const track of [0, 1, 2]) await session.write(1, 3, track);
    await session.follows();
    session.kill('p1');
    // Nobody is there who would copy it back meanwhile.
    await session.world.run(session.controller('s1').stopCopying(true));
    await session.ask('s1', 'session.recover', { session: SESSION, at: [session.ref('s1')] });
    await session.write(1, 9, 1, 's');
    await session.start('p1');
    const home = session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    expect(await home).toMatchObject({ outcome: 'returned' });
    await session.ask('p1', 'session.start', { session: SESSION });
    await session.follows();
    expect(await session.show()).toBe('applied');
    const at = async (name: string) => Promise.all([0, 1, 2, 3].map((track) => session.read(name, track)));
    expect(await at('p1')).toEqual([2, 9, 2, 0]);
    expect(await at('s1')).toEqual([2, 9, 2, 0]);
  });

  it('waits with a clock that was set back until that has passed what was stamped, and begins no journal in vain meanwhile', async () => {
    const session = await SimSession.ready(13, { intervalMs: 100 });
    await session.ask('p1', 'fault.set', { kind: 'clock-skew', byMs: 12_000 });
    await session.write(1, 2);
    await session.ask('p1', 'fault.clear', {});
    const begun: string[] = [];
    session.controller('p1').step = (step) => {
      if (step === 'journal.begun' || step === 'stream.open') begun.push(step);
    };
    await session.write(1, 3);
    await session.pass(8_000);
    expect(begun.length).toBeLessThan(4);
    await session.pass(8_000);
    expect(begun).toContain('journal.begun');
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect((await session.shown())[0]).toBe(3);
  });

  it('needs no common clock where the gates of its primaries make the order', async () => {
    const session = await SimSession.ready(9, { order: 'arrival' });
    await session.write(1, 2);
    await session.write(2, 3);
    expect(await session.show()).toBe('applied');
    expect(await session.shown()).toEqual([2, 3]);
  });
});
