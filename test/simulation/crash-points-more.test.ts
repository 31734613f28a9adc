import { afterAll, describe, expect, it } from 'vitest';
import { crashEverywhere } from './campaign/crash-run.js';
import { SCENARIOS } from './campaign/scenarios.js';

/** With the other half of the scenarios at least 20,000 in every run of the tests. */
const POINTS = 1_100;

describe('a system that dies before any of its store calls, and again while it recovers', () => {
  let total = 0;
  for (const [index, scenario] of SCENARIOS.entries()) {
    if (index % 2 === 0) continue;
    it(`keeps every promise: ${scenario.name}`, { timeout: 120_000 }, async () => {
      const { points } = await crashEverywhere({ scenario, seed: 1 + index, points: POINTS });
      total += points;
      expect(points).toBeGreaterThan(POINTS * 0.5);
    });
  }

  afterAll(() => expect(total).toBeGreaterThan(10_000));
});
