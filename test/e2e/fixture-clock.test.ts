import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { useRootFolder } from './root-folder.js';

const file = fileURLToPath(new URL('../../fixtures/four-controllers.yaml', import.meta.url));
vi.stubEnv('COPYSET_NOW', '2026-03-01T12:00:00Z');
afterAll(() => vi.unstubAllEnvs());

const root = useRootFolder(async (folder) => {
  await folder.ok('topology', 'apply', file);
  await folder.ok('cg', 'policy', 'orders', '--interval', '100ms');
});

describe('a group whose clock stands still', () => {
  it('is formed again and again, at its interval', async () => {
    const forming = root.start('cg', 'start', 'orders', '--continuous', '--json');
    await forming.says('"sequence":3');
    forming.child.kill('SIGINT');
    await forming.ended;
    expect(forming.stdout).toContain('2026-03-01T12:00:00.000Z');
    await root.ok('cg', 'stop', 'orders');
  });
});
