import { describe, expect, it } from 'vitest';
import type { PolicyChange, Stopped } from '../../../src/core/group/group.js';
import { SimGroup, TRACKS } from '../../simulation/system/sim-group.js';
import type { SimSite } from '../../simulation/system/sim-sites.js';

/** What `serve` does: forms at the interval, keeps the windows, copies. Ends with the processes. */
function serve(...sites: readonly SimSite[]): void {
  for (const site of sites) {
    void site.client.request('cg.follow', { group: 'g' }).catch(() => undefined);
    void copying(site);
  }
}

async function copying({ client, process }: SimSite): Promise<void> {
  for (;;) {
    await client.request('copier.drain', { timeoutMs: 500 }).catch(() => undefined);
    await process.clock.sleep(20);
  }
}

const policy = (group: SimGroup, change: PolicyChange) => group.tokyo.ask('cg.policy', { group: 'g', change });
const pause = (group: SimGroup, input: { stop?: Stopped; consistent?: boolean } = {}) =>
  group.tokyo.ask('cg.pause', { group: 'g', ...input });

/** What becomes of a host's write within so long. */
async function written(group: SimGroup, site: SimSite, volume: string, withinMs: number): Promise<string> {
  const data = new Uint8Array(4096).fill(9);
  const request = site.client.request('volume.write', { volume, offsetBytes: 0, durable: true }, { data });
  const answer = request.then(
    () => 'written',
    (error: { code: string }) => error.code,
  );
  return group.world.run(Promise.race([answer, group.world.clock.sleep(withinMs).then(() => 'waits')]));
}

describe('cg pause --stop writes', () => {
  it('holds writes, refuses them after the hold limit, and takes them again after resume', async () => {
    const group = await SimGroup.ready(1);
    await policy(group, { holdLimitMs: 2_000 });
    serve(group.tokyo);
    expect((await pause(group, { stop: 'writes' })).group).toMatchObject({
      state: 'paused',
      stop: 'writes',
      held: { what: 'writes', by: 'pause' },
    });
    expect(await written(group, group.tokyo, 'db', 1_000)).toBe('waits');
    expect(await written(group, group.kyoto, 'log', 1_500)).toBe('group-paused');
    expect(await written(group, group.tokyo, 'db', 100)).toBe('group-paused');
    await group.tokyo.ask('cg.resume', { group: 'g' });
    expect(await written(group, group.tokyo, 'db', 1_000)).toBe('written');
    expect(await written(group, group.kyoto, 'log', 1_000)).toBe('written');
  });

  it('lasts as long as its master renews it, also over a restart of a member', async () => {
    const group = await SimGroup.ready(2);
    await policy(group, { holdLimitMs: 0 });
    serve(group.tokyo);
    await pause(group, { stop: 'writes' });
    await group.pass(100_000);
    expect(await written(group, group.kyoto, 'log', 1_000)).toBe('group-paused');
    group.kyoto.kill();
    await group.kyoto.restart();
    await group.pass(15_000);
    expect(await written(group, group.kyoto, 'log', 1_000)).toBe('group-paused');
  });

  it('ends by itself within its lease where the master is dead, or nobody renews it', async () => {
    for (const dies of [true, false]) {
      const group = await SimGroup.ready(3);
      await policy(group, { holdLimitMs: 100 });
      if (dies) serve(group.tokyo);
      await pause(group, { stop: 'writes' });
      if (dies) group.tokyo.kill();
      await group.pass(20_000);
      expect(await written(group, group.kyoto, 'log', 500)).toBe('group-paused');
      await group.pass(11_000);
      expect(await written(group, group.kyoto, 'log', 500)).toBe('written');
    }
  });

  it('is over at once when a master that was restarted resumes the group', async () => {
    const group = await SimGroup.ready(4);
    await policy(group, { holdLimitMs: 100 });
    await pause(group, { stop: 'writes' });
    group.tokyo.kill();
    await group.tokyo.restart();
    await group.tokyo.ask('cg.resume', { group: 'g' });
    expect(await written(group, group.kyoto, 'log', 500)).toBe('written');
  });
});

describe('cg pause --consistent', () => {
  it('leaves the remotes on the group, whatever hosts write meanwhile, until resume', async () => {
    for (let seed = 10; seed < 13; seed += 1) {
      const group = await SimGroup.ready(seed, 2);
      await policy(group, { coordinationLimitMs: 1_000 });
      serve(group.tokyo, group.kyoto);
      let isOver = false;
      const host = async () => {
        for (let value = 2; !isOver; value = (value % 200) + 1) {
          for (const [site, volume] of [
            [group.tokyo, 'db'],
            [group.kyoto, 'log'],
          ] as const) {
            const data = new Uint8Array(4096).fill(value);
            await site.client.request('volume.write', { volume, offsetBytes: 0, durable: false }, { data });
          }
          await group.world.clock.sleep(3);
        }
      };
      const writing = host();
      const paused = await pause(group, { consistent: true });
      expect(paused).toMatchObject({ outcome: 'done', formation: { outcome: 'formed' } });
      await group.pass(500);
      isOver = true;
      await group.world.run(writing);
      await group.pass(40_000);
      const { pairs: db } = await group.osaka.ask('pair.list', {});
      const { pairs: log } = await group.nara.ask('pair.list', {});
      const changed = [...db, ...log].filter(({ secondary }) => secondary.endsWith('-backup'));
      expect(changed.map(({ changedTracks }) => changedTracks)).toEqual([0, 0]);
      expect(await group.start()).toMatchObject({ outcome: 'paused' });
      await group.tokyo.ask('cg.resume', { group: 'g' });
      await group.pass(2_000);
      expect(await group.start()).toMatchObject({ outcome: 'formed' });
    }
  });

  it('pauses nothing where no group is formed', async () => {
    const group = await SimGroup.ready(20);
    await group.kyoto.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.write(2);
    const { outcome, group: after, formation } = await pause(group, { consistent: true });
    expect([outcome, after.state, formation?.outcome]).toEqual(['nothing', 'stopped', 'void']);
  });
});

describe('a window', () => {
  const now = (group: SimGroup) => group.world.clock.nowMs();

  it('run,pause forms in its runs and stops sending in its pauses', async () => {
    const group = await SimGroup.ready(30);
    const window = {
      kind: 'run-pause',
      runMs: 10_000,
      pauseMs: 10_000,
      anchorMs: now(group),
      stop: 'sending',
    } as const;
    await policy(group, { window, intervalMs: 1_000 });
    await group.tokyo.ask('cg.run', { group: 'g' });
    serve(group.tokyo, group.kyoto);
    await group.pass(9_000);
    const { formed } = await group.status();
    expect(formed).toBeGreaterThan(5);
    await group.pass(3_000);
    const closed = await group.status();
    expect(closed).toMatchObject({ state: 'running', held: { what: 'sending', by: 'window' } });
    expect(closed.members.map(({ state }) => state)).toEqual(['paused', 'paused']);
    await group.write(5);
    await group.pass(5_000);
    const paused = await group.status();
    expect(paused.members.map(({ outOfSyncTracks }) => outOfSyncTracks)).toEqual([1, 1]);
    expect(paused.formed).toBe(closed.formed);
    await group.pass(6_000);
    expect((await group.status()).formed).toBeGreaterThan(closed.formed);
    expect(await group.first('db-backup', 'log-backup')).toEqual([5, 5]);
  });

  it('from,to with stop=writes refuses writes until its end, also where its master dies in it', async () => {
    const group = await SimGroup.ready(31);
    const from = Math.ceil(now(group)) + 5_000;
    const window = { kind: 'from-to', fromMs: from, toMs: from + 60_000, stop: 'writes' } as const;
    await policy(group, { window, holdLimitMs: 1_000, intervalMs: 1_000 });
    await group.tokyo.ask('cg.run', { group: 'g' });
    serve(group.tokyo, group.kyoto);
    await group.pass(3_000);
    expect(await written(group, group.kyoto, 'log', 500)).toBe('written');
    await group.pass(3_000);
    expect(await written(group, group.kyoto, 'log', 1_500)).toBe('group-paused');
    group.tokyo.kill();
    await group.pass(40_000);
    expect(await written(group, group.kyoto, 'log', 500)).toBe('group-paused');
    await group.pass(20_000);
    expect(await written(group, group.kyoto, 'log', 500)).toBe('written');
  });

  it('daily closes and opens at its times, and one taken away lets the members go on at once', async () => {
    const group = await SimGroup.ready(32);
    const at = new Date(now(group) + 120_000);
    const fromMinute = at.getHours() * 60 + at.getMinutes();
    const window = { kind: 'daily', fromMinute, toMinute: (fromMinute + 60) % 1440, stop: 'writes' } as const;
    await policy(group, { window, holdLimitMs: 0, intervalMs: 60_000 });
    await group.tokyo.ask('cg.run', { group: 'g' });
    serve(group.tokyo);
    await group.pass(30_000);
    expect(await written(group, group.tokyo, 'db', 500)).toBe('written');
    await group.pass(150_000);
    expect(await written(group, group.tokyo, 'db', 500)).toBe('group-paused');
    expect(await group.start()).toMatchObject({ outcome: 'paused' });
    await policy(group, { window: null });
    expect(await written(group, group.tokyo, 'db', 500)).toBe('written');
    expect(await group.start()).toMatchObject({ outcome: 'formed' });
  });

  it('is off while the group is stopped', async () => {
    const group = await SimGroup.ready(33);
    const window = { kind: 'from-to', fromMs: 0, toMs: Math.ceil(now(group)) + 600_000, stop: 'writes' } as const;
    await policy(group, { window, holdLimitMs: 0 });
    expect(await written(group, group.tokyo, 'db', 500)).toBe('written');
    await group.tokyo.ask('cg.run', { group: 'g' });
    expect(await written(group, group.tokyo, 'db', 500)).toBe('group-paused');
    await group.tokyo.ask('cg.stop', { group: 'g' });
    expect(await written(group, group.tokyo, 'db', 500)).toBe('written');
  });
});

describe('the rate of a group', () => {
  it('caps what all its systems send together', async () => {
    const group = await SimGroup.ready(40);
    await group.start();
    await policy(group, { rateBytesPerSecond: 4_096 });
    for (let track = 0; track < TRACKS; track += 1) {
      await group.tokyo.write('db', track, 5);
      await group.kyoto.write('log', track, 5);
    }
    const begun = group.world.clock.nowMs();
    const both = [group.tokyo, group.kyoto].map((site) => site.client.request('copier.drain', {}));
    await group.world.run(Promise.all(both));
    const seconds = (group.world.clock.nowMs() - begun) / 1_000;
    // Eight tracks of 4 KiB, each system with half of the rate; what leads by a burst is at most a track.
    expect(seconds).toBeGreaterThan(5);
    expect(seconds).toBeLessThan(10);
    await policy(group, { rateBytesPerSecond: 0 });
    await group.write(6);
    const again = group.world.clock.nowMs();
    await group.drain();
    expect(group.world.clock.nowMs() - again).toBeLessThan(3_000);
  });
});
