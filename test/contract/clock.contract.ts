import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/ports/ports.js';

/** What every implementation of the Clock port promises. */
export function clockContract(
  name: string,
  make: () => { clock: Clock; run<T>(promise: Promise<T>): Promise<T> },
): void {
  describe(`Clock contract: ${name}`, () => {
    test('time goes on and never back', async () => {
      const { clock, run } = make();
      let last = clock.monotonicMs();
      for (let round = 0; round < 5; round += 1) {
        await run(clock.sleep(2));
        expect(clock.monotonicMs()).toBeGreaterThan(last);
        last = clock.monotonicMs();
      }
      expect(clock.nowMs()).toBeGreaterThan(1_500_000_000_000);
      expect(Number.isInteger(clock.nowMs())).toBe(true);
    });

    test('looks at the order of events rise, and go with the time that passes', async () => {
      const { clock, run } = make();
      let last = clock.sequenceNs();
      const startNs = last;
      for (let look = 0; look < 100; look += 1) {
        const now = clock.sequenceNs();
        expect(now >= last).toBe(true);
        last = now;
      }
      await run(clock.sleep(5));
      expect(clock.sequenceNs() - startNs >= 4_990_000n).toBe(true);
    });

    test('a boot has one name, short and printable', () => {
      const { clock } = make();
      expect(clock.bootId()).toMatch(/^[\x21-\x7e]{1,64}$/);
      expect(clock.bootId()).toBe(clock.bootId());
    });

    test('a sleep lasts at least its span', async () => {
      const { clock, run } = make();
      const start = clock.monotonicMs();
      expect(await run(clock.sleep(20))).toBe('elapsed');
      expect(clock.monotonicMs() - start).toBeGreaterThanOrEqual(19.99);
    });

    test('a signal ends a sleep at once, also one that fired before', async () => {
      const { clock, run } = make();
      const stop = new AbortController();
      const sleeping = clock.sleep(1_000_000, stop.signal);
      stop.abort();
      expect(await run(sleeping)).toBe('aborted');
      expect(await run(clock.sleep(1_000_000, stop.signal))).toBe('aborted');
      expect(await run(clock.sleep(0))).toBe('elapsed');
    });

    test('yieldTurn lets others go on', async () => {
      const { clock, run } = make();
      const order: string[] = [];
      const worker = async (name: string) => {
        for (let round = 0; round < 10; round += 1) {
          order.push(name);
          await clock.yieldTurn();
        }
      };
      await run(Promise.all([worker('a'), worker('b')]));
      expect(order.indexOf('b')).toBeLessThan(order.lastIndexOf('a'));
    });
  });
}
