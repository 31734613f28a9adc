import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { useRootFolder } from './root-folder.js';

const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

const root = useRootFolder(async (folder) => {
  await mkdir(folder.file('.bin'));
  await writeFile(folder.file('.bin/copyset'), `#!/bin/sh\nexec ${process.execPath} ${RUN_JS} "$@"\n`);
  await chmod(folder.file('.bin/copyset'), 0o755);
});

/** The blocks of a document that a reader types, in their order. */
function blocksOf(document: string): string[] {
  const text = readFileSync(new URL(`../../docs/${document}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

function bash(block: string): Promise<{ code: number; output: string }> {
  const env = { ...process.env, PATH: `${root.file('.bin')}:${process.env.PATH}`, COPYSET_ROOT: '', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile('bash', ['-ec', block], { cwd: root.path, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: `${stdout}${stderr}` });
    });
  });
}

describe('the tutorial', { timeout: 120_000 }, () => {
  it('does as it says, from the first line to the last', async () => {
    const shown: string[] = [];
    for (const block of blocksOf('tutorial.md')) {
      const { code, output } = await bash(block);
      expect(code, `${block}\n${output}`).toBe(0);
      shown.push(output);
    }
    const all = shown.join('\n');
    // The copy shows the moment of the split, the restore takes the mistake back, the other site has the last group.
    expect(all.match(/written after the split/g)).toHaveLength(2);
    expect(all.match(/a mistake/g)).toBeNull();
    expect(all).toContain('one more write');
  });
});
