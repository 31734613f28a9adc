import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

const root = useRootFolder(async (folder) => {
  for (const system of ['tokyo', 'osaka']) {
    await folder.ok('system', 'create', system, '--durability', 'none');
    await folder.ok('volume', 'create', `${system}:db`, '--size', '1MiB');
  }
  await folder.ok('port', 'create', 'osaka', 'CL1-A', '--listen', 'unix:osaka.sock');
  await folder.ok('pair', 'create', 'tokyo:db', 'osaka:db', '--pace', 'hold');
});

describe('a listing by port', () => {
  it.each(['volume', 'pair'])('%s list says that there is no such port', async (noun) => {
    expect(await root.run(noun, 'list', '--port', 'CL9-Z')).toMatchObject(refused(4, 'port-not-found'));
  });

  it.each(['volume', 'pair'])('%s list shows nothing of a port that nothing is at', async (noun) => {
    const { code, stdout } = await root.run(noun, 'list', 'tokyo', '--port', 'CL1-A', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)[`${noun}s`]).toEqual([]);
  });
});

describe('the totals of volume list', () => {
  it('count a pair between two systems once', async () => {
    const ended = await root.ok('volume', 'list', '--json');
    expect(JSON.parse(ended.stdout).totals).toMatchObject({ volumes: 2, pairs: 1 });
    const one = await root.ok('volume', 'list', 'osaka', '--json');
    expect(JSON.parse(one.stdout).totals).toMatchObject({ volumes: 1, pairs: 1 });
  });
});
