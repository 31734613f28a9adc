import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useServers } from './hosts-servers.js';
import { useRootFolder } from './root-folder.js';

const root = useRootFolder();
const serve = useServers(root);

/** The commands of docs/sessions.md, in their order. */
function linesOf(): string[] {
  const text = readFileSync(new URL('../../docs/sessions.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.trimEnd().split('\n'));
}

function wordsOf(line: string, mark: string): string[] {
  const command = line.replace('"$MARK"', mark).replace(/^MARK=\$\((.*)\)$/, '$1');
  return command.replaceAll("'", '').replace(/ &$/, '').split(' ').slice(1);
}

describe('the page about checkpoint sessions', { timeout: 180_000 }, () => {
  it('does as it says, from the first command to the last', async () => {
    let mark = '';
    for (const line of linesOf()) {
      const output = await typed(wordsOf(line, mark), line);
      if (line.startsWith('MARK=')) mark = output.trim();
    }
    expect((await root.json('checkpoint', 'history', 'sales')).data.events).toContainEqual(
      expect.objectContaining({ deed: 'failback' }),
    );
  });

  async function typed(words: readonly string[], line: string): Promise<string> {
    if (words[0] === 'serve') {
      await serve(...words.slice(1));
      return '';
    }
    // A system that takes part again is waited for, as a person would, before the site is given up.
    if (line.endsWith('--plan') && words[1] === 'recover') await settled();
    const ended = await root.run(...words);
    expect(ended, line).toMatchObject({ code: words[1] === 'status' ? expect.any(Number) : 0 });
    return ended.stdout;
  }

  async function settled(): Promise<void> {
    await expect
      .poll(async () => (await root.json('checkpoint', 'status', 'sales')).data.sessions, { timeout: 30_000 })
      .toMatchObject([{ state: 'running', recoverable: true }]);
  }
});
