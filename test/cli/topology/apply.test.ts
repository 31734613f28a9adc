import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type RootFolder, refused, useRootFolder } from '../../e2e/root-folder.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/${name}.yaml`, import.meta.url));

const SMALL = `
systems:
  tokyo:
    fixture: true
    durability: none
    volumes:
      db: {size: 256KiB, number: "00:10", image: db.img}
      db-copy: {size: 256KiB}
      spare: {size: 256KiB, reserve: true}
    ports:
      CL1-A: {listen: "unix:a.sock", luns: {0: db}}
pairs:
  - {primary: "tokyo:db", secondary: "tokyo:db-copy", status: split}
`;

async function put(root: RootFolder, name: string, text: string): Promise<string> {
  await writeFile(root.file(name), text);
  return name;
}

async function changes(root: RootFolder, ...words: string[]): Promise<unknown[]> {
  const { data } = await root.json('topology', 'apply', ...words);
  return (data.changes as { action: string; kind: string; name: string }[]).map(
    ({ action, kind, name }) => `${action} ${kind} ${name}`,
  );
}

/** A small topology that is there already. */
function useSmall(): RootFolder {
  return useRootFolder(async (root) => {
    await writeFile(root.file('db.img'), 'contents of db');
    await put(root, 'small.yaml', SMALL);
    await root.ok('topology', 'apply', 'small.yaml');
  });
}

describe.each(['two-sites', 'three-sites', 'four-controllers', 'session'])('the ready topology %s', (name) => {
  const root = useRootFolder();

  it('is made, then found as it should be, and comes back out of an export', async () => {
    const planned = await root.ok('topology', 'apply', fixture(name), '--plan');
    expect(planned.stdout).toContain('Nothing was changed.');
    expect((await root.json('system', 'list')).data.systems).toEqual([]);
    const made = await root.ok('topology', 'apply', fixture(name));
    expect(made.stdout).toContain('+ system tokyo');
    expect((await root.ok('topology', 'apply', fixture(name), '--prune')).stdout).toContain('Nothing to do');
    await root.ok('topology', 'export', '--output', 'exported.yaml');
    expect((await root.ok('topology', 'apply', 'exported.yaml', '--prune')).stdout).toContain('Nothing to do');
    await mkdir(root.file('again'));
    await root.ok('topology', 'apply', 'exported.yaml', '--root', 'again');
    const again = await root.ok('topology', 'export', '--root', 'again');
    expect(again.stdout).toBe(await readFile(root.file('exported.yaml'), 'utf8'));
  });

  it('comes to the statuses that it names', async () => {
    const { data } = await root.json('pair', 'list');
    const statuses = (data.pairs as { status: string }[]).map(({ status }) => status);
    expect(statuses.length).toBeGreaterThan(1);
    expect(statuses.filter((status) => status !== 'duplex' && status !== 'split')).toEqual([]);
  });
});

describe('applying a topology', () => {
  const root = useSmall();

  it('fills a volume from its image once, before the pair copies it', async () => {
    expect((await root.ok('volume', 'read', 'tokyo:db-copy', '--length', '14')).stdout).toBe('contents of db');
    await root.feed('later', 'volume', 'write', 'tokyo:db');
    expect(await changes(root, 'small.yaml', '--plan')).toEqual([]);
  });

  it('makes what somebody removed', async () => {
    await root.ok('volume', 'detach', 'tokyo:db', '--port', 'CL1-A');
    await root.ok('volume', 'unreserve', 'tokyo:spare');
    expect(await changes(root, 'small.yaml')).toEqual(['change volume tokyo:spare', 'add lun tokyo:CL1-A LUN 0']);
    expect(await changes(root, 'small.yaml')).toEqual([]);
  });

  it('changes the pace, the port and the status of what is there', async () => {
    const changed = SMALL.replace('unix:a.sock', 'unix:b.sock').replace('status: split', 'status: duplex, pace: slow');
    await put(root, 'changed.yaml', changed);
    const planned = await root.ok('topology', 'apply', 'changed.yaml', '--plan');
    expect(planned.stdout).toContain('~ port tokyo:CL1-A  unix:a.sock becomes unix:b.sock');
    expect(planned.stdout).toContain('split becomes duplex, pace medium becomes slow');
    await root.ok('topology', 'apply', 'changed.yaml');
    const { data } = await root.json('pair', 'show', 'tokyo:db', 'tokyo:db-copy');
    expect(data.pairs).toMatchObject([{ status: 'duplex', pace: 'slow' }]);
    const ports = (await root.json('port', 'list')).data.ports;
    expect(ports).toMatchObject([{ listen: 'unix:b.sock', luns: [{ lun: 0, volume: 'db' }] }]);
    await root.ok('topology', 'apply', 'small.yaml');
    expect(await changes(root, 'small.yaml')).toEqual([]);
  });

  it('loses what was written at a secondary only with --force', async () => {
    await root.feed('of the secondary', 'volume', 'write', 'tokyo:db-copy');
    await put(root, 'duplex.yaml', SMALL.replace('status: split', 'status: duplex'));
    const planned = await root.ok('topology', 'apply', 'duplex.yaml', '--plan');
    expect(planned.stdout).toContain('loses what was written at tokyo:db-copy since its split: 1 of 4 tracks');
    expect(await root.run('topology', 'apply', 'duplex.yaml')).toEqual(refused(3, 'force-needed'));
    expect((await root.ok('volume', 'read', 'tokyo:db-copy', '--length', '16')).stdout).toBe('of the secondary');
    await root.ok('topology', 'apply', 'duplex.yaml', '--force');
    await root.ok('topology', 'apply', 'small.yaml');
    expect((await root.ok('volume', 'read', 'tokyo:db-copy', '--length', '5')).stdout).toBe('later');
  });

  it('refuses what no step brings about, naming the line, and changes nothing', async () => {
    await put(
      root,
      'larger.yaml',
      SMALL.replace('db-copy: {size: 256KiB}', 'db-copy: {size: 256KiB, number: "00:77"}'),
    );
    const ended = await root.run('topology', 'apply', 'larger.yaml');
    expect(ended).toEqual(refused(3, 'topology-differs'));
    expect(ended.stderr).toMatch(
      /line 8, systems\.tokyo\.volumes\.db-copy\.number: the file says 00:77, here it is 00:\d\d/,
    );
    expect(await changes(root, 'small.yaml')).toEqual([]);
  });

  it('suspends a pair and lets it go on', async () => {
    await put(root, 'suspended.yaml', SMALL.replace('status: split', 'status: suspended'));
    expect(await changes(root, 'suspended.yaml')).toEqual(['change pair tokyo:db -> tokyo:db-copy']);
    expect(await changes(root, 'suspended.yaml')).toEqual([]);
    await put(root, 'duplex.yaml', SMALL.replace('status: split', 'status: duplex'));
    await root.ok('topology', 'apply', 'duplex.yaml');
    expect(await changes(root, 'duplex.yaml')).toEqual([]);
    await root.ok('topology', 'apply', 'small.yaml');
    expect(await changes(root, 'small.yaml')).toEqual([]);
  });
});

describe('a pair between two systems', () => {
  const root = useRootFolder((folder) => folder.ok('topology', 'apply', fixture('two-sites')).then(() => undefined));

  it('gives up what was written at its remote secondary only with --force', async () => {
    await root.ok('pair', 'split', 'tokyo:db', 'osaka:db', '--wait');
    await root.feed('of the secondary', 'volume', 'write', 'osaka:db');
    const ended = await root.run('topology', 'apply', fixture('two-sites'));
    expect(ended).toEqual(refused(3, 'force-needed'));
    expect(ended.stderr).toContain('loses what was written at osaka:db since its split: 1 of 64 tracks');
    await root.ok('topology', 'apply', fixture('two-sites'), '--force');
    expect(await changes(root, fixture('two-sites'))).toEqual([]);
  });
});

describe('--prune', () => {
  const root = useSmall();

  it('leaves alone without it, and removes with it, what the file does not name', async () => {
    await root.ok('system', 'create', 'kyoto', '--durability', 'none');
    await root.ok('volume', 'create', 'tokyo:extra', '--size', '64KiB');
    await root.ok('volume', 'attach', 'tokyo:extra', '--port', 'CL1-A');
    await root.ok('port', 'create', 'tokyo', 'CL9-Z', '--listen', 'unix:z.sock');
    expect(await changes(root, 'small.yaml')).toEqual([]);
    expect(await changes(root, 'small.yaml', '--prune')).toEqual([
      'remove lun tokyo:CL1-A LUN 1',
      'remove port tokyo:CL9-Z',
      'remove volume tokyo:extra',
      'remove system kyoto',
    ]);
    expect(await changes(root, 'small.yaml', '--prune')).toEqual([]);
    expect((await root.json('system', 'list')).data.systems).toMatchObject([{ name: 'tokyo' }]);
  });

  it('removes pairs, and volumes that hold data only with --force', async () => {
    await put(root, 'bare.yaml', 'systems: {tokyo: {volumes: {db: {size: 256KiB}}}}');
    const ended = await root.run('topology', 'apply', 'bare.yaml', '--prune');
    expect(ended).toEqual(refused(3, 'force-needed'));
    expect(ended.stderr).toContain('- volume tokyo:db-copy loses 64KiB of data');
    expect((await root.json('pair', 'list')).data.pairs).toHaveLength(1);
    expect(await changes(root, 'bare.yaml', '--prune', '--force')).toEqual([
      'remove pair tokyo:db -> tokyo:db-copy',
      'remove port tokyo:CL1-A',
      'remove volume tokyo:db-copy',
      'remove volume tokyo:spare',
    ]);
    expect((await root.ok('volume', 'read', 'tokyo:db', '--length', '14')).stdout).toBe('contents of db');
  });
});

describe('--prune of a group', () => {
  const root = useRootFolder(async (folder) => {
    await folder.ok('topology', 'apply', fixture('four-controllers'));
    await folder.ok('cg', 'start', 'orders');
  });

  it('needs --force once a group was formed, and takes out the members one by one', async () => {
    const text = await readFile(fixture('four-controllers'), 'utf8');
    const [head = ''] = text.split('      - {primary: "yokohama:log"');
    await put(root, 'fewer.yaml', head);
    const ended = await root.run('topology', 'apply', 'fewer.yaml', '--prune');
    expect(ended).toEqual(refused(3, 'force-needed'));
    expect(ended.stderr).toContain('loses the last group formed, which kobe:log-backup holds');
    expect(await changes(root, 'fewer.yaml', '--prune', '--force')).toEqual([
      'remove member orders: yokohama:log -> kobe:log',
    ]);
    const [ungrouped = ''] = head.split('groups:');
    await put(root, 'none.yaml', ungrouped);
    expect(await changes(root, 'none.yaml', '--prune', '--force')).toEqual(['remove group orders']);
    expect((await root.json('cg', 'list')).data.groups).toEqual([]);
  });
});

describe('a checkpoint session', () => {
  const root = useRootFolder((folder) => folder.ok('topology', 'apply', fixture('session')).then(() => undefined));

  it('is started, and its secondaries come to a checkpoint', async () => {
    await root.feed('of the session', 'volume', 'write', 'tokyo:db');
    await root.ok('copier', 'run', '--once');
    await root.ok('pair', 'wait', '*:*', '--status', 'duplex', '--timeout', '30s');
    await root.ok('checkpoint', 'mark', 'j');
    await root.ok('copier', 'run', '--once');
    await root.ok('checkpoint', 'apply', 'j');
    expect((await root.ok('volume', 'read', 'osaka:db', '--length', '14')).stdout).toBe('of the session');
    expect(await changes(root, fixture('session'), '--prune')).toEqual([]);
  });

  it('changes its policy, is stopped and started, and keeps its order', async () => {
    const text = await readFile(fixture('session'), 'utf8');
    await put(root, 'slower.yaml', text.replace('interval: 1s, started: true', 'interval: 5s, started: false'));
    expect(await changes(root, 'slower.yaml')).toEqual(['change session j', 'change session j']);
    expect(await changes(root, 'slower.yaml')).toEqual([]);
    expect(await changes(root, fixture('session'))).toEqual(['change session j', 'change session j']);
    await put(root, 'arrival.yaml', text.replace('order: clock', 'order: arrival'));
    const ended = await root.run('topology', 'apply', 'arrival.yaml');
    expect(ended).toEqual(refused(3, 'topology-differs'));
    expect(ended.stderr).toContain('sessions.0.order: the file says arrival, here it is clock');
  });

  it('goes with --prune after its pairs', async () => {
    const text = await readFile(fixture('session'), 'utf8');
    await put(root, 'bare.yaml', text.slice(0, text.indexOf('sessions:')));
    expect(await changes(root, 'bare.yaml', '--prune', '--force')).toEqual([
      'remove pair tokyo:db -> osaka:db',
      'remove pair yokohama:log -> kobe:log',
      'remove session j',
    ]);
    expect((await root.json('checkpoint', 'status')).data.sessions).toEqual([]);
  });
});

describe('a topology that cannot be finished', () => {
  const root = useRootFolder();

  it('stops at the time limit with exit 20, and goes on when it is applied again', async () => {
    const slow = SMALL.replace('image: db.img', 'image: big.img').replace(
      'status: split',
      'rate: 1KiB, status: duplex',
    );
    await writeFile(root.file('big.img'), new Uint8Array(262_144).fill(7));
    await put(root, 'slow.yaml', slow);
    const { code, data } = await root.json('topology', 'apply', 'slow.yaml', '--timeout', '200ms');
    expect({ code, ...data }).toMatchObject({ code: 20, outcome: 'unfinished', verdict: 'timed-out' });
    expect(await changes(root, 'slow.yaml', '--plan')).toEqual(['change pair tokyo:db -> tokyo:db-copy']);
    await put(root, 'quick.yaml', slow.replace('1KiB', '0'));
    expect(await changes(root, 'quick.yaml')).toEqual(['change pair tokyo:db -> tokyo:db-copy']);
    expect(await changes(root, 'quick.yaml')).toEqual([]);
  });

  it('says how far it came where a step is refused, and goes on from there', async () => {
    await put(root, 'osaka.yaml', 'systems: {osaka: {volumes: {a: {size: 64KiB}, b: {size: 64KiB, pool: pool}}}}');
    const ended = await root.run('topology', 'apply', 'osaka.yaml');
    expect(ended).toEqual(refused(4, 'file-not-found'));
    expect(ended.stderr).toContain('2 of 3 steps were done');
    await mkdir(root.file('pool'));
    expect(await changes(root, 'osaka.yaml')).toEqual(['add volume osaka:b']);
    expect(await changes(root, 'osaka.yaml')).toEqual([]);
  });
});
