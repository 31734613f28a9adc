import { describe, expect, it } from 'vitest';
import { TRACK } from '../simulation/system/sim-system.js';
import { StreamDesk } from '../simulation/system/stream-desk.js';
import { journalled, show } from '../simulation/system/two-journal.js';
import { REMOTE, TwoSystems } from '../simulation/system/two-systems.js';
import { codeOf } from './stage.js';

describe('a pair whose differences are copied straight into its secondary', () => {
  it('H20: holds back every checkpoint from before, and the next whole one is shown by all', async () => {
    const desk = await StreamDesk.ready(1);
    for (const feed of desk.feeds) feed.write(0, 2);
    await desk.checkpoint();
    const away = desk.feed(desk.other);
    away.leave();
    await away.send();
    // The first has not been released: it is void on this side from now on.
    await away.withdraw();
    expect(await desk.apply()).toMatchObject({ from: 1, to: 1 });
    expect((await desk.master.read('db', 1))[0]).toBe(1);
    expect(await codeOf(desk.other.read('db', 1))).toBe('not-readable');
    away.write(0, 3);
    away.enter();
    await desk.checkpoint();
    expect(await desk.apply()).toMatchObject({ to: 3 });
    expect((await desk.master.read('db', 1))[0]).toBe(2);
    expect((await desk.other.read('db', 1))[0]).toBe(3);
  });

  it('H20: first shows what was released before, though the order comes late', async () => {
    const desk = await StreamDesk.ready(2);
    for (const feed of desk.feeds) feed.write(0, 2);
    await desk.checkpoint();
    await desk.master.ask('fault.set', { kind: 'crash', step: 'session.decided' });
    await desk.apply().catch(() => undefined);
    expect(desk.master.process.process.alive).toBe(false);
    await desk.master.restart();
    await desk.master.ask('fault.clear', {});
    const table = await desk.table(desk.other);
    expect(table.applied?.number).toBe(1);
    desk.feed(desk.other).leave();
    await desk.feed(desk.other).withdraw();
    expect((await desk.table(desk.other)).applied?.number).toBe(2);
  });

  it('H20: applies no record from before, however late it comes', async () => {
    const desk = await StreamDesk.ready(3);
    const away = desk.feed(desk.other);
    away.write(1, 9);
    away.leave();
    // Not sent before the withdrawal: what is copied directly is later.
    await away.withdraw();
    away.enter();
    await desk.checkpoint();
    await desk.apply();
    expect(await desk.other.read('db', 2)).toEqual([1, 0]);
  });

  it('H20: keeps what it showed on its backup volume until it shows a checkpoint again', async () => {
    const desk = await StreamDesk.ready(4, 'clock', true);
    const away = desk.feed(desk.other);
    away.write(0, 2);
    away.leave();
    await away.send();
    expect(await away.withdraw()).toEqual({ recoverable: true });
    expect(await desk.other.read('kept', 1)).toEqual([1]);
    away.write(0, 3);
    away.enter();
    await desk.checkpoint();
    await desk.apply();
    expect(await desk.other.read('db', 1)).toEqual([3]);
    const { pairs } = await desk.other.ask('pair.list', {});
    expect(pairs).toHaveLength(1);
  });

  it('H20: without a backup volume nothing keeps it, and that is said', async () => {
    const desk = await StreamDesk.ready(5);
    const away = desk.feed(desk.other);
    away.leave();
    expect(await away.withdraw()).toEqual({ recoverable: false });
    const { reports } = await desk.other.ask('session.list', {});
    expect(reports[0]?.streams[0]).toMatchObject({ returning: 'bare' });
  });

  it('H20: takes no later record for one from before, though a loss of power cut what the place was behind', async () => {
    const systems = await journalled(6);
    expect(await show(systems)).toBe('applied');
    systems.cutLink();
    // The stream waits between two tries, and makes nothing durable meanwhile.
    await systems.write('tokyo', 'db', 0, 9);
    await systems.rest(4_000);
    for (let track = 0; track < 8; track += 1) {
      const input = { volume: 'db', offsetBytes: track * TRACK, durable: false };
      await systems.ask('tokyo', 'volume.write', input, new Uint8Array(TRACK).fill(20 + track));
    }
    await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE });
    await systems.ask('tokyo', 'fault.set', { kind: 'crash', step: 'journal.withdrawn' });
    systems.healLink();
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true }).catch(() => undefined);
    await systems.rest().catch(() => undefined);
    expect(systems.process('tokyo').process.alive).toBe(false);
    systems.world.files.remove('/sys/tokyo/faults.json');
    await systems.world.run(systems.world.files.flushFolder('/sys/tokyo'));
    const after = await TwoSystems.again(systems, 'power', 'none');
    await after.ask('tokyo', 'session.start', { session: 'j' });
    await after.write('tokyo', 'db', 9, 99);
    await after.rest(10_000);
    expect(await show(after)).toBe('applied');
    expect(await after.read('osaka', 'db-copy')).toEqual(after.image('tokyo', 'db'));
    await after.close();
  });
});
