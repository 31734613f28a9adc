import { describe, expect, it } from 'vitest';
import { makeSites, PRIMARIES, SECONDARIES, SESSION, serveAll } from './checkpoint-sites.js';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder((made) => makeSites(made));

describe('what checkpoint refuses', { timeout: 60_000 }, () => {
  it.each([
    [['policy', 'none', '--interval', '5s'], 4, 'session-not-found'],
    [['start', 'none'], 4, 'session-not-found'],
    [['status', 'none'], 4, 'session-not-found'],
    [['recover', 'none', '--at', 'osaka'], 4, 'session-not-found'],
    [['create', SESSION, '--at', 'osaka'], 3, 'already-exists'],
    [['create', 'other', '--at', 'sendai'], 4, 'system-not-found'],
    [['create', 'a/b', '--at', 'osaka'], 2, 'bad-name'],
    [['create', 'other', '--at', 'osaka', '--order', 'guess'], 2, 'usage'],
    [['policy', SESSION], 2, 'usage'],
    [['resign', SESSION, 'sendai'], 3, 'session-refuses'],
    [['failback', SESSION], 3, 'session-refuses'],
    [['apply', SESSION, '--to', 'noon'], 2, 'bad-time'],
    [['delete', SESSION], 3, 'session-refuses'],
  ] as const)('%j is exit %i', async (words, code, word) => {
    expect(await root.run('checkpoint', ...words)).toEqual(refused(code, word));
  });

  it.each([
    [['tokyo:db', 'osaka:spare', '--mode', 'journal'], 2, 'usage'],
    [['tokyo:db', 'osaka:spare', '--mode', 'journal', '--session', 'none'], 4, 'session-not-found'],
    [['tokyo:db', 'osaka:spare', '--backup', 'auto'], 3, 'mode-not-here'],
    [['tokyo:db', 'osaka:spare', '--mode', 'journal', '--session', SESSION, '--backup', 'kobe:db'], 3, 'mode-not-here'],
  ] as const)('pair create %j is exit %i', async (words, code, word) => {
    expect(await root.run('pair', 'create', ...words)).toEqual(refused(code, word));
  });

  it('orders by one clock only: a clock that is off is refused, and the hint names the other order', async () => {
    await root.ok('fault', 'set', 'nagoya', 'clock-skew', '--by', '10s');
    const servers = await serveAll(root, [...PRIMARIES, ...SECONDARIES]);
    try {
      const ended = await root.run('checkpoint', 'start', SESSION);
      expect(ended).toEqual(refused(3, 'clock-unbounded'));
      expect(ended.stderr).toContain('--order arrival');
    } finally {
      await Promise.all([...servers.values()].map((server) => server.kill()));
    }
  });
});
