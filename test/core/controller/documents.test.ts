import { describe, expect, it } from 'vitest';
import { createSystem, deleteSystem, openReader, readPlace } from '../../../src/core/controller/controller.js';
import { KIB, tuning } from '../../../src/core/foundation/foundation.js';
import { crc32 } from '../../../src/core/storage/storage.js';
import { portsOf, SimSystem, TRACK } from '../../simulation/system/sim-system.js';
import { flipBit, putAll, readAll } from '../storage/files.js';
import { codeOf, db, deskIn, deskSystem, TRACKS } from './desk.js';

/** Four segments of the smallest size: each takes the largest record, of 1 MiB. */
const SMALLEST_JOURNAL_BYTES = 4 * 1088 * KIB;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const at = (file: string) => `/sys/tokyo/${file}`;

/** A split pair, all of it in tables and maps: the log was started anew behind it. */
async function closed(): Promise<SimSystem> {
  const system = await deskIn('split');
  const usual = tuning.checkpointAtBytes;
  tuning.checkpointAtBytes = 1;
  await system.ask('pair.pace', { pairs: db, pace: 'slow' });
  tuning.checkpointAtBytes = usual;
  await system.close();
  return system;
}

/** The documents that the system starts from now. */
function documents(system: SimSystem): string[] {
  return system.world.files
    .list('/sys/tokyo')
    .filter((name) => /^(system|volumes\.[ab]|pairs\.[ab])\.json$/.test(name));
}

function reopen(system: SimSystem): Promise<string> {
  return codeOf(
    Promise.resolve()
      .then(() => SimSystem.open(system.world))
      .then((opened) => opened.close()),
  );
}

/** Puts back what a test had read from these files. */
function putBack(system: Pick<SimSystem, 'world'>, paths: readonly string[], kept: readonly Uint8Array[]): void {
  for (const [index, path] of paths.entries()) putAll(system.world.files, path, kept[index] as Uint8Array);
}

/** Opens with the file changed, then with the file as it was: nothing may have been lost by the refusal. */
async function refusedThenSound(system: SimSystem, file: string, spoil: () => void): Promise<string> {
  const { files } = system.world;
  const before = readAll(files, at(file));
  spoil();
  const code = await reopen(system);
  putAll(files, at(file), before);
  const again = await SimSystem.open(system.world);
  expect((await again.status('db', 'copy'))?.status).toBe('split');
  expect(await again.read('copy', TRACKS)).toEqual(new Array<number>(TRACKS).fill(1));
  await again.close();
  return code;
}

/** A document with another version or body, its check code right. */
function rewritten(bytes: Uint8Array, edit: (text: string) => string): Uint8Array {
  const edited = edit(decoder.decode(bytes));
  const [, version, body] = /^\{"format":"[a-z-]+","version":(\d+),"crc":\d+,\n"body":(.*)\}\n$/s.exec(edited) ?? [];
  expect(version).toBeDefined();
  const code = crc32(encoder.encode(body ?? ''));
  return encoder.encode(edited.replace(/"crc":\d+/, `"crc":${code}`));
}

describe('a system whose tables cannot be trusted', () => {
  it.each(['system.json', 'volumes', 'pairs'])(
    'is refused with %s damaged, and is sound once the file is back',
    async (name) => {
      const system = await closed();
      for (const file of documents(system).filter((document) => document.startsWith(name))) {
        const length = readAll(system.world.files, at(file)).length;
        const code = await refusedThenSound(system, file, () => flipBit(system.world.files, at(file), length - 5));
        expect(['metadata-damaged', 'nothing']).toContain(code);
      }
      const all = documents(system).filter((document) => document.startsWith(name));
      const codes: string[] = [];
      const kept = all.map((file) => readAll(system.world.files, at(file)));
      for (const file of all) flipBit(system.world.files, at(file), 90);
      codes.push(await reopen(system));
      putBack(system, all.map(at), kept);
      expect(codes).toEqual(['metadata-damaged']);
      expect(await reopen(system)).toBe('nothing');
    },
  );

  it.each(['volumes', 'pairs'])('is refused with all of %s missing, cut short, empty, or a link', async (name) => {
    const system = await closed();
    const { files } = system.world;
    const all = documents(system).filter((document) => document.startsWith(name));
    const kept = all.map((file) => readAll(files, at(file)));
    const spoil: readonly [string, (file: string, bytes: Uint8Array) => void][] = [
      ['file-not-found', (file) => files.remove(file)],
      ['metadata-damaged', (file, bytes) => putAll(files, file, bytes.subarray(0, bytes.length >> 1))],
      ['metadata-damaged', (file) => putAll(files, file, new Uint8Array(0))],
      [
        'not-regular',
        (file) => {
          files.remove(file);
          files.plant(file, 'link');
        },
      ],
    ];
    for (const [code, act] of spoil) {
      for (const [index, file] of all.entries()) act(at(file), kept[index] as Uint8Array);
      expect(await reopen(system)).toBe(code);
      for (const file of all) files.remove(at(file));
      putBack(system, all.map(at), kept);
      expect(await reopen(system)).toBe('nothing');
    }
  });

  it('is refused with a table of a newer copyset, and left as it is', async () => {
    const system = await closed();
    for (const name of ['system', 'volumes', 'pairs']) {
      const all = documents(system).filter((document) => document.startsWith(name));
      const kept = all.map((file) => readAll(system.world.files, at(file)));
      const newer = kept.map((bytes) => rewritten(bytes, (text) => text.replace(/"version":\d+/, '"version":99')));
      putBack(system, all.map(at), newer);
      expect([name, await reopen(system)]).toEqual([name, 'format-too-new']);
      putBack(system, all.map(at), kept);
    }
    expect(await reopen(system)).toBe('nothing');
  });

  it('is refused with wild values, however right their check code', async () => {
    const system = await closed();
    const { files } = system.world;
    const wild: readonly [string, (text: string) => string][] = [
      ['volumes', (text) => text.replace(/"sizeBytes":\d+/, '"sizeBytes":-1')],
      ['volumes', (text) => text.replace(/"sizeBytes":\d+/, '"sizeBytes":1e308')],
      ['volumes', (text) => text.replace(/"trackSizeBytes":\d+/, '"trackSizeBytes":7')],
      ['volumes', (text) => text.replace(/"name":"db"/, '"name":"../../db"')],
      ['volumes', (text) => text.replace(/"change":\d+/, '"change":"x"')],
      ['pairs', (text) => text.replace(/"secondary":\d+/, '"secondary":70000')],
      ['pairs', (text) => text.replace(/"pace":"\w+"/, '"pace":"warp"')],
      ['pairs', (text) => text.replace(/"mode":"local"/, '"mode":"local","__proto__":{}')],
      ['system', (text) => text.replace(/"trackSizeBytes":\d+/, '"trackSizeBytes":3')],
    ];
    for (const [name, edit] of wild) {
      const all = documents(system).filter((document) => document.startsWith(name));
      const kept = all.map((file) => readAll(files, at(file)));
      const edited = all.map((_, index) => rewritten(kept[index] as Uint8Array, edit));
      expect(edited.some((bytes, index) => Buffer.compare(bytes, kept[index] as Uint8Array) !== 0)).toBe(true);
      putBack(system, all.map(at), edited);
      expect([edit.toString(), await reopen(system)]).toEqual([edit.toString(), 'metadata-damaged']);
      putBack(system, all.map(at), kept);
    }
    expect(await reopen(system)).toBe('nothing');
  });

  it('is refused with its log damaged inside, and opens with a tail that a crash cut short', async () => {
    const system = await deskSystem();
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
    const world = system.world.crash('kill');
    const logs = world.files.list('/sys/tokyo/log').map((name) => `/sys/tokyo/log/${name}`);
    const kept = logs.map((log) => readAll(world.files, log));
    for (const log of logs) flipBit(world.files, log, 4096 + 100);
    expect(await codeOf(SimSystem.open(world))).toBe('metadata-damaged');
    putBack({ world }, logs, kept);
    const again = await SimSystem.open(world);
    expect((await again.status('db', 'copy'))?.status).toBe('duplex');
    await again.close();
  });

  it('says so to a reader without the lock as well', async () => {
    const system = await closed();
    const place = readPlace(system.world.files, '/sys/tokyo');
    for (const file of documents(system).filter((name) => name.startsWith('pairs')))
      flipBit(system.world.files, at(file), 90);
    expect(await codeOf(openReader(portsOf(system.world), place))).toBe('metadata-damaged');
    expect(await codeOf(system.world.run(deleteSystem(portsOf(system.world), place, { force: false })))).toBe(
      'metadata-damaged',
    );
    await system.world.run(deleteSystem(portsOf(system.world), place, { force: true }));
    expect(system.world.files.status('/sys/tokyo')).toBeUndefined();
  });
});

describe('an image that is not as it should be', () => {
  it.each([
    ['missing', 'file-not-found', (system: SimSystem) => system.world.files.remove(at('images/db.img'))],
    [
      'too short',
      'metadata-damaged',
      (system: SimSystem) => {
        const file = system.world.files.open(at('images/db.img'), 'write');
        file.truncate(TRACK);
        file.close();
      },
    ],
    [
      'a link',
      'not-regular',
      (system: SimSystem) => {
        system.world.files.remove(at('images/db.img'));
        system.world.files.plant(at('images/db.img'), 'link');
      },
    ],
  ] as const)('%s refuses its volume alone, and the check names it', async (_name, code, spoil) => {
    const system = await deskSystem('other');
    await system.close();
    spoil(system);
    const again = await SimSystem.open(system.world);
    expect(await codeOf(again.read('db', 1))).toBe(code);
    expect(await codeOf(again.write('db', 0, 1))).toBe(code);
    await again.write('other', 0, 5);
    const { findings } = await again.ask('system.check', { repair: false, deep: true });
    expect(findings.filter((finding) => finding.severity === 'error').map((finding) => finding.subject)).toEqual([
      'tokyo:db',
    ]);
    await again.close();
  });
});

describe('system check', () => {
  it('is silent about a sound system, and names foreign files and incomplete volumes', async () => {
    const system = await deskIn('sp-pending');
    const check = async () => (await system.ask('system.check', { repair: false, deep: true })).findings;
    expect(await check()).toEqual([]);
    await system.ask('pair.delete', { pairs: db, force: true });
    putAll(system.world.files, at('images/stray.img'), new Uint8Array(1));
    expect((await check()).map((finding) => [finding.severity, finding.subject])).toEqual([
      ['error', 'tokyo:copy'],
      ['warning', 'images/stray.img'],
    ]);
    await system.close();
  });

  it('finds a damaged map page and a track that does not fit its code', async () => {
    const system = await deskIn('split');
    await system.ask('volume.scrub', { volumes: ['*'], accept: false });
    flipBit(system.world.files, at('images/copy.img'), 3 * TRACK);
    const { findings } = await system.ask('system.check', { repair: false, deep: true });
    expect(findings.map((finding) => finding.subject)).toEqual(['tokyo:copy']);
    expect(findings[0]?.message).toContain('tracks 3');
    await system.close();
  });

  it('with --repair opens a blocked volume again', async () => {
    const system = await deskIn('duplex');
    await system.ask('fault.set', { kind: 'volume-blocked', volume: 'db' });
    const plain = await system.ask('system.check', { repair: false, deep: false });
    expect(plain.findings.map((finding) => finding.severity)).toEqual(['error']);
    const repaired = await system.ask('system.check', { repair: true, deep: false });
    expect(repaired.findings.map((finding) => finding.severity)).toEqual(['repaired']);
    expect(await system.read('db', 1)).toEqual([1]);
    await system.close();
  });
});

describe('system create', () => {
  it('refuses a folder in use, a file, a folder with foreign things, and a network file system', async () => {
    const system = await closed();
    const { files } = system.world;
    const create = (folder: string, more = {}) =>
      codeOf(system.world.run(createSystem(portsOf(system.world), folder, { name: 'osaka', ...more })));
    expect(await create('/sys/tokyo')).toBe('already-exists');
    putAll(files, '/sys/file', new Uint8Array(1));
    expect(await create('/sys/file')).toBe('already-exists');
    files.makeFolder('/sys/full');
    putAll(files, '/sys/full/mine.txt', new Uint8Array(1));
    expect(await create('/sys/full')).toBe('already-exists');
    expect(await create('/nowhere/osaka')).toBe('file-not-found');
    expect(await create('/sys/x', { name: '../x' })).toBe('bad-name');
    expect(await create('/sys/x', { trackSizeBytes: 5000 })).toBe('bad-size');
    expect(await create('/sys/x', { journalLimitBytes: SMALLEST_JOURNAL_BYTES - 1 })).toBe('bad-size');
    expect(await create('/sys/least', { journalLimitBytes: SMALLEST_JOURNAL_BYTES })).toBe('nothing');
    system.world.disk.place = { kind: 'network', type: 'nfs', writable: true };
    expect(await create('/sys/osaka')).toBe('network-file-system');
    expect(await create('/sys/osaka', { sharedMount: true })).toBe('nothing');
  });
});
