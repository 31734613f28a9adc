import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Ended, runCopyset } from '../cli/run-copyset.js';

/** A root of its own for each test file; commands run in it as a user's do. */
export class RootFolder {
  path = '';

  file(name: string): string {
    return join(this.path, name);
  }

  async run(...words: string[]): Promise<Ended> {
    return runCopyset(words, { cwd: this.path });
  }

  async feed(input: string, ...words: string[]): Promise<Ended> {
    return runCopyset(words, { cwd: this.path, input });
  }

  /** A command that must succeed. */
  async ok(...words: string[]): Promise<Ended> {
    const ended = await this.run(...words);
    expect(ended, words.join(' ')).toMatchObject({ code: 0 });
    return ended;
  }

  /** The JSON object of a command, with its exit code. */
  async json(...words: string[]): Promise<{ code: number | null; data: Record<string, unknown> }> {
    const ended = await this.run(...words, '--json');
    expect(ended.stderr, words.join(' ')).not.toContain('Error:');
    return { code: ended.code, data: JSON.parse(ended.stdout) as Record<string, unknown> };
  }
}

export function useRootFolder(prepare: (root: RootFolder) => Promise<void> = async () => {}): RootFolder {
  const root = new RootFolder();
  beforeAll(async () => {
    root.path = await mkdtemp(join(tmpdir(), 'copyset-e2e-'));
    await prepare(root);
  });
  afterAll(() => rm(root.path, { recursive: true, force: true }));
  return root;
}

/** What a refused command looks like: its exit code, its stable code on standard error, and nothing on standard output. */
export function refused(code: number, word: string) {
  return { code, stdout: '', stderr: expect.stringMatching(new RegExp(`\\nCode: ${word}\\n$`)) as string };
}
