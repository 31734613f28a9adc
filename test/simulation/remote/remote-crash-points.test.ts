import { describe, expect, it } from 'vitest';
import { SITES } from '../system/two-systems.js';
import type { Keep } from '../world/world.js';
import { type CrashPoint, countCalls, crashOnce } from './remote-crash.js';
import { REMOTE_SCENARIOS } from './remote-scenarios.js';

/** Every so many store calls are crash points here; `STRIDE=1` takes all of them. */
const STRIDE = Number(process.env.STRIDE ?? 5);
const KEEPS: readonly Keep[] = ['none', 'all', 'random'];
const SEED = Number(process.env.SEED ?? 1);

function* pointsOf(calls: Record<'tokyo' | 'osaka', number>): Iterable<CrashPoint> {
  for (const site of SITES)
    for (let call = 1 + (SEED % STRIDE); call <= calls[site]; call += STRIDE) {
      yield { site, call, kind: 'kill', keep: 'none' };
      yield { site, call, kind: 'power', keep: KEEPS[call % KEEPS.length] ?? 'random' };
    }
}

describe('a crash of either side, or of the machine, at any store call', () => {
  it.each(REMOTE_SCENARIOS)(
    'while $name loses no difference and no answered write',
    { timeout: 120_000 },
    async (scenario) => {
      const calls = await countCalls(scenario, SEED);
      let points = 0;
      for (const point of pointsOf(calls)) {
        try {
          await crashOnce(scenario, SEED, point);
        } catch (error) {
          const where = `${point.kind} of ${point.site} at call ${point.call} (${point.keep}), seed ${SEED}`;
          throw new Error(`${where}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
        }
        points += 1;
      }
      expect(points).toBeGreaterThan(5);
    },
  );
});
