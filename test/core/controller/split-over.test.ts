import { describe, expect, it } from 'vitest';
import { codeOf, overSeeds } from '../../hazards/stage.js';
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
      for (const site of two.sites)
        await site.ask('pair.wait', { pairs: [{ primary: '*' }], statuses: ['split'] });
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
    const input = { ...two.splitInput({}, 'db'), words: { virtual: true, pace: 'slow' as const, rateBytesPerSecond: 4096 } };
    await two.coordinator.ask('split.over', input);
    for (const site of two.sites)
      expect((await site.ask('pair.list', {})).pairs[0]).toMatchObject({
        status: 'split',
        virtual: true,
        pace: 'slow',
        rateBytesPerSecond: 4096,
      });
  });

  it('answers the same again where its request is sent again', async () => {
    const two = await TwoSites.create(8);
    const controller = (two.coordinator.client as unknown as { request: unknown }) && two.coordinator;
    const first = await controller.ask('split.over', two.splitInput());
    expect(first.parts).toHaveLength(2);
    const again = await controller.ask('split.over', two.splitInput());
    expect(again.parts.flatMap(({ answer }) => answer.pairs).every(({ outcome }) => outcome === 'nothing')).toBe(true);
  });
});
