import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useServers } from './hosts-servers.js';
import { works } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';

const root = useRootFolder(async (made) => {
  for (const name of ['tokyo', 'osaka']) {
    await made.ok('system', 'create', name, '--link-limit', '1s');
    for (const volume of ['db', 'log']) await made.ok('volume', 'create', `${name}:${volume}`, '--size', '8MiB');
  }
});
const serve = useServers(root);

async function statuses(): Promise<string[]> {
  const { data } = await root.json('pair', 'list', 'tokyo');
  return (data.pairs as { primary: string; status: string }[])
    .filter(({ primary }) => primary.startsWith('tokyo:'))
    .map(({ status }) => status);
}

async function until(wanted: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await statuses()).every((status) => status === wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`pairs are ${(await statuses()).join()} and not ${wanted}`);
}

const image = (system: string, volume: string) => readFileSync(root.file(`${system}/images/${volume}.img`));

describe('a synchronous pair between two servers', () => {
  const host = (uri: string, ...commands: string[]) =>
    works('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri);
  const equal = () => {
    for (const volume of ['db', 'log'])
      expect(image('osaka', volume).equals(image('tokyo', volume)), volume).toBe(true);
  };

  it('outlives the kill -9 of its secondary: hosts go on, and both sides are one image again', async () => {
    const osaka = await serve('osaka');
    const tokyo = await serve('tokyo', '--nbd', `unix:${root.file('t.sock')}`);
    for (const volume of ['db', 'log'])
      await root.ok(
        'pair',
        'create',
        `tokyo:${volume}`,
        `osaka:${volume}`,
        '--mode',
        'sync',
        '--session',
        's',
        '--wait',
      );
    await host(tokyo.uri('db'), 'write -P 1 4k 4k', 'write -P 2 1M 64k', 'flush');
    await root.ok('volume', 'write', 'tokyo:log', root.file('tokyo/system.json'));
    expect(await statuses()).toEqual(['duplex', 'duplex']);
    equal();
    await osaka.kill();
    await host(tokyo.uri('db'), 'write -P 3 2M 4k', 'flush');
    await host(tokyo.uri('log'), 'write -P 4 64k 4k', 'flush');
    await until('duplex');
    equal();
  }, 120_000);

  it('is suspended with its session where the secondary hangs past the limit, and returns by itself', async () => {
    const osaka = await serve('osaka');
    const tokyo = await serve('tokyo', '--nbd', `unix:${root.file('t.sock')}`);
    await until('duplex');
    osaka.shell.child.kill('SIGSTOP');
    await host(tokyo.uri('db'), 'write -P 5 2M 4k', 'flush');
    expect(await statuses()).toEqual(['suspended', 'suspended']);
    await host(tokyo.uri('log'), 'write -P 6 64k 4k', 'flush');
    await osaka.kill();
    await serve('osaka');
    await until('duplex');
    await host(tokyo.uri('db'), 'write -P 7 3M 4k', 'flush');
    equal();
  }, 120_000);
});
