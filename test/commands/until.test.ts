import { afterEach, describe, expect, it, vi } from 'vitest';
import { demandFuture, untilClock } from '../../src/cli/until.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a time of day', () => {
  it('that has passed is refused', () => {
    vi.stubEnv('COPYSET_NOW', '2026-03-01T12:00:00Z');
    expect(() => demandFuture(Date.UTC(2026, 2, 1, 11, 59))).toThrow(expect.objectContaining({ code: 'bad-time' }));
    expect(() => demandFuture(Date.UTC(2026, 2, 1, 12, 0))).not.toThrow();
  });

  it('comes', async () => {
    const at = Date.now() + 30;
    await untilClock(at, new AbortController().signal);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
  });

  it('is cancelled by ^C, and nothing was changed', async () => {
    const stop = new AbortController();
    const waiting = untilClock(Date.now() + 60_000, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  });
});
