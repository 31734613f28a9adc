import { it } from 'vitest';
import { runModel } from './campaign/model-run.js';

it('any series of requests, writes and crashes keeps every promise', { timeout: 300_000 }, async () => {
  await runModel({ runs: 500, seed: 20_260_101 });
});
