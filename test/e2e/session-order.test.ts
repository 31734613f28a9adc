import { describe, expect, it } from 'vitest';
import { alternate } from '../torture/alternating.js';
import { useRootFolder } from './root-folder.js';

const WRITES = 4_000;
const clock = useRootFolder();
const arrival = useRootFolder();

describe('two hosts that write in turns to two systems of a checkpoint session', { timeout: 120_000 }, () => {
  it('see no checkpoint that shows a write without the one before it, in the order of the clock', async () => {
    const { checkpoints } = await alternate(clock.path, 'clock', WRITES);
    expect(checkpoints).toBeGreaterThan(5);
  });

  it('nor in the order of arrival', async () => {
    const { checkpoints } = await alternate(arrival.path, 'arrival', WRITES);
    expect(checkpoints).toBeGreaterThan(5);
  });
});
