import { describe, it } from 'vitest';
import { inWorld } from '../core/transfer/sync-stage.js';
import { SyncRun } from './campaign/sync-run.js';
import { withSeed } from './world/world.js';

const only = process.env.SEED;
const seeds = only ? [Number(only)] : Array.from({ length: 40 }, (_, i) => i + 1);

describe('synchronous pairs under random trouble', () => {
  it.each(seeds)(
    'keep every promise (schedule %i)',
    async (seed) => {
      await withSeed(seed, 'SEED=SEED npx vitest run test/simulation/sync.test.ts', () =>
        inWorld(seed, (world) => new SyncRun(world, { threeSites: seed % 2 === 0, rounds: 4 }).run()),
      );
    },
    60_000,
  );
});
