import { it } from 'vitest';
import { runCommands, runModel } from './campaign/model-run.js';

it('any series of requests, writes and crashes keeps every promise', { timeout: 300_000 }, async () => {
  await runModel({ runs: 500, seed: 20_260_101 });
});

it('a pair that is deleted by force takes the point in time of one below it, which promises nothing any more', async () => {
  const step = { flag: false, writers: [], dieAt: 0, power: false, keep: 'none' } as const;
  await runCommands(1, [
    { ...step, act: 'create', pick: 0, other: 5, dieAt: 19 },
    { ...step, act: 'create', pick: 2, other: 8, writers: [0] },
    { ...step, act: 'rotate', pick: 0, other: 0 },
    { ...step, act: 'delete', pick: 4, other: 0, flag: true },
  ]);
});
