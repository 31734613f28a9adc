import { rename } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refused, useRootFolder } from './root-folder.js';

/** What the commands say of two sites while one of them is away, or was replaced by the other. */
const root = useRootFolder(async (folder) => {
  for (const system of ['tokyo', 'osaka']) {
    await folder.ok('system', 'create', system, '--link-limit', '1s');
    for (const name of ['lone', 'db']) await folder.ok('volume', 'create', `${system}:${name}`, '--size', '1MiB');
    await folder.ok('volume', 'create', `${system}:spare`, '--size', '1MiB', '--reserve');
  }
  for (const name of ['lone', 'db']) {
    await folder.feed('x'.repeat(1 << 20), 'volume', 'write', `tokyo:${name}`);
    await folder.ok('pair', 'create', `tokyo:${name}`, `osaka:${name}`, '--wait');
  }
  await folder.ok('cg', 'create', 'g', '--master', 'tokyo');
  await folder.ok('cg', 'add', 'g', 'tokyo:db', 'osaka:db', '--backup', 'auto');
  await folder.ok('cg', 'start', 'g');
});

describe('a remote that is away', () => {
  it('makes its group not well, keeps its name, and is no place for a new system', async () => {
    await rename(root.file('osaka'), root.file('elsewhere'));
    expect(await root.run('system', 'create', 'osaka')).toMatchObject(refused(3, 'already-exists'));
    await rename(root.file('elsewhere'), `${root.path}.away`);
    const created = await root.run('system', 'create', 'osaka');
    expect(created).toMatchObject(refused(3, 'already-exists'));
    expect(created.stderr).toContain('tokyo has pairs with a storage system osaka');
    const { code, data } = await root.json('cg', 'status', 'g');
    expect(code).toBe(21);
    expect(data.groups).toMatchObject([{ members: [{ state: 'unreachable' }] }]);
    expect((await root.run('status')).stdout).toContain('group g osaka cannot be reached');
    await rename(`${root.path}.away`, root.file('osaka'));
    expect((await root.run('cg', 'status', 'g')).code).toBe(0);
  });
});

describe('a takeover', () => {
  it('of a volume of a group is refused, for the others would show something else', async () => {
    const ended = await root.run('pair', 'takeover', 'osaka:db');
    expect(ended).toMatchObject(refused(3, 'in-group'));
    expect(ended.stderr).toContain('copyset cg recover g --at');
  });

  it('is not well until it is turned back, and the plan of that says what would be lost', async () => {
    await root.feed('never sent', 'volume', 'write', 'tokyo:lone');
    await root.ok('pair', 'takeover', 'osaka:lone');
    await root.feed('y', 'volume', 'write', 'osaka:lone');
    const status = await root.run('status');
    expect(status.code).toBe(21);
    expect(status.stdout).toContain('tokyo:lone -> osaka:lone copies nothing: osaka:lone was made a primary');
    const back = ['pair', 'resync', 'tokyo:lone', 'osaka:lone', '--reverse'];
    const { data } = await root.json(...back, '--plan');
    expect(data.plan).toMatchObject([{ bytesLost: 65_536 }]);
    expect(await root.run(...back, '--wait')).toMatchObject(refused(3, 'discard-needed'));
    await root.ok(...back, '--discard', '--wait');
    expect((await root.run('status')).code).toBe(0);
  });
});
