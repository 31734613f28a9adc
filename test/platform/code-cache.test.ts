import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodeCache } from '../../src/platform/code-cache.js';
import { temporaryFolder } from './temporary-folder.js';

const CODE = new Uint8Array(10_000).map((_, i) => i * 7);
const MIB = 1024 * 1024;

describe('the cache of compiled code', () => {
  let home: ReturnType<typeof temporaryFolder>;
  let folder: string;
  const cache = () => CodeCache.find({ HOME: home.path }) as CodeCache;
  beforeEach(() => {
    home = temporaryFolder();
    folder = join(home.path, '.cache/copyset');
  });
  afterEach(() => home.remove());

  it('gives back what it was given', () => {
    cache().keep('pair-split', CODE);
    expect(cache().read('pair-split')).toEqual(Buffer.from(CODE));
    expect(cache().read('pair-list')).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['pair-split']);
  });

  it('lies below XDG_CACHE_HOME where that is a whole path, and nowhere without a home', () => {
    const xdg = join(home.path, 'xdg');
    CodeCache.find({ HOME: home.path, XDG_CACHE_HOME: xdg })?.keep('a', CODE);
    expect(existsSync(join(xdg, 'copyset/a'))).toBe(true);
    CodeCache.find({ HOME: home.path, XDG_CACHE_HOME: 'relative' })?.keep('b', CODE);
    expect(readdirSync(folder)).toEqual(['b']);
    expect(CodeCache.find({})).toBeUndefined();
    expect(CodeCache.find({ HOME: home.path, NODE_DISABLE_COMPILE_CACHE: '1' })).toBeUndefined();
  });

  it('makes no home that is not there, and throws nothing where it cannot write', () => {
    const missing = join(home.path, 'nobody');
    CodeCache.find({ HOME: missing })?.keep('a', CODE);
    expect(existsSync(missing)).toBe(false);
    writeFileSync(join(home.path, '.cache'), 'a file');
    cache().keep('a', CODE);
    expect(cache().read('a')).toBeUndefined();
  });

  it('takes no entry of which one bit is another, or which was cut short', () => {
    cache().keep('a', CODE);
    const whole = readFileSync(join(folder, 'a'));
    for (const place of [0, 9, 13, 16, 5_000, whole.length - 1]) {
      const bad = Buffer.from(whole);
      bad[place] = (bad[place] ?? 0) ^ 4;
      writeFileSync(join(folder, 'a'), bad);
      expect(cache().read('a'), `bit at ${place}`).toBeUndefined();
    }
    for (const length of [0, 15, 16, whole.length - 1]) {
      writeFileSync(join(folder, 'a'), whole.subarray(0, length));
      expect(cache().read('a'), `${length} bytes`).toBeUndefined();
    }
    writeFileSync(join(folder, 'a'), whole);
    expect(cache().read('a')).toBeDefined();
  });

  it('neither reads nor writes in a folder that others may write', () => {
    cache().keep('a', CODE);
    chmodSync(folder, 0o770);
    expect(cache().read('a')).toBeUndefined();
    cache().keep('b', CODE);
    expect(readdirSync(folder)).toEqual(['a']);
    chmodSync(folder, 0o700);
    expect(cache().read('a')).toBeDefined();
  });

  it('reads no entry that others may write, and follows no link', () => {
    cache().keep('a', CODE);
    chmodSync(join(folder, 'a'), 0o602);
    expect(cache().read('a')).toBeUndefined();
    chmodSync(join(folder, 'a'), 0o600);
    symlinkSync(join(folder, 'a'), join(folder, 'b'));
    expect(cache().read('b')).toBeUndefined();
    expect(cache().read('a')).toBeDefined();
  });

  it('lies in a folder that only its user reads', () => {
    mkdirSync(join(home.path, '.cache'), { mode: 0o755 });
    cache().keep('a', CODE);
    expect(readModes(join(home.path, '.cache/copyset'), join(folder, 'a'))).toEqual(['700', '600']);
  });

  it('drops what was written longest ago where all would be more than 64 MiB', () => {
    cache().keep('old', CODE);
    utimesSync(join(folder, 'old'), 1_000, 1_000);
    writeFileSync(join(folder, 'large'), '');
    truncateSync(join(folder, 'large'), 64 * MIB - 25_000);
    cache().keep('new', CODE);
    expect(readdirSync(folder).sort()).toEqual(['large', 'new', 'old']);
    cache().keep('newer', CODE);
    expect(readdirSync(folder).sort()).toEqual(['large', 'new', 'newer']);
  });
});

function readModes(...paths: string[]): string[] {
  return paths.map((path) => (statSync(path).mode & 0o777).toString(8));
}
