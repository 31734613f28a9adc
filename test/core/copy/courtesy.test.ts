import { describe, expect, it } from 'vitest';
import { Copier, type CopyJob, Courtesy, restAfter } from '../../../src/core/copy/copy.js';
import { World } from '../../simulation/world/world.js';

/** A job whose pieces take a while and never end, with the times at which each began. */
class Endless implements CopyJob {
  readonly tracksPerTurn = 1;
  readonly isDue = false;
  isHurried = false;
  mayCommit = true;
  isHeld = false;
  pieceMs = 2;
  left = Number.POSITIVE_INFINITY;
  commits = 0;
  readonly world: World;
  readonly begunMs: number[] = [];
  readonly gently: boolean[] = [];

  constructor(world: World) {
    this.world = world;
  }

  waitMs(): number {
    return 0;
  }

  async turn(_tracks: number, gently: boolean): Promise<'copied' | 'idle'> {
    if (this.left === 0) return 'idle';
    this.left -= 1;
    this.begunMs.push(this.world.clock.monotonicMs());
    this.gently.push(gently);
    this.isHeld = true;
    await this.world.clock.sleep(this.pieceMs);
    return 'copied';
  }

  async land(): Promise<void> {
    this.isHeld = false;
  }

  async commit(): Promise<void> {
    this.commits += 1;
  }

  async abandon(): Promise<void> {
    this.isHeld = false;
  }
}

/** A copier beside hosts that ask for something every millisecond while `busy`. */
class Stage {
  readonly world = new World(11);
  readonly job = new Endless(this.world);
  busy = true;
  requests = 0;
  readonly copier = new Copier(this.world.clock, () => [this.job]);
  readonly courtesy = new Courtesy(this.world.clock, () => this.requests);
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  start(): void {
    this.copier.giveWay(this.courtesy);
    this.#host();
    this.#running = this.copier.run(this.#stop.signal);
  }

  pass(spanMs: number): Promise<void> {
    return this.world.scheduler.advance(spanMs);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    this.busy = false;
    if (this.#running) await this.world.run(this.#running);
  }

  #host(): void {
    if (this.#stop.signal.aborted) return;
    if (this.busy) {
      this.requests += 1;
      this.copier.hostWrote();
    }
    this.world.scheduler.after(undefined, 1, () => this.#host());
  }
}

describe('copying beside hosts at work', () => {
  it('takes a twentieth of the time, and all of it once they are idle', async () => {
    const stage = new Stage();
    stage.start();
    await stage.pass(4_000);
    const beside = stage.job.begunMs.length * stage.job.pieceMs;
    expect(beside).toBeGreaterThan(4_000 / 40);
    expect(beside).toBeLessThan(4_000 / 18);
    stage.busy = false;
    await stage.pass(500);
    const before = stage.job.begunMs.length;
    await stage.pass(1_000);
    expect((stage.job.begunMs.length - before) * stage.job.pieceMs).toBeGreaterThan(900);
    await stage.end();
  });

  it('holds no track while it rests', async () => {
    const stage = new Stage();
    stage.start();
    let held = 0;
    for (let look = 0; look < 400; look += 1) {
      await stage.pass(1);
      if (stage.job.isHeld) held += 1;
    }
    expect(stage.job.begunMs.length).toBeGreaterThan(3);
    expect(held).toBeLessThanOrEqual(stage.job.begunMs.length * (stage.job.pieceMs + 1));
    expect(stage.job.gently.every(Boolean)).toBe(true);
    await stage.end();
  });

  it('is not held up for a pair that a command waits for', async () => {
    const stage = new Stage();
    stage.job.isHurried = true;
    stage.start();
    await stage.pass(1_000);
    expect(stage.job.begunMs.length * stage.job.pieceMs).toBeGreaterThan(900);
    expect(stage.job.gently.some(Boolean)).toBe(false);
    await stage.end();
  });

  it('goes on within seconds, however long one piece was held up', async () => {
    const stage = new Stage();
    stage.job.pieceMs = 10_000;
    stage.start();
    await stage.pass(13_000);
    expect(stage.job.begunMs).toHaveLength(2);
    await stage.end();
  });

  it('commits what it has only once it may', async () => {
    const stage = new Stage();
    Object.assign(stage.job, { left: 1, mayCommit: false });
    stage.start();
    await stage.pass(500);
    expect(stage.job.commits).toBe(0);
    stage.job.mayCommit = true;
    await stage.pass(50);
    expect(stage.job.commits).toBeGreaterThan(0);
    await stage.end();
  });

  it('is not woken by each of their writes, yet finds new work soon', async () => {
    const stage = new Stage();
    stage.job.left = 0;
    let looks = 0;
    const turn = stage.job.turn.bind(stage.job);
    stage.job.turn = (tracks, gently) => {
      looks += 1;
      return turn(tracks, gently);
    };
    stage.start();
    await stage.pass(2_000);
    expect(looks).toBeLessThan(150);
    stage.job.left = 1;
    await stage.pass(50);
    expect(stage.job.begunMs).toHaveLength(1);
    await stage.end();
  });
});

describe('a courtesy', () => {
  it('counts what several pairs copy at the same time once', async () => {
    const world = new World(12);
    let requests = 0;
    const courtesy = new Courtesy(world.clock, () => requests);
    const ends = [courtesy.begin(), courtesy.begin()];
    await world.scheduler.advance(4);
    ends[0]?.();
    requests += 1;
    expect(courtesy.waitMs()).toBe(0);
    ends[1]?.();
    expect(courtesy.waitMs()).toBeCloseTo(restAfter(4));
  });

  it('does not apply before a host asked for anything, nor long after', async () => {
    const world = new World(13);
    let requests = 7;
    const courtesy = new Courtesy(world.clock, () => requests);
    expect(courtesy.applies).toBe(false);
    requests += 1;
    expect(courtesy.applies).toBe(true);
    await world.scheduler.advance(1_000);
    expect(courtesy.applies).toBe(false);
  });
});
