import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mount, mayMount, mountSmall } from '../platform/loop-mount.js';
import { useRootFolder } from './root-folder.js';

const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const MIB = 1_048_576;
const data = Buffer.alloc(4 * MIB, 'as a host wrote it ');

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  await folder.ok('volume', 'create', 'tokyo:db', '--size', '4MiB');
  writeFileSync(folder.file('data'), data);
  await folder.ok('volume', 'write', 'tokyo:db', 'data');
});

/** Runs a line of a shell, in which `copyset` is this program. */
function shell(line: string) {
  const script = `copyset() { "${process.execPath}" "${RUN_JS}" "$@"; }; ${line}`;
  const env = { ...process.env, NO_COLOR: '1', COPYSET_ROOT: '' };
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: root.path, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** A sentence, a hint and a code: nothing of the runtime's own. */
function told(code: number, word: string) {
  const shape = new RegExp(`^Error: Standard output .+\\nHint: .+\\nCode: ${word}\\n$`);
  return { code, stderr: expect.stringMatching(shape) as string };
}

describe.skipIf(!mayMount)('output to a disk that fills', () => {
  let mount: Mount;
  beforeAll(() => {
    if (mayMount) mount = mountSmall('tmpfs', 1);
  });
  afterAll(() => {
    if (mayMount) mount.remove();
  });

  it('of a volume ends with no-space, and with how much was written', () => {
    const out = join(mount.path, 'image');
    const ended = shell(`copyset volume read tokyo:db > ${out}`);
    expect(ended).toMatchObject(told(9, 'no-space'));
    expect(ended.stderr).toContain(`took ${statSync(out).size} of ${data.length} bytes`);
    expect(readFileSync(out).equals(data.subarray(0, MIB))).toBe(true);
    rmSync(out);
  });

  it('of a table ends with no-space also where a part of it was taken', () => {
    writeFileSync(join(mount.path, 'filler'), Buffer.alloc(MIB - 4096));
    const out = join(mount.path, 'listing');
    const listed = `copyset pair create --help; `.repeat(12);
    expect(shell(`(${listed}) > ${out}`)).toMatchObject({ code: 9 });
    expect(statSync(out).size).toBe(4096);
    expect(shell(`copyset system list --json >> ${out}`)).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('"code":"no-space"') as string,
    });
    rmSync(out);
  });
});

describe('output that is not taken', () => {
  it.each([
    'volume read tokyo:db',
    'system list',
    'volume list tokyo --columns name,sizeBytes',
    'system create never --help',
    'pair --help',
    '--help',
    '--version',
    'completion bash',
  ])('ends `%s` with a sentence and no-space', (words) => {
    expect(shell(`copyset ${words} > /dev/full`)).toMatchObject(told(9, 'no-space'));
  });

  it('as JSON is told as JSON on standard error, with the exit code of what failed first', () => {
    const lost = shell('copyset system list --json > /dev/full');
    expect(lost).toMatchObject({ code: 9 });
    expect(JSON.parse(lost.stderr)).toMatchObject({ error: { code: 'no-space', exitCode: 9 } });
    const failed = shell('copyset system show osaka --json > /dev/full');
    expect(failed).toMatchObject({ code: 4 });
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'system-not-found' } });
  });

  it('leaves what the command changed as it is', () => {
    expect(shell('copyset volume create tokyo:made --size 1MiB > /dev/full')).toMatchObject(told(9, 'no-space'));
    expect(shell('copyset volume list tokyo --columns name').stdout).toContain('made');
  });

  it('for a limit on the size of files ends with io-error', () => {
    const ended = shell('ulimit -f 1024; copyset volume read tokyo:db > limited');
    expect(ended).toMatchObject(told(6, 'io-error'));
    expect(ended.stderr).toContain(`took ${MIB} of ${data.length} bytes`);
    expect(readFileSync(root.file('limited')).equals(data.subarray(0, MIB))).toBe(true);
  });

  it('ends what would serve, because nobody would learn that it is ready', () => {
    for (const words of ['serve tokyo', 'copier run tokyo'])
      expect(shell(`timeout 20 "${process.execPath}" "${RUN_JS}" ${words} > /dev/full`)).toMatchObject(
        told(9, 'no-space'),
      );
  });

  it('is silent where a reader went away, as ever', () => {
    expect(shell('set -o pipefail; copyset volume read tokyo:db | head -c 3')).toEqual({
      code: 0,
      stdout: data.toString('utf8', 0, 3),
      stderr: '',
    });
  });

  it('of errors changes no exit code', () => {
    expect(shell('copyset system show osaka 2> /dev/full')).toEqual({ code: 4, stdout: '', stderr: '' });
  });
});

describe('output that is taken', () => {
  it('is whole in a file, through a pipe that is read slowly, and behind what stands in a file', () => {
    expect(shell('copyset volume read tokyo:db > copy; cmp data copy')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(shell('copyset volume read tokyo:db | (sleep 0.5; cmp data -)')).toMatchObject({ code: 0 });
    expect(shell('echo head > both; copyset --version >> both; cat both').stdout).toMatch(/^head\ncopyset\//);
    expect(shell('copyset volume read tokyo:db > /dev/null')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
