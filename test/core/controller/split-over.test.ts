import { describe, expect, it } from 'vitest';
import { FAULT_TABLE } from '../../../src/core/catalog/catalog.js';
import { openClient, type SystemClient } from '../../../src/core/controller/controller.js';
import { codeOf, overSeeds } from '../../hazards/stage.js';
import { portsOf } from '../../simulation/system/sim-system.js';
import { TwoSites } from '../../simulation/system/two-sites.js';

describe('A split over several systems', () => {
  it('is one instant: what the secondaries show of dependent writes is a prefix', async () => {
    await overSeeds(15, async (seed) => {
      const two = await TwoSites.create(seed);
      two.startWriting();
      await two.rest(two.world.rng.unit() * 20);
      const before = two.answered;
      const { parts } = await two.split();
      const after = two.answered;
      await two.rest(5);
      expect(parts.map(({ answer }) => answer.pairs.map(({ outcome }) => outcome))).toEqual([
        ['done', 'done'],
        ['done', 'done'],
      ]);
      expect(parts[0]?.answer.pauseMs).toBe(parts[1]?.answer.pauseMs);
      const shown = await two.shown();
      expect(shown).toBeGreaterThanOrEqual(before);
      expect(shown).toBeLessThanOrEqual(after + 1);
      await two.stopWriting();
      for (const site of two.sites) await site.ask('pair.wait', { pairs: [{ primary: '*' }], statuses: ['split'] });
      expect(await two.shown()).toBe(shown);
      expect(await two.statuses()).toEqual(['split', 'split', 'split', 'split']);
    });
  });

  it('opens the secondaries only once it counts, those in other systems too', async () => {
    const two = await TwoSites.create(3);
    await two.split({}, 'log');
    expect(await two.remote.read(`log-of-${two.member.place.name}`, 1)).toEqual([0]);
    await two.remote.write(`log-of-${two.member.place.name}`, 0, 5);
    expect(await two.remote.read(`log-of-${two.member.place.name}`, 1)).toEqual([5]);
  });

  it('refuses what one system refuses, and changes nothing at any', async () => {
    const two = await TwoSites.create(4);
    await two.member.ask('pair.suspend', { pairs: [{ primary: 'db' }] });
    expect(await codeOf(two.split())).toBe('status-refuses');
    expect((await two.statuses()).filter((status) => status === 'duplex')).toHaveLength(3);
  });

  it('is not begun where a system cannot be reached', async () => {
    const two = await TwoSites.create(5);
    await two.coordinator.ask('fault.set', { kind: 'link-down', peer: two.member.place.name });
    expect(await codeOf(two.split())).toBe('link-lost');
    expect(await two.statuses()).toEqual(['duplex', 'duplex', 'duplex', 'duplex']);
  });

  it('keeps the point in time of pairs that are split already, and changes their settings only where it counts', async () => {
    const two = await TwoSites.create(6);
    await two.member.ask('pair.split', { pairs: [{ primary: 'db' }] });
    const [old] = (await two.member.ask('pair.list', {})).pairs;
    await two.coordinator.ask('fault.set', { kind: 'link-slow', peer: two.member.place.name, delayMs: 3_000 });
    expect(await codeOf(two.split({ readOnly: true }, 'db'))).toBe('split-void');
    await two.rest(10_000);
    expect((await two.member.ask('pair.list', {})).pairs[0]).toMatchObject({ readOnly: false, reason: null });
    await two.coordinator.ask('fault.clear', {});
    await two.split({ readOnly: true }, 'db');
    expect((await two.member.ask('pair.list', {})).pairs[0]).toMatchObject({
      readOnly: true,
      pointInTime: old?.pointInTime,
    });
    expect((await two.coordinator.ask('pair.list', {})).pairs[0]).toMatchObject({ readOnly: true });
  });

  it('can be virtual, and takes pace and rate, where it counts', async () => {
    const two = await TwoSites.create(7);
    const input = {
      ...two.splitInput({}, 'db'),
      words: { virtual: true, pace: 'slow' as const, rateBytesPerSecond: 4096 },
    };
    await two.coordinator.ask('split.over', input);
    for (const site of two.sites)
      expect((await site.ask('pair.list', {})).pairs[0]).toMatchObject({
        status: 'split',
        virtual: true,
        pace: 'slow',
        rateBytesPerSecond: 4096,
      });
  });

  describe.each(['ready', 'gated', 'logged', 'prepared', 'opened', 'decided', 'committed'] as const)(
    'whose coordinator dies at split.%s',
    (step) => {
      it('is made by whoever asked for it, with one answer, and one instant', async () => {
        await overSeeds(3, async (seed) => {
          const two = await TwoSites.create(seed);
          const client = await clientElsewhere(two);
          await two.coordinator.ask('fault.set', { kind: 'crash', step: `split.${step}` });
          // The process that lives has it in memory; whoever owns the system next finds none.
          two.world.files.remove(`${two.coordinator.place.path}/${FAULT_TABLE}`);
          two.startWriting();
          const { output } = await two.world.run(client.request('split.over', two.splitInput()));
          expect(two.coordinator.process.process.alive).toBe(false);
          expect(output.parts.flatMap(({ answer: { pairs } }) => pairs.map(({ outcome }) => outcome))).toEqual([
            'done',
            'done',
            'done',
            'done',
          ]);
          await two.world.run(client.close());
          await two.comeBack();
          expect(await two.settledAs()).toBe('split');
        });
      });
    },
  );
});

/** A client in a process of its own, which becomes the coordinator's controller where that dies. */
async function clientElsewhere(two: TwoSites): Promise<SystemClient> {
  const asker = two.world.start('asker');
  await two.rest(50);
  return two.world.run(openClient(portsOf(asker), two.coordinator.place, { purpose: 'ask' }));
}

describe('A split whose coordinator is gone for good', () => {
  const systems = (two: TwoSites) => two.sites.map(({ ref }) => ref);
  const settle = (two: TwoSites) =>
    two.member.ask('split.settle', { systems: systems(two), former: two.remote.ref.id });
  const statuses = async (two: TwoSites) => (await two.statuses()).filter((_, at) => at % 2 === 0);

  it('is undone by its next coordinator where no member has committed it, whatever the former one knew', async () => {
    const two = await TwoSites.create(11);
    await two.remote.ask('fault.set', { kind: 'crash', step: 'split.decided' });
    two.splitFromAfar().catch(() => undefined);
    await two.rest(1_500);
    two.world.files.rename(two.remote.place.path, '/sys/away');
    await two.rest(30_000);
    expect(await statuses(two)).toEqual(['sp-pending', 'sp-pending']);
    expect(await settle(two)).toMatchObject({ settled: [{ decision: 'undo' }] });
    await two.rest(2_000);
    expect(await statuses(two)).toEqual(['duplex', 'duplex']);

    // It comes back with a decision that nobody obeys any more, and forgets it.
    two.world.files.rename('/sys/away', two.remote.place.path);
    await two.comeBack();
    expect(await statuses(two)).toEqual(['duplex', 'duplex']);
    expect(await two.remote.ask('split.list', {})).toEqual({ splits: [] });
  });

  it('is committed by its next coordinator where one member has committed it', async () => {
    const two = await TwoSites.create(12);
    await two.remote.ask('fault.set', { kind: 'link-slow', peer: two.coordinator.place.name, delayMs: 400 });
    two.splitFromAfar().catch(() => undefined);
    // READY, PREPARE and RUN take 400 ms each; COMMIT has reached the quick one and not yet the slow one.
    await two.rest(1_500);
    two.remote.kill();
    two.world.files.rename(two.remote.place.path, '/sys/away');
    expect(await statuses(two)).toEqual(['sp-pending', 'split']);
    expect(await settle(two)).toMatchObject({ settled: [{ decision: 'commit' }] });
    await two.rest(2_000);
    expect(await statuses(two)).toEqual(['split', 'split']);
    expect(await settle(two)).toEqual({ settled: [] });
  });

  it('decides nothing while a member cannot be reached, and goes on by itself when it can', async () => {
    const two = await TwoSites.create(13);
    await two.remote.ask('fault.set', { kind: 'crash', step: 'split.decided' });
    two.splitFromAfar().catch(() => undefined);
    await two.rest(1_500);
    two.world.files.rename(two.remote.place.path, '/sys/away');
    const failing = two.member.client.request('split.settle', { systems: systems(two), former: two.remote.ref.id });
    await two.member.ask('fault.set', { kind: 'link-down', peer: two.coordinator.place.name });
    expect(await codeOf(two.world.run(failing))).toBe('link-lost');
    expect(await statuses(two)).toEqual(['sp-pending', 'sp-pending']);
    await two.member.ask('fault.clear', {});
    await settle(two);
    await two.rest(5_000);
    expect(await statuses(two)).toEqual(['duplex', 'duplex']);
  });
});
