import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastGlob from 'fast-glob';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../src/core/foundation/foundation.js';

/** The repository's own rules, those that no other tool holds. */
const top = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(top, file), 'utf8');
const files = (patterns: string[]): string[] =>
  fastGlob.sync(patterns, {
    cwd: top,
    dot: true,
    ignore: ['node_modules/**', 'dist/**', '.git/**', 'test/tidy.test.ts'],
  });

const LINES_MAX = 400;

function placesOf(pattern: RegExp, inFiles: string[]): string[] {
  return inFiles.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('source files', () => {
  it(`have at most ${LINES_MAX} lines`, () => {
    const long = files(['src/**/*.ts']).filter((file) => read(file).split('\n').length - 1 > LINES_MAX);
    expect(long).toEqual([]);
  });

  it('leave nothing for later', () => {
    expect(
      placesOf(/\b(TODO|FIXME|XXX)\b/, files(['src/**', 'test/**', 'scripts/**', 'bin/**', 'docs/**/*.md'])),
    ).toEqual([]);
  });

  it('reach time and chance in the core only through ports', () => {
    const pattern =
      /Math\.random|Date\.now|new Date\(\s*\)|\bset(Timeout|Interval|Immediate)\b|\bperformance\.now|process\.(hr|env)/;
    expect(placesOf(pattern, files(['src/core/**/*.ts']))).toEqual([]);
  });

  it('switch no rule off without saying why', () => {
    const silent = placesOf(
      /biome-ignore|eslint-disable|@ts-(ignore|nocheck|expect-error)/,
      files(['src/**/*.ts']),
    ).filter((place) => !/(biome-ignore [\w/]+: \w+|-- \w+)/.test(place));
    expect(silent).toEqual([]);
  });
});

describe('the repository', () => {
  it('names no place on a developer machine', () => {
    const everything = files(['**/*.{ts,mjs,cjs,js,json,md,yaml,yml}', '.ci/*', '!package-lock.json']);
    expect(placesOf(/(^|[\s"'`(=])\/(work|home|root|Users|mnt)\/\w/, everything)).toEqual([]);
  });

  it('has a lock file that names no registry', () => {
    expect(placesOf(/"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)/, ['package-lock.json'])).toEqual([]);
  });
});

describe('the lock file', () => {
  it('holds the packages of every platform, which npm leaves out where the registry lacks some (npm run lock)', () => {
    interface Lock {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    }
    const lock = JSON.parse(read('package-lock.json')) as Lock;
    const named = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(
      named.filter((name) => !Object.keys(lock.packages).some((place) => place.endsWith(`node_modules/${name}`))),
    ).toEqual([]);
  });
});

describe('documents', () => {
  const documents = files(['*.md', 'docs/**/*.md']);

  it('link only to files that are there', () => {
    const broken = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(resolve(top, dirname(document), decodeURI(target))))
        .map((target) => `${document}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('name every room of the core in docs/ARCHITECTURE.md', () => {
    const text = read('docs/ARCHITECTURE.md');
    const rooms = readdirSync(join(top, 'src/core'));
    expect(rooms.filter((room) => !text.includes(`\`${room}\``))).toEqual([]);
  });

  it('keep decisions short', () => {
    const long = files(['docs/decisions/*.md']).filter((file) => read(file).split('\n').length > 60);
    expect(long).toEqual([]);
  });

  it('list every error code', () => {
    const text = read('docs/reference/errors.md');
    expect(ERROR_CODES.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });
});

describe('commands', () => {
  interface Entry {
    id: string;
    summary?: string;
    description?: string;
    examples?: unknown[];
    flags: Record<string, { summary?: string; description?: string }>;
  }
  const manifest = JSON.parse(read('oclif.manifest.json')) as { commands: Record<string, Entry> };
  const commands = Object.values(manifest.commands);

  it('stand in the manifest, each file', () => {
    const ids = files(['src/commands/**/*.ts']).map((file) =>
      file.slice('src/commands/'.length, -'.ts'.length).replaceAll('/', ':'),
    );
    expect(commands.map((command) => command.id).sort()).toEqual(ids.sort());
  });

  it('have a summary, a description and an example', () => {
    const bare = commands.filter((command) => !command.summary || !command.description || !command.examples?.length);
    expect(bare.map((command) => command.id)).toEqual([]);
  });

  it('say what each flag does', () => {
    const silent = commands.flatMap((command) =>
      Object.entries(command.flags)
        .filter(([, flag]) => !flag.summary && !flag.description)
        .map(([name]) => `${command.id} --${name}`),
    );
    expect(silent).toEqual([]);
  });

  it('are views: under 80 lines', () => {
    const long = files(['src/commands/**/*.ts']).filter((file) => read(file).split('\n').length > 80);
    expect(long).toEqual([]);
  });
});
