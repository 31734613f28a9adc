import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Catalog } from '../../src/core/catalog/catalog.js';
import { nodeFiles, systemRandom } from '../../src/platform/platform.js';
import { useRootFolder } from './root-folder.js';

/** A system with a split pair, all of whose files are there: tables, maps, codes, log. */
const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'copy']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '1MiB');
  await folder.feed('good data', 'volume', 'write', 'tokyo:db');
  await folder.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--wait');
  await folder.ok('pair', 'split', 'tokyo:db', '--wait');
  await folder.feed('later data', 'volume', 'write', 'tokyo:db', '--offset', '64KiB');
  await folder.ok('volume', 'create', 'tokyo:filler', '--size', '64KiB');
  // Maps are written when the log is started anew; until then the log alone holds them.
  const catalog = Catalog.open(nodeFiles, systemRandom, folder.file('tokyo'));
  await catalog.checkpoint();
  catalog.close();
  cpSync(folder.file('tokyo'), folder.file('good'), {
    recursive: true,
    dereference: false,
    filter: (from) => !from.includes('owner.lock'),
  });
  renameSync(folder.file('good'), folder.file('.good'));
});

const file = (name: string) => root.file(`tokyo/${name}`);
const good = (name: string) => root.file(`.good/${name}`);

/** The table that counts, of the two that are kept. */
function table(kind: 'volumes' | 'pairs'): string {
  const found = readdirSync(root.file('.good')).filter((name) => new RegExp(`^${kind}\\.[ab]\\.json$`).test(name));
  return found.sort((a, b) => statSync(good(b)).mtimeMs - statSync(good(a)).mtimeMs)[0] ?? '';
}

function log(): string {
  const found = readdirSync(root.file('.good/log'));
  return `log/${found.sort((a, b) => statSync(good(`log/${b}`)).mtimeMs - statSync(good(`log/${a}`)).mtimeMs)[0]}`;
}

beforeEach(() => {
  rmSync(root.file('tokyo'), { recursive: true, force: true });
  cpSync(root.file('.good'), root.file('tokyo'), { recursive: true, preserveTimestamps: true });
});

/** What was there is put back, and everything works as before. */
async function worksAgain(name: string): Promise<void> {
  rmSync(file(name), { recursive: true, force: true });
  cpSync(good(name), file(name), { preserveTimestamps: true });
  const read = await root.ok('volume', 'read', 'tokyo:copy', '--length', '9');
  expect(read.stdout).toBe('good data');
  const resync = await root.json('pair', 'resync', 'tokyo:db', '--wait');
  expect(resync).toMatchObject({ code: 0, data: { pairs: [{ after: 'duplex', tracks: 1 }] } });
  await root.ok('pair', 'verify', 'tokyo:db');
}

type Damage = readonly [how: string, damage: (path: string) => void];

const replaced: readonly Damage[] = [
  [
    'a link to what was there',
    (path) => {
      renameSync(path, `${path}.real`);
      symlinkSync(`${path}.real`, path);
    },
  ],
  [
    'a link that leads nowhere',
    (path) => {
      unlinkSync(path);
      symlinkSync('/nowhere', path);
    },
  ],
  [
    'a FIFO',
    (path) => {
      unlinkSync(path);
      execFileSync('mkfifo', [path]);
    },
  ],
  [
    'a folder',
    (path) => {
      unlinkSync(path);
      mkdirSync(path);
    },
  ],
];

const spoiled: readonly Damage[] = [
  ['cut off', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ['empty', (path) => truncateSync(path, 0)],
  ['full of noise', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size, 'noise'))],
  ['changed by one bit', (path) => flipBit(path)],
];

const wild: readonly Damage[] = [
  ['an endless number', (path) => edit(path, (text) => text.replace(/:\d{2,}/, ':1e999'))],
  [
    'a negative number',
    (path) => edit(path, (text) => text.replace(/"(sizeBytes|change|createdAtMs)":\d+/, '"$1":-5')),
  ],
  ['another document', (path) => edit(path, () => '{"format":"copyset-other","version":1,"crc":0,\n"body":{}}\n')],
  ['a text that is no document', (path) => writeFileSync(path, '[]')],
];

function flipBit(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

const newer = (path: string) => edit(path, (text) => text.replace(/"version":\d+/, '"version":99'));

const COMMANDS = [
  ['pair', 'resync', 'tokyo:db', '--wait'],
  ['volume', 'read', 'tokyo:db', '--length', '9'],
  ['pair', 'list'],
  ['volume', 'reserve', 'tokyo:filler'],
] as const;
let turn = 0;

/** Commands that need the file say so in one clear way, with exit code 6, and leave it as it is; each case asks another one. */
async function isRefused(name: string, code: RegExp): Promise<void> {
  const before = statSync(file(name), { throwIfNoEntry: false });
  const words = COMMANDS[turn++ % COMMANDS.length] ?? COMMANDS[0];
  const ended = await root.run(...words);
  expect(ended, words.join(' ')).toMatchObject({ code: 6, stdout: '' });
  expect(ended.stderr).toMatch(code);
  expect(ended.stderr).toMatch(/^Error: .+\n/);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  const after = statSync(file(name), { throwIfNoEntry: false });
  expect(after?.mtimeMs).toBe(before?.mtimeMs);
}

describe.each([
  ['system.json', () => 'system.json'],
  ['the volume table', () => table('volumes')],
  ['the pair table', () => table('pairs')],
  ['the log', () => log()],
])('%s', (what, nameOf) => {
  const putBack = () => {
    rmSync(file(nameOf()), { recursive: true, force: true });
    cpSync(good(nameOf()), file(nameOf()), { preserveTimestamps: true });
  };

  it.each([...replaced])('replaced by %s is refused', async (_how, damage) => {
    damage(file(nameOf()));
    await isRefused(nameOf(), /Code: (not-regular|metadata-damaged)/);
    putBack();
  });

  it.each(what === 'the log' ? [...spoiled.slice(1, 3)] : [...spoiled, ...wild])(
    '%s is refused',
    async (_how, damage) => {
      damage(file(nameOf()));
      await isRefused(nameOf(), /Code: metadata-damaged/);
      putBack();
    },
  );

  it.skipIf(what === 'the log')('of a newer copyset is refused', async () => {
    newer(file(nameOf()));
    await isRefused(nameOf(), /Code: (format-too-new|metadata-damaged)/);
    putBack();
  });

  it('put back, works as before: nothing was lost', async () => {
    await worksAgain(nameOf());
  });
});

describe('maps, check codes and images', () => {
  const names = () =>
    ['maps', 'codes']
      .flatMap((folder) => readdirSync(good(folder)).map((name) => `${folder}/${name}`))
      .filter((name) => !name.includes('filler'));

  it('there are some of each', () => {
    expect(names().some((name) => name.startsWith('maps/pair'))).toBe(true);
    expect(names().some((name) => name.startsWith('codes/'))).toBe(true);
  });

  const gone: Damage = ['missing', (path) => unlinkSync(path)];
  it.each([gone, ...replaced, ...spoiled])('%s: no difference is lost, whichever it is', async (_how, damage) => {
    for (const name of names()) {
      damage(file(name));
      const ended = await root.run('pair', 'resync', 'tokyo:db', '--wait');
      const what = `${name}: ${ended.stdout}${ended.stderr}`;
      expect([0, 6], what).toContain(ended.code);
      if (ended.code === 6) expect(ended.stderr, what).toMatch(/Code: (not-regular|metadata-damaged|check-code)\n/);
      const same = readFileSync(file('images/db.img')).equals(readFileSync(file('images/copy.img')));
      if (ended.code === 0) expect(same, what).toBe(true);
      rmSync(root.file('tokyo'), { recursive: true, force: true });
      cpSync(root.file('.good'), root.file('tokyo'), { recursive: true, preserveTimestamps: true });
    }
  });

  it.each([
    ...replaced.map(([how, damage]) => [how, damage, /Code: not-regular/] as const),
    ['missing', gone[1], /Code: (file-not-found|io-error|metadata-damaged)/] as const,
    ['cut off', (path: string) => truncateSync(path, 100_000), /Code: (io-error|metadata-damaged)/] as const,
  ])('an image %s is refused, and put back works as before', async (_how, damage, code) => {
    damage(file('images/db.img'));
    const ended = await root.run('volume', 'read', 'tokyo:db', '--offset', '512KiB', '--length', '9');
    expect(ended.stderr).toMatch(code);
    expect([4, 6]).toContain(ended.code);
    expect(await root.run('pair', 'list')).toMatchObject({ code: 0 });
    expect((await root.feed('lost?', 'volume', 'write', 'tokyo:db')).code).not.toBe(0);
    await worksAgain('images/db.img');
  });
});
