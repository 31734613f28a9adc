import { describe, expect, it } from 'vitest';
import { failEverywhere } from './campaign/fault-run.js';
import { SCENARIOS } from './campaign/scenarios.js';

const FAULTS = 60;

describe('a system of which one call to the storage below fails once', () => {
  for (const [index, scenario] of SCENARIOS.entries()) {
    it(`loses nothing that was acknowledged: ${scenario.name}`, { timeout: 120_000 }, async () => {
      const { points, struck } = await failEverywhere({ scenario, seed: 101 + index, points: FAULTS });
      expect(struck).toBeGreaterThan(points / 2);
    });
  }
});
