import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openToolkit } from '../../src/cli/open-toolkit.js';
import { parsePlan, readPlanFile, writePlanFile } from '../../src/cli/plan-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copyset-plan-'));
});
afterAll(() => rm(folder, { recursive: true }));

const pair = { primary: 'tokyo:db', secondary: 'tokyo:copy' };

describe('a plan file', () => {
  it('gives back what was written', async () => {
    const path = join(folder, 'plan.yaml');
    const pairs = [
      { ...pair, pace: 'fast' as const, rateBytesPerSecond: 1048576, split: true },
      { primary: 'tokyo:00:1A', secondary: 'tokyo:log-copy' },
    ];
    await writePlanFile(openToolkit([folder], 'pair:create'), path, pairs);
    expect(await readPlanFile(path)).toEqual([
      { ...pair, mode: 'local', pace: 'fast', rateBytesPerSecond: 1048576, split: true },
      { primary: 'tokyo:00:1A', secondary: 'tokyo:log-copy', mode: 'local', pace: 'medium', split: false },
    ]);
    expect(await readdir(folder)).toEqual(['plan.yaml']);
  });

  it('is replaced whole, also behind a link', async () => {
    await writeFile(join(folder, 'real.yaml'), 'old');
    await symlink('real.yaml', join(folder, 'link.yaml'));
    await writePlanFile(openToolkit([folder], 'pair:create'), join(folder, 'link.yaml'), [pair]);
    expect(await readFile(join(folder, 'real.yaml'), 'utf8')).toContain('primary: tokyo:db');
  });

  it('takes rates as sizes', () => {
    expect(parsePlan({ pairs: [{ ...pair, rate: '10MiB' }] }, 'p')).toMatchObject([{ rateBytesPerSecond: 10485760 }]);
  });

  it.each([
    ['no list', {}, 'pairs'],
    ['an empty list', { pairs: [] }, 'pairs'],
    ['an unknown key', { pairs: [{ ...pair, speed: 1 }] }, 'pairs.0.speed'],
    ['a pair without a secondary', { pairs: [pair, { primary: 'tokyo:db' }] }, 'pairs.1.secondary'],
    ['a pace that is none', { pairs: [{ ...pair, pace: 'quick' }] }, 'pairs.0.pace'],
    ['a rate that is none', { pairs: [{ ...pair, rate: 'much' }] }, 'pairs.0: "much" is not a size'],
    ['an address that is none', { pairs: [{ ...pair, primary: 'db' }] }, 'pairs.0: "db" is not an address'],
    ['a glob', { pairs: [{ ...pair, primary: 'tokyo:d*' }] }, 'pairs.0: "tokyo:d*" may match several'],
    [
      'one secondary twice',
      { pairs: [pair, { ...pair, primary: 'tokyo:x' }] },
      'pairs.1: "tokyo:copy" is the secondary',
    ],
  ])('is refused for %s, with the place', (_, document, place) => {
    expect(() => parsePlan(document, 'p.yaml')).toThrow(
      expect.objectContaining({ code: 'bad-plan', message: expect.stringContaining(place) as string }),
    );
  });

  it('that is no YAML or not there is told', async () => {
    const path = join(folder, 'bad.yaml');
    await writeFile(path, 'pairs: [');
    await expect(readPlanFile(path)).rejects.toMatchObject({ code: 'bad-plan' });
    await expect(readPlanFile(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'file-not-found' });
    await expect(readPlanFile(folder)).rejects.toMatchObject({ code: 'not-regular' });
  });
});
