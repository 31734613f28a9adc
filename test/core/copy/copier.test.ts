import { describe, expect, it } from 'vitest';
import { Copier, type CopyJob, RateLimit } from '../../../src/core/copy/copy.js';
import { World } from '../../simulation/world/world.js';

/** A job with so many tracks to copy, which remembers its turns in a list that all jobs share. */
class Counted implements CopyJob {
  abandon = async () => undefined;
  land = async () => undefined;

  readonly name: string;
  readonly turns: string[];
  left: number;
  tracksPerTurn: number;
  wait = 0;
  commits = 0;
  isDue = false;
  mayCommit = true;
  isHurried = false;

  constructor(name: string, turns: string[], left: number, tracksPerTurn: number) {
    this.name = name;
    this.turns = turns;
    this.left = left;
    this.tracksPerTurn = tracksPerTurn;
  }

  waitMs(): number {
    return this.wait;
  }

  async turn(tracks: number): Promise<'copied' | 'idle'> {
    if (this.left === 0) return 'idle';
    const now = Math.min(tracks, this.left);
    this.left -= now;
    this.turns.push(`${this.name}${now}`);
    return 'copied';
  }

  async commit(): Promise<void> {
    this.commits += 1;
  }
}

async function runFor(world: World, copier: Copier, spanMs: number): Promise<void> {
  const stop = new AbortController();
  const end = world.clock.sleep(spanMs).then(() => stop.abort());
  await world.run(Promise.all([copier.run(stop.signal), end]));
}

/** A job whose commit takes a while; two at once would settle one batch twice. */
class Lasting extends Counted {
  underWay = 0;
  most = 0;
  readonly #world: World;

  constructor(world: World) {
    super('l', [], 0, 1);
    this.#world = world;
  }

  override async commit(): Promise<void> {
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    await this.#world.clock.sleep(5);
    this.underWay -= 1;
    this.commits += 1;
  }
}

describe('the copier', () => {
  it('that is started again while it ends begins once it has ended: no job is committed twice at once', async () => {
    const world = new World(7);
    const job = new Lasting(world);
    const copier = new Copier(world.clock, () => [job]);
    const [first, second] = [new AbortController(), new AbortController()];
    const runs = [copier.run(first.signal)];
    const course = async () => {
      await world.clock.sleep(2);
      first.abort();
      await world.clock.sleep(4);
      runs.push(copier.run(second.signal));
      await world.clock.sleep(50);
      second.abort();
      copier.wake();
      await Promise.all(runs);
    };
    await world.run(course());
    expect(job.most).toBe(1);
    expect(job.commits).toBeGreaterThan(2);
  });

  it('gives each job its pace in turn, and commits what is done', async () => {
    const world = new World(1);
    const turns: string[] = [];
    const jobs = [new Counted('a', turns, 4, 3), new Counted('b', turns, 3, 1)];
    await runFor(world, new Copier(world.clock, () => jobs), 100);
    expect(turns).toEqual(['a3', 'b1', 'a1', 'b1', 'b1']);
    expect(jobs.every((job) => job.commits > 0)).toBe(true);
  });

  it('passes over a job at hold, and one whose rate makes it wait', async () => {
    const world = new World(2);
    const turns: string[] = [];
    const [held, slow, free] = [
      new Counted('h', turns, 3, 0),
      new Counted('s', turns, 3, 3),
      new Counted('f', turns, 3, 3),
    ];
    slow.wait = 1_000;
    await runFor(world, new Copier(world.clock, () => [held, slow, free]), 100);
    expect(turns).toEqual(['f3']);
  });

  it('finds work that comes while it rests, at once when woken', async () => {
    const world = new World(3);
    const turns: string[] = [];
    const job = new Counted('a', turns, 0, 3);
    const copier = new Copier(world.clock, () => [job]);
    const stop = new AbortController();
    const running = copier.run(stop.signal);
    await world.scheduler.advance(5);
    job.left = 2;
    copier.wake();
    await world.scheduler.advance(5);
    expect(turns).toEqual(['a2']);
    job.left = 1;
    await world.scheduler.advance(600);
    expect(turns).toEqual(['a2', 'a1']);
    stop.abort();
    await world.run(running);
  });

  it('commits everything before it stops', async () => {
    const world = new World(4);
    const job = new Counted('a', [], 1_000_000, 1);
    await runFor(world, new Copier(world.clock, () => [job]), 20);
    expect(job.commits).toBe(1);
  });
});

describe('a rate', () => {
  it('lets so many bytes through in a second, and makes up for short stalls only', async () => {
    const world = new World(5);
    const rate = new RateLimit(world.clock, 1_000);
    expect(rate.waitMs()).toBe(0);
    rate.spend(500);
    expect(rate.waitMs()).toBe(500);
    await world.scheduler.advance(10_000);
    rate.spend(500);
    expect(rate.waitMs()).toBeGreaterThanOrEqual(300);
  });

  it('of nothing lets everything through, and can be changed', () => {
    const world = new World(6);
    const rate = new RateLimit(world.clock, null);
    rate.spend(1e12);
    expect(rate.waitMs()).toBe(0);
    rate.set(100);
    rate.spend(100);
    expect(rate.waitMs()).toBeGreaterThan(700);
  });
});
