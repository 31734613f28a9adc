import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as library from '../../src/library/copyset.js';

const top = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const MIB = 1024 * 1024;

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** What `npm pack` makes; `npm run smoke:package` installs it with npm, this test takes it apart without a registry. */
describe('the package', () => {
  let place = '';
  let packed: Packed;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'copyset-package-'));
    const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', place];
    const { stdout } = await run('npm', words, { cwd: top });
    [packed] = JSON.parse(stdout) as [Packed];
    await run('tar', ['-xzf', join(place, packed.filename), '-C', place]);
    // Its dependencies are looked for beside it.
    await mkdir(join(place, 'node_modules'));
    await symlink(join(place, 'package'), join(place, 'node_modules', 'copyset'));
    const manifest = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as { dependencies: object };
    for (const name of Object.keys(manifest.dependencies)) {
      await mkdir(join(place, 'node_modules', name, '..'), { recursive: true });
      await symlink(join(top, 'node_modules', name), join(place, 'node_modules', name));
    }
  });
  afterAll(() => rm(place, { recursive: true, force: true }));

  it('is smaller than 3 MB, unpacked and without what it depends on', () => {
    expect(packed.unpackedSize).toBeLessThan(3 * MIB);
  });

  it('holds the program, the library, their documents and examples, and no sources', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of [
      'bin/run.js',
      'dist/cli/program.cjs',
      'dist/library/copyset.js',
      'dist/library/copyset.d.ts',
      'docs/library.md',
      'docs/reference/topology.schema.json',
      'examples/node-test/backup.test.mjs',
      'fixtures/two-sites.yaml',
      'oclif.manifest.json',
    ])
      expect(paths).toContain(path);
    expect(paths.filter((path) => /^(src|test|scripts|node_modules)\//.test(path))).toEqual([]);
  });

  it('runs as a command', async () => {
    const program = join(place, 'package/bin/run.js');
    const root = join(place, 'root');
    await mkdir(root);
    const fixture = join(place, 'package/fixtures/two-sites.yaml');
    const { stdout } = await run(process.execPath, [program, 'topology', 'apply', fixture, '--root', root]);
    expect(stdout).toContain('Done: 13 added.');
  });

  it('is imported as a library, its types and its schema', async () => {
    await writeFile(join(place, 'package.json'), '{"type": "module"}');
    await writeFile(
      join(place, 'use.ts'),
      `import { type CopysetError, type ErrorCode, isCopysetError, openSystem, type VolumeInfo } from 'copyset';
const tokyo = await openSystem('tokyo', { root: 'lib', create: { fixture: true } });
const volume: VolumeInfo = await tokyo.createVolume('db', { size: '64KiB' });
const error: unknown = await tokyo.read('none').catch((caught: unknown) => caught);
if (!isCopysetError(error, 'volume-not-found')) throw error;
const { code }: CopysetError = error;
const known: ErrorCode = code;
await tokyo.close();
console.log(volume.address, known);
`,
    );
    await mkdir(join(place, 'lib'));
    const options = ['--target', 'es2022', '--module', 'nodenext', '--strict', '--types', 'node'];
    const typeRoots = ['--typeRoots', join(top, 'node_modules/@types')];
    await run(join(top, 'node_modules/.bin/tsc'), [...options, ...typeRoots, 'use.ts'], { cwd: place });
    const { stdout } = await run(process.execPath, ['use.js'], { cwd: place });
    expect(stdout).toBe('tokyo:db volume-not-found\n');
    const built = (await import(join(place, 'package/dist/library/copyset.js'))) as object;
    expect(Object.keys(built).sort()).toEqual(Object.keys(library).sort());
    await writeFile(
      join(place, 'schema.js'),
      `import schema from 'copyset/topology.schema.json' with { type: 'json' };
console.log(schema.title);
await import('copyset/dist/library/copyset.js').catch((error) => console.log(error.code));
`,
    );
    const imported = await run(process.execPath, ['--no-warnings', 'schema.js'], { cwd: place });
    expect(imported.stdout).toBe('copyset topology\nERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });
});
