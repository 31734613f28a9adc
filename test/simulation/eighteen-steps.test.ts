import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { primaryMaster, secondaryMaster } from '../../src/core/session/session.js';
import { isAtMost, NUMBERS, recoveredFrom, SourceStage } from './system/source-stage.js';

/**
 * The source's worked example by real controllers: four subsystems, a process for each of their eight systems, three writes of which each
 * depends on the one before. `test/core/session/eighteen-steps.test.ts` is the same by the pure machines.
 */
describe('the three writes of the source, in its 18 steps', () => {
  let stage: SourceStage;
  /** The times at which the writes were made: the source's a, b and c. */
  let [a, b, c] = [0n, 0n, 0n];
  let n = 0;
  let isDecided = false;
  let mark: ReturnType<typeof stage.begin<'session.mark'>>;
  let apply: ReturnType<typeof stage.begin<'session.apply'>>;

  beforeAll(async () => {
    stage = await SourceStage.ready();
    // Checkpoint messages reach primaries 1 and 2 late, and releases the secondaries.
    stage.at('p3', 'session.issued', () => {
      for (const number of [1, 2]) stage.slow('p3', `p${number}`);
    });
    stage.at('s4', 'session.decided', () => {
      isDecided = true;
      for (const number of [1, 2, 3]) stage.slow('s4', `s${number}`);
    });
  });

  afterEach(({ task }) => stage.keepDisk(task.name));

  it('1. all have exchanged copy active; primary 3 is the master for time, secondary 4 for the rendezvous', () => {
    for (const number of NUMBERS) {
      const { config, state, anchor } = stage.primary(number);
      expect({ state, systems: config.map(({ system }) => system.name).sort() }).toEqual({
        state: 'running',
        systems: ['p1', 'p2', 'p3', 'p4'],
      });
      expect(anchor).toEqual(stage.primary(3).anchor);
      expect(primaryMaster(config)?.name).toBe('p3');
      const { table } = stage.secondary(number);
      expect(table.map((row) => `${row.primary.name} ${row.secondary.name}`).sort()).toEqual([
        'p1 s1',
        'p2 s2',
        'p3 s3',
        'p4 s4',
      ]);
      expect(table.every(({ enteredAt, resigned }) => enteredAt !== null && resigned === null)).toBe(true);
      expect(secondaryMaster(table)?.name).toBe('s4');
    }
  });

  it('2. write 1 completes at subsystem 1 at time a', async () => {
    a = await stage.write(1, 1);
    expect(await stage.session.read('p1')).toBe(1);
    expect(await stage.unsent(1)).toEqual(['write 1']);
  });

  it('3. write 2 completes at subsystem 2 at time b', async () => {
    b = await stage.write(2, 2);
    expect(b).toBeGreaterThan(a);
    expect(await stage.unsent(2)).toEqual(['write 2']);
  });

  it('4. primary 1 sends write 1 with its time; secondary 1 keeps it and applies nothing', async () => {
    await stage.send(1);
    expect(await stage.buffered(1)).toEqual(['write 1']);
    expect(await stage.shown(1)).toBe(0);
  });

  it('5. primary 3 sends checkpoint n, whose time is not before b', async () => {
    mark = stage.begin('p3', 'session.mark');
    const before = stage.primary(3).issued?.number ?? 0;
    await stage.session.until(() => stage.primary(4).seen > before);
    const { issued } = stage.primary(3);
    n = issued?.number ?? 0;
    expect(n).toBe(before + 1);
    expect(issued && isAtMost(b, issued)).toBe(true);
  });

  it('6. write 3 completes at subsystem 1 at time c, later than the checkpoint', async () => {
    c = await stage.write(1, 3);
    const { issued } = stage.primary(3);
    expect(issued && isAtMost(c, issued)).toBe(false);
  });

  it('7. primary 1 sends write 3', async () => {
    await stage.send(1);
    expect(await stage.buffered(1)).toEqual(['write 1', 'write 3']);
  });

  it('8. primary 1 takes up checkpoint n, and places it behind a record that is later than it', async () => {
    stage.arrives('p3', 'p1');
    await stage.session.until(async () => stage.primary(1).seen === n && (await stage.unsent(1)).length > 0);
    expect(await stage.unsent(1)).toEqual([`checkpoint ${n}`]);
  });

  it('9. primary 1 sends it to secondary 1, from which secondary 4 hears of it: the others are waited for', async () => {
    await stage.send(1);
    expect(await stage.buffered(1)).toEqual(['write 1', 'write 3', `checkpoint ${n}`]);
    await stage.session.ask('s4', 'session.apply', { session: 'j' });
    expect(await stage.late()).toEqual(['p2', 'p3', 'p4']);
    expect(await stage.shownByAll()).toEqual([0, 0, 0, 0]);
  });

  it('10. primary 2 sends write 2; secondary 2 keeps it and applies nothing', async () => {
    await stage.send(2);
    expect(await stage.buffered(2)).toEqual(['write 2']);
    expect(await stage.shown(2)).toBe(0);
  });

  it('11. primary 2 takes up checkpoint n', async () => {
    stage.arrives('p3', 'p2');
    expect((await stage.session.world.run(mark)).output.number).toBe(n);
    expect(await stage.unsent(2)).toEqual([`checkpoint ${n}`]);
  });

  it('12. primary 2 sends it to secondary 2, from which secondary 4 hears of it', async () => {
    await stage.send(2);
    expect(await stage.buffered(2)).toEqual(['write 2', `checkpoint ${n}`]);
    await stage.session.ask('s4', 'session.apply', { session: 'j' });
    expect(await stage.late()).toEqual(['p3', 'p4']);
  });

  it('13. primaries 3 and 4 send it to theirs: nobody is waited for any more', async () => {
    for (const number of [3, 4] as const) {
      await stage.send(number);
      expect(await stage.buffered(number)).toEqual([`checkpoint ${n}`]);
    }
    expect(await stage.late()).toEqual([]);
    expect(await stage.shownByAll()).toEqual([0, 0, 0, 0]);
  });

  it('14. secondary 4 releases it, for itself first', async () => {
    apply = stage.begin('s4', 'session.apply');
    await stage.session.until(() => isDecided);
    expect(stage.secondary(4).releasing?.number).toBe(n);
    expect(await stage.shown(4)).toBe('not-readable');
    for (const number of [1, 2, 3] as const) expect(stage.secondary(number).releasing).toBeNull();
  });

  it('15. secondary 3 has nothing to apply and is done at once', async () => {
    stage.arrives('s4', 's3');
    await stage.session.until(() => stage.secondary(3).applied?.number === n);
    expect(stage.secondary(3).resetTo).toBeLessThan(n);
    expect(await stage.shown(3)).toBe('not-readable');
  });

  it('16. secondary 1 enters update in progress and applies write 1, not write 3, whose time c is later', async () => {
    stage.arrives('s4', 's1');
    await stage.session.until(() => stage.secondary(1).applied?.number === n);
    expect(stage.secondary(1).releasing?.number).toBe(n);
    expect(stage.holds(1)).toBe(1);
    expect(await stage.buffered(1)).toEqual(['write 3']);
    expect(await stage.shown(1)).toBe('not-readable');
  });

  it('17. secondary 2 applies write 2; none of them is reset', async () => {
    stage.slow('s2', 's4');
    stage.arrives('s4', 's2');
    await stage.session.until(() => stage.secondary(2).applied?.number === n);
    expect(stage.holds(2)).toBe(2);
    for (const number of NUMBERS) expect(stage.secondary(number).resetTo).toBeLessThan(n);
  });

  it('18. secondary 4 has heard of all, and resets the update in progress everywhere: hosts read writes 1 and 2', async () => {
    stage.arrives('s2', 's4');
    expect((await stage.session.world.run(apply)).output.to).toBe(n);
    for (const number of NUMBERS) expect(stage.secondary(number)).toMatchObject({ releasing: null, resetTo: n });
    expect(await stage.shownByAll()).toEqual([1, 2, 0, 0]);
  });

  it('shows write 3 with the next checkpoint', async () => {
    stage.hurry();
    const { output } = await stage.session.world.run(stage.begin('p3', 'session.mark'));
    for (const number of NUMBERS) await stage.send(number);
    expect((await stage.session.world.run(stage.begin('s4', 'session.apply'))).output.to).toBe(output.number);
    expect(await stage.shownByAll()).toEqual([3, 2, 0, 0]);
  });

  it('shows none of the writes, or 1 and 2, where the primaries were lost at any of the steps', async () => {
    const released = stage.disks.findIndex(({ step }) => step.startsWith('13.'));
    for (const [at, { step, disk }] of stage.disks.slice(0, 18).entries())
      expect({ step, shown: await recoveredFrom(stage, disk) }).toEqual({
        step,
        shown: at >= released ? [1, 2, 0, 0] : [0, 0, 0, 0],
      });
  });
});
