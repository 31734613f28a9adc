import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { formed, LIMIT_MS, Orders } from './formation-orders.js';
import { overSeeds } from './stage.js';

describe('a gate that is closed for a formation', () => {
  it('H2: opens by itself at its limit, and says so when the order to run comes after that', async () => {
    const group = await SimGroup.ready(1);
    const orders = await Orders.of(group);
    expect(await orders.give(group.tokyo, 'coordinate', 1)).toMatchObject({ kind: 'ok' });
    const before = group.world.scheduler.nowMs;
    await group.tokyo.write('db', 1, 9);
    expect(group.world.scheduler.nowMs - before).toBeLessThan(LIMIT_MS + 100);
    expect(group.world.scheduler.nowMs - before).toBeGreaterThan(LIMIT_MS / 2);
    expect(await orders.give(group.tokyo, 'run', 1)).toMatchObject({ kind: 'opened-by-itself' });
    expect(await orders.give(group.tokyo, 'drain', 1)).toMatchObject({ kind: 'refused' });
  });

  it('H2: is judged by its own clock: an order to run that a late process looks at first does not count', async () => {
    await overSeeds(30, async (seed) => {
      const group = await SimGroup.ready(seed);
      const orders = await Orders.of(group);
      expect(await orders.give(group.tokyo, 'coordinate', 1)).toMatchObject({ kind: 'ok' });
      const { process } = group.tokyo.process;
      process.hangUntil(group.world.scheduler.nowMs + LIMIT_MS + 20);
      // From another system, so that the order waits with all else that a stopped process has to do.
      const late = group.kyoto.process;
      const answer = await group.world.run(
        (async () => {
          await late.clock.sleep(LIMIT_MS + 20);
          return orders.send(group.tokyo, 'run', 1);
        })(),
      );
      expect(answer).toMatchObject({ kind: 'opened-by-itself' });
    });
  });

  it('H2: makes the formation void for all where one opened by itself, and the last group stands', async () => {
    await overSeeds(20, async (seed) => {
      const group = await SimGroup.ready(seed);
      await formed(group);
      const { rng, scheduler } = group.world;
      await group.write(2);
      const { process } = group.kyoto.process;
      // Stopped at some moment of the next formation, for longer than the limit: before its gate closes, or behind it.
      scheduler.after(undefined, rng.unit() * 30, () => {
        process.hangUntil(scheduler.nowMs + LIMIT_MS * 3);
      });
      const answer = await group.start();
      const [db, log] = await group.first('db-backup', 'log-backup');
      if (answer.outcome === 'formed') expect([db, log]).toEqual([2, 2]);
      else expect([db, log]).toEqual([1, 1]);
      await group.pass(1_000);
      await group.duplex();
      await formed(group);
      expect(await group.first('db-backup', 'log-backup')).toEqual([2, 2]);
    });
  });
});
