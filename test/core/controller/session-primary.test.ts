import { describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/core/controller/controller.js';
import { tuning } from '../../../src/core/foundation/foundation.js';
import {
  isRecording,
  journalled,
  makeSession,
  markedOrKept,
  SESSION,
  show,
} from '../../simulation/system/two-journal.js';
import { REMOTE, TwoSystems } from '../../simulation/system/two-systems.js';
import { codeOf } from './desk.js';

describe('the primary of a journal pair', () => {
  it('records the writes of its host once it has entered, and its secondary shows them at the next checkpoint', async () => {
    const systems = await journalled(1);
    expect(isRecording(systems)).toBe(true);
    expect(await show(systems)).toBe('applied');
    expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
    await systems.write('tokyo', 'db', 3, 9);
    await systems.rest();
    expect(systems.image('osaka', 'db-copy')[3]).toBe(1);
    expect(await show(systems)).toBe('applied');
    expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
    expect(systems.image('tokyo', 'db')[3]).toBe(9);
    await systems.close();
  });
});

describe('a journalled pair that cannot go on', () => {
  it('tracks what its journal has no room for, and comes back by itself', async () => {
    const usual = tuning.journalSegmentBytes;
    tuning.journalSegmentBytes = 128 * 1024;
    try {
      const systems = await journalled(2, { journalLimitBytes: 1024 * 1024 });
      expect(await show(systems)).toBe('applied');
      systems.cutLink();
      for (let round = 0; round < 20; round += 1) await systems.write('tokyo', 'db', 0, 20 + round, 16);
      expect(isRecording(systems)).toBe(false);
      const row = await systems.row('tokyo');
      expect(row?.status).toBe('suspended');
      expect(row?.reason).toMatch(/^the journals of tokyo are full \(1048576 bytes together, \d+ of them for osaka\)/);
      expect(row?.outOfSyncTracks).toBe(16);
      systems.healLink();
      await systems.rest(10_000);
      expect(await systems.status('tokyo')).toBe('duplex');
      expect(isRecording(systems)).toBe(true);
      expect(await show(systems)).toBe('applied');
      expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
      await systems.close();
    } finally {
      tuning.journalSegmentBytes = usual;
    }
  });

  it('comes back by copying where more differs than its journals have room for', async () => {
    const usual = tuning.journalSegmentBytes;
    tuning.journalSegmentBytes = 32 * 1024;
    try {
      const systems = await journalled(5, { journalLimitBytes: 256 * 1024 });
      await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE });
      await systems.write('tokyo', 'db', 0, 7, 16);
      await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE });
      await systems.rest(10_000);
      expect(await systems.status('tokyo')).toBe('duplex');
      expect(isRecording(systems)).toBe(true);
      expect(await show(systems)).toBe('applied');
      expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
      // It was not begun to be given up again.
      const told = readHistory(systems.world.files, systems.place('tokyo').path).map(({ message }) => message);
      expect(told.filter((message) => message?.includes('came to differ'))).toEqual([]);
      await systems.close();
    } finally {
      tuning.journalSegmentBytes = usual;
    }
  });

  it('is suspended by a person with every track of its records marked', async () => {
    const systems = await journalled(3);
    systems.cutLink();
    await systems.write('tokyo', 'db', 5, 7);
    await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE });
    expect(isRecording(systems)).toBe(false);
    expect(markedOrKept(systems).has(5)).toBe(true);
    expect((await systems.row('tokyo'))?.reason).toMatch(/suspended by/);
    await systems.close();
  });

  it('holds a point in time at a split, whole though records were still on their way', async () => {
    const systems = await journalled(4);
    await systems.write('tokyo', 'db', 5, 7);
    await systems.ask('tokyo', 'pair.split', { pairs: REMOTE });
    await systems.write('tokyo', 'db', 6, 8);
    await systems.wait('split');
    const values = new Array<number>(16).fill(1);
    values[5] = 7;
    expect(await systems.read('osaka', 'db-copy')).toEqual(values);
    await systems.ask('tokyo', 'pair.resync', { pairs: REMOTE, discard: true });
    expect(await systems.wait('duplex')).toBe('reached');
    expect(await show(systems)).toBe('applied');
    expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
    await systems.close();
  });

  it('goes on after a kill with nothing to copy again', async () => {
    const systems = await journalled(5);
    expect(await show(systems)).toBe('applied');
    await systems.write('tokyo', 'db', 5, 7);
    const after = await TwoSystems.again(systems, 'kill');
    expect(isRecording(after)).toBe(true);
    expect((await after.row('tokyo'))?.outOfSyncTracks).toBe(0);
    expect(await show(after)).toBe('applied');
    expect(await after.read('osaka', 'db-copy')).toEqual(after.image('tokyo', 'db'));
    await after.close();
  });

  it('tracks after a loss of power until its session has agreed on a clock again', async () => {
    const systems = await journalled(6);
    expect(await show(systems)).toBe('applied');
    await systems.write('tokyo', 'db', 5, 7);
    const after = await TwoSystems.again(systems, 'power', 'none');
    await after.write('tokyo', 'db', 6, 8);
    expect(isRecording(after)).toBe(false);
    await after.ask('tokyo', 'session.start', { session: SESSION });
    await after.rest();
    expect(await after.status('tokyo')).toBe('duplex');
    expect(isRecording(after)).toBe(true);
    expect(await show(after)).toBe('applied');
    expect(await after.read('osaka', 'db-copy')).toEqual(after.image('tokyo', 'db'));
    await after.close();
  });
});

describe('the creation of a journal pair', () => {
  it('is refused for a session that nobody knows, and for a volume whose writes go elsewhere', async () => {
    const systems = await TwoSystems.create(7);
    expect(await codeOf(systems.pair({ mode: 'journal', session: 'nobody' }))).toBe('session-not-found');
    expect(await codeOf(systems.pair({ mode: 'journal' }))).toBe('usage');
    await makeSession(systems);
    await systems.pair({ mode: 'journal', session: SESSION });
    await systems.ask('osaka', 'volume.create', { name: 'other', sizeBytes: 16 * 4096 });
    const second = { pairs: [systems.createRow('other')], mode: 'journal' as const, session: SESSION };
    expect(await codeOf(systems.ask('tokyo', 'pair.create', second))).toBe('status-refuses');
    expect(await codeOf(systems.pair({ mode: 'async' }))).toBe('status-refuses');
    await systems.close();
  });
});
