import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { useRootFolder } from './root-folder.js';

const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const volume of ['db', 'db-copy', 'log'])
    await folder.ok('volume', 'create', `tokyo:${volume}`, '--size', '1MiB');
  await mkdir(folder.file('bin'));
  await writeFile(folder.file('bin/copyset'), `#!/bin/sh\nexec ${process.execPath} ${RUN_JS} "$@"\n`);
  await chmod(folder.file('bin/copyset'), 0o755);
});

async function shell(program: string, ...words: string[]): Promise<string[]> {
  const env = { ...process.env, PATH: `${root.file('bin')}:${process.env.PATH}`, COPYSET_ROOT: root.path };
  const { stdout } = await promisify(execFile)(program, words, { cwd: root.path, env });
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

/** What bash would offer for this line, its last word open. */
async function inBash(...typed: string[]): Promise<string[]> {
  const words = ['copyset', ...typed].map((word) => `'${word}'`).join(' ');
  const script = `eval "$(copyset completion bash)"; COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; compopt() { :; }; _copyset; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return shell('bash', '-c', script);
}

async function candidates(...typed: string[]): Promise<{ words: string[]; files: boolean }> {
  const { stdout } = await root.ok('complete', '--json', '--', ...typed);
  const { candidates: found, files } = JSON.parse(stdout) as { candidates: { word: string }[]; files: boolean };
  return { words: found.map(({ word }) => word), files };
}

describe('completion', { timeout: 30_000 }, () => {
  it('offers topics and commands, but not its own', async () => {
    const { words } = await candidates('');
    expect(words).toEqual(expect.arrayContaining(['pair', 'cg', 'volume', 'status', 'completion']));
    expect(words).not.toContain('complete');
    expect((await candidates('pair', 'sp')).words).toEqual(['split']);
  });

  it('offers flags, and the values of a flag in both of its spellings', async () => {
    expect((await candidates('pair', 'split', 'tokyo:db', '--pa')).words).toEqual(['--pace']);
    expect((await candidates('pair', 'split', '--pace', 'f')).words).toEqual(['fast']);
    expect((await candidates('pair', 'split', '--pace=f')).words).toEqual(['--pace=fast']);
    expect((await candidates('volume', 'list', '--no-p')).words).toEqual(['--no-paired']);
  });

  it('offers systems first, then the volumes of one', async () => {
    expect((await candidates('pair', 'create', '')).words).toEqual(['tokyo:']);
    expect((await candidates('pair', 'create', '--pace', 'slow', 'tokyo:d')).words).toEqual([
      'tokyo:db',
      'tokyo:db-copy',
    ]);
    expect((await candidates('serve', '')).words).toEqual(['tokyo']);
  });

  it('leaves files to the shell, and offers nothing where it knows nothing', async () => {
    expect(await candidates('volume', 'import', 'tokyo:x', '')).toEqual({ words: [], files: true });
    expect(await candidates('volume', 'create', '--size', '')).toEqual({ words: [], files: false });
    expect(await candidates('no-such-command', 'x')).toEqual({ words: [], files: false });
  });

  it('looks below the root that the line names', async () => {
    expect((await candidates('volume', 'show', '--root', root.file('bin'), '')).words).toEqual([]);
  });

  it('works in bash', async () => {
    expect(await inBash('pair', 'sp')).toEqual(['split']);
    expect(await inBash('volume', 'show', 'tokyo:db-')).toEqual(['tokyo:db-copy']);
    expect(await inBash('volume', 'import', 'tokyo:x', 'bi')).toEqual(['bin']);
  });

  it.skipIf(!has('fish'))('works in fish', async () => {
    const script = `copyset completion fish | source; complete -C 'copyset volume show tokyo:db-'`;
    expect(await shell('fish', '-c', script)).toEqual(['tokyo:db-copy']);
  });

  it.skipIf(!has('zsh'))('is a script that zsh takes', async () => {
    expect(
      await shell(
        'zsh',
        '-fc',
        'autoload -U compinit; compinit -u -D; eval "$(copyset completion zsh)"; whence -w _copyset',
      ),
    ).toEqual(['_copyset: function']);
  });

  it('names the shells there are', async () => {
    expect(await root.run('completion', 'tcsh')).toMatchObject({ code: 2, stderr: expect.stringContaining('bash') });
  });
});
