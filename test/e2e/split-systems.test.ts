import { describe, expect, it } from 'vitest';
import { NumberedLoad } from './hosts-load.js';
import { useServers } from './hosts-servers.js';
import { useRootFolder } from './root-folder.js';

const SIZE = String(1_048_576);

const root = useRootFolder(async (folder) => {
  for (const name of ['tokyo', 'kyoto', 'osaka'])
    await folder.ok('system', 'create', name, '--durability', 'none', '--fixture');
  for (const name of ['tokyo', 'kyoto']) {
    for (const volume of ['db', 'copy', 'log'])
      await folder.ok('volume', 'create', `${name}:${volume}`, '--size', SIZE);
    await folder.ok('volume', 'create', `osaka:of-${name}`, '--size', SIZE);
    await folder.ok('pair', 'create', `${name}:db`, `${name}:copy`, '--wait');
    await folder.ok('pair', 'create', `${name}:log`, `osaka:of-${name}`, '--mode', 'async', '--wait');
  }
});
const serve = useServers(root);

async function statuses(): Promise<string[]> {
  const { data } = await root.json('pair', 'list');
  return (data.pairs as { status: string }[]).map(({ status }) => status);
}

describe('pairs of several systems', { timeout: 120_000 }, () => {
  it('are split at one instant by one command, with no process running', async () => {
    const { code, data } = await root.json('pair', 'split', '[tk]*:[dl]*', '--wait');
    expect({ code, data }).toMatchObject({ code: 0, data: { verdict: 'reached' } });
    expect((data.pairs as { after: string }[]).map(({ after }) => after)).toEqual(['split', 'split', 'split', 'split']);
    expect(data.pauseMs).toBeGreaterThan(0);
    await root.ok('pair', 'resync', '[tk]*:[dl]*', '--wait');
  });

  it('are split under a load, each system served by a process of its own', async () => {
    const servers = [
      await serve('tokyo', '--nbd', `unix:${root.file('tokyo.sock')}`),
      await serve('kyoto', '--nbd', `unix:${root.file('kyoto.sock')}`),
    ];
    const loads = await Promise.all(servers.map(({ socket }) => NumberedLoad.start(socket, 'db', { connections: 2 })));
    await Promise.all(loads.map((load) => load.more(500)));
    const { code, data } = await root.json('pair', 'split', '[tk]*:db');
    expect({ code, data }).toMatchObject({ code: 0, data: { pairs: [{ outcome: 'done' }, { outcome: 'done' }] } });
    await Promise.all(loads.map((load) => load.more(500)));
    for (const load of loads) {
      expect(load.failures).toEqual([]);
      await load.stop();
    }
    await root.ok('pair', 'wait', '[tk]*:db', '--status', 'split');
    await root.ok('pair', 'resync', '[tk]*:db', '--wait');
  });

  it('are split nowhere where a member dies before it is decided, and go on when it is back', async () => {
    const [coordinator, member] = await byId();
    await serve(coordinator);
    await root.ok('fault', 'set', member, 'crash', '--step', 'split.prepared');
    const server = await serve(member);
    const ended = await root.run('pair', 'split', '[tk]*:db');
    expect(ended).toMatchObject({ code: 10, stderr: expect.stringContaining('split-void') });
    await server.shell.ended;
    await root.ok('fault', 'clear', member);
    await root.ok('pair', 'wait', '[tk]*:db', '--status', 'duplex', '--timeout', '30s');
    expect(new Set(await statuses())).toEqual(new Set(['duplex']));
  });

  it('are split all the same where the coordinator dies before it decides: the command takes its place', async () => {
    const [coordinator, member] = await byId();
    await serve(member);
    // Each process counts for itself: the server dies at its second split, the command that goes on in its place makes its first.
    await root.ok('fault', 'set', coordinator, 'crash', '--step', 'split.prepared', '--nth', '2');
    const server = await serve(coordinator);
    await root.ok('pair', 'split', '[tk]*:db', '--wait');
    await root.ok('pair', 'resync', '[tk]*:db', '--wait');
    const { code, data } = await root.json('pair', 'split', '[tk]*:db', '--wait');
    await server.shell.ended;
    expect({ code, data }).toMatchObject({ code: 0, data: { verdict: 'reached' } });
    await root.ok('fault', 'clear', coordinator);
    await root.ok('pair', 'resync', '[tk]*:db', '--wait');
  });

  it('go on where the coordinator dies and nobody splits again', async () => {
    const [coordinator, member] = await byId();
    await serve(member);
    await root.ok('fault', 'set', coordinator, 'crash', '--step', 'split.prepared');
    const server = await serve(coordinator);
    // The command becomes the coordinator's controller, and dies of the same fault.
    expect((await root.run('pair', 'split', '[tk]*:db')).code).toBe(null);
    await server.shell.ended;
    await root.ok('fault', 'clear', coordinator);
    await root.ok('pair', 'wait', '[tk]*:db', '--status', 'duplex', '--timeout', '30s');
    expect(new Set(await statuses())).toEqual(new Set(['duplex']));
  });
});

/** Who coordinates a split of both, then the other: that is the order of the systems' ids. */
async function byId(): Promise<[coordinator: string, member: string]> {
  const { data } = await root.json('system', 'list');
  const systems = data.systems as { id: string; name: string }[];
  const [first = '', second = ''] = systems
    .filter(({ name }) => name !== 'osaka')
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ name }) => name);
  return [first, second];
}
