import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTopology } from '../../../src/cli/topology/file.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copyset-topology-'));
  await writeFile(join(folder, 'db.img'), new Uint8Array(1024));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string) {
  const path = join(folder, 'topology.yaml');
  await writeFile(path, text);
  return readTopology(path, folder);
}

/** What is told of a file that cannot be used. */
async function wrong(text: string): Promise<string> {
  const error: unknown = await read(text).catch((thrown: unknown) => thrown);
  if (isToolkitError(error, 'bad-topology')) return error.message;
  throw new Error(`It was read: ${JSON.stringify(error)}`);
}

const two = (pairs: string): string => `
systems:
  tokyo: {volumes: {db: {size: 1MiB}, log: {size: 1MiB}, big: {size: 2MiB}}}
  osaka: {volumes: {db: {size: 1MiB}, log: {size: 1MiB}, spare: {size: 1MiB}}}
pairs:
${pairs}`;

describe('a topology file', () => {
  it('gives sizes, spans, modes and paths as they are meant', async () => {
    const { desired } = await read(`
systems:
  tokyo: {trackSize: 4KiB, linkLimit: 5s, volumes: {db: {image: db.img, number: "00:1a"}}}
  osaka: {volumes: {db: {size: 1KiB, pool: elsewhere}}}
pairs: [{primary: "tokyo:db", secondary: "osaka:db", rate: 1MB}]
groups: [{name: g, master: tokyo, interval: 30s, window: "run=5m,pause=1h"}]
`);
    expect(desired.systems[0]?.wishes).toMatchObject({ trackSizeBytes: 4096, linkLimitMs: 5000 });
    expect(desired.systems[0]?.volumes[0]).toMatchObject({
      sizeBytes: 1024,
      number: '00:1A',
      image: join(folder, 'db.img'),
    });
    expect(desired.systems[1]?.volumes[0]?.pool).toBe(join(folder, 'elsewhere'));
    expect(desired.pairs[0]).toMatchObject({ mode: 'async', rateBytesPerSecond: 1_000_000 });
    expect(desired.groups[0]?.policy).toMatchObject({
      intervalMs: 30_000,
      window: { runMs: 300_000, stop: 'sending' },
    });
  });

  it('may be empty, or JSON', async () => {
    expect((await read('')).desired.systems).toEqual([]);
    expect((await read('{"systems": {"tokyo": {}}}')).desired.systems).toHaveLength(1);
  });

  it.each([
    ['systems: {tokyo: {volumes: {db: {size: 12XB}}}}', 'line 1, systems.tokyo.volumes.db.size: "12XB": it is no size'],
    [
      'systems:\n  tokyo:\n    volumes:\n      db: {}',
      'line 4, systems.tokyo.volumes.db: it needs a size, or an image',
    ],
    ['systems:\n  tokyo:\n    volume: {}', 'line 3, systems.tokyo.volume: there is no such key here'],
    ['systems:\n  "a..b": {}', 'line 2, systems.a..b: "a..b" cannot be the name of a system'],
    ['systems: {tokyo: {volumes: {db: {size: 1000}}}}', 'A volume cannot have 1000 bytes'],
    [
      'systems: {tokyo: {journalLimit: 1MiB}}',
      'systems.tokyo.journalLimit: A journal limit of 1MiB has no room for a journal',
    ],
    ['systems: {tokyo: {volumes: {db: {image: none.img}}}}', 'systems.tokyo.volumes.db.image: '],
    ['systems: {tokyo: {volumes: {db: {image: db.img, size: 512}}}}', 'the image has 1024 bytes and the volume 512'],
    [
      'systems: {t: {volumes: {a: {size: 512, number: "00:01"}, b: {size: 512, number: "00:01"}}}}',
      '00:01 is the number of a already',
    ],
    ['systems: {t: {ports: {p: {listen: nowhere}}}}', 'systems.t.ports.p.listen: '],
    ['systems: {t: {ports: {p: {listen: "tcp://0.0.0.0:1"}}}}', 'nothing would be encrypted'],
    ['systems: {t: {ports: {p: {listen: "unix:p", luns: {x: a}}}}}', 'systems.t.ports.p.luns.x: "x": it is no LUN'],
    [two('  - {primary: "tokyo:db", secondary: "tokyo:db"}'), 'cannot be a pair with itself'],
    [two('  - {primary: "tokyo:db"}'), 'line 6, pairs.0.secondary: it is missing'],
    [two('  - {primary: "tokyo:big", secondary: "osaka:db"}'), 'tokyo:big has 2097152 bytes and osaka:db 1048576'],
    [two('  - {primary: "tokyo:db", secondary: "osaka:db", mode: local}'), 'pairs.0.mode: local is inside one system'],
    [two('  - {primary: "tokyo:db", secondary: "osaka:db", mode: journal}'), 'a journal pair needs a session'],
    [
      two('  - {primary: "tokyo:db", secondary: "osaka:db", status: duplex, pace: hold}'),
      'with pace hold it never becomes duplex',
    ],
    [
      two('  - {primary: "tokyo:db", secondary: "osaka:db"}\n  - {primary: "tokyo:log", secondary: "osaka:db"}'),
      'line 7, pairs.1.secondary: it is the secondary of tokyo:db already',
    ],
    [
      two('  - {primary: "tokyo:db", secondary: "osaka:db"}\n  - {primary: "osaka:db", secondary: "tokyo:db"}'),
      'these pairs copy in a circle',
    ],
    [
      two(
        'groups: [{name: g, master: tokyo, members: [{primary: "tokyo:db", secondary: "osaka:db", backup: "tokyo:log"}]}]',
      ).replace('pairs:\n', ''),
      'groups.0.members.0.backup: it lies beside the secondary, in osaka',
    ],
    ['sessions: [{name: s}]', 'sessions.0: it needs at: SYSTEM, for it has no pair here'],
    ['sessions: [{name: s, at: t}, {name: s, at: t}]', 'sessions.1.name: there is a session s above already'],
    ['systems: {tokyo: {}, tokyo: {}}', 'line 1: no YAML: Map keys must be unique'],
    ['systems: [', 'line 1: no YAML: '],
  ])('is refused whole: %j', async (text, told) => {
    expect(await wrong(text)).toContain(told);
  });

  it('tells all that is wrong at once, in the order of its lines', async () => {
    const message = await wrong('systems:\n  a: {site: 5}\n  b: {durability: some}\npairs: {}\n');
    expect(message.match(/line \d/g)).toEqual(['line 2', 'line 3', 'line 4']);
  });

  it('takes the system of a session from its first pair', async () => {
    const pair = '  - {primary: "tokyo:db", secondary: "osaka:db", mode: journal, session: j}';
    const { desired } = await read(`${two(pair)}\nsessions: [{name: j, interval: 5s, resignAfter: 2m}]`);
    expect(desired.sessions[0]).toMatchObject({ at: 'tokyo', policy: { intervalMs: 5000, resignAfterMs: 120_000 } });
  });
});
