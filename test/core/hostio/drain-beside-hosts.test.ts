import { describe, expect, it } from 'vitest';
import type { PairState } from '../../../src/core/pair/pair.js';
import { FROZEN } from '../pair/states.js';
import { Rig, runsOf } from './rig.js';

const TRACKS = 600;

/** A host that writes so many tracks of volume 0 here and there, one a millisecond, until told to stop. */
class Host {
  isStopped = false;
  writes = 0;
  /** The most time that one of its writes took. */
  slowestMs = 0;
  readonly ended: Promise<void>;
  readonly #rig: Rig;
  readonly #tracks: number;

  constructor(rig: Rig, tracks: number) {
    this.#rig = rig;
    this.#tracks = tracks;
    this.ended = this.#write();
  }

  async #write(): Promise<void> {
    const { clock } = this.#rig.world;
    for (; !this.isStopped; this.writes += 1) {
      const startedMs = clock.monotonicMs();
      await this.#rig.write(0, (this.writes * 37) % this.#tracks, 1 + (this.writes % 250));
      this.slowestMs = Math.max(this.slowestMs, clock.monotonicMs() - startedMs);
      await clock.sleep(1);
    }
  }
}

async function beside(state: PairState, tracks = TRACKS) {
  const rig = await Rig.make(TRACKS, 2);
  rig.fill(0, 1);
  const pair = await rig.pair({ primary: 0, secondary: 1, state, pace: 'slow', maps: { outOfSync: [0, tracks] } });
  return { rig, pair, host: new Host(rig, tracks) };
}

describe('the copier beside a host that never pauses', () => {
  it.each(['pending', 'resync'] as const)(
    'moves a pair from %s to duplex once it copied what was lacking',
    async (status) => {
      const { rig, pair, host } = await beside({ status });
      pair.waiters = 1;
      await rig.copy([rig.drain(pair)], 20_000);
      expect(rig.completed).toEqual(['duplex']);
      host.isStopped = true;
      await rig.run(host.ended);
      pair.waiters = 0;
      await rig.copy([rig.drain(pair)], 20_000);
      expect(rig.image(1)).toEqual(rig.image(0));
      expect(runsOf(pair, 'outOfSync')).toEqual([]);
    },
  );

  it('gets on without being waited for, and commits seldom', async () => {
    const { rig, pair, host } = await beside({ status: 'pending' });
    let commits = 0;
    const progress = () => {
      commits += 1;
    };
    await rig.copy([rig.drain(pair, { progress })], 20_000);
    expect(rig.image(1).filter((byte) => byte !== 0).length).toBeGreaterThan(TRACKS / 4);
    expect(commits).toBeGreaterThan(0);
    expect(commits).toBeLessThan(25);
    host.isStopped = true;
    await rig.run(host.ended);
  });

  it('keeps a write of the host waiting for one piece at most, never for its rest', async () => {
    const { rig, pair, host } = await beside({ status: 'sp-pending', frozen: FROZEN });
    await rig.copy([rig.drain(pair)], 5_000);
    host.isStopped = true;
    await rig.run(host.ended);
    expect(host.writes).toBeGreaterThan(100);
    expect(rig.volume(1).claims.isEmpty).toBe(true);
    // Saving an old track takes several calls to storage of at most 20 ms each; a rest would come on top of them.
    expect(host.slowestMs).toBeLessThan(300);
  });

  it('commits seldom where it keeps up with the host, but at once for whoever wants the pair', async () => {
    const { rig, pair, host } = await beside({ status: 'duplex' }, 2);
    let commits = 0;
    const progress = () => {
      commits += 1;
    };
    const copying = rig.copy([rig.drain(pair, { progress })], 10_000);
    const { clock } = rig.world;
    const asking = (async () => {
      await clock.sleep(5_000);
      const seldom = commits;
      let longestMs = 0;
      for (let times = 0; times < 40; times += 1) {
        await clock.sleep(60);
        const askedMs = clock.monotonicMs();
        const release = await pair.mutex.acquire();
        longestMs = Math.max(longestMs, clock.monotonicMs() - askedMs);
        release();
      }
      return { seldom, longestMs };
    })();
    await copying;
    const { seldom, longestMs } = await asking;
    expect(seldom).toBeGreaterThan(2);
    expect(seldom).toBeLessThan(40);
    expect(longestMs).toBeLessThan(150);
    host.isStopped = true;
    await rig.run(host.ended);
  });
});
