import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Ended, runCopyset } from '../cli/run-copyset.js';

const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

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

  /** A command that goes on by itself, to be told something while it runs. */
  start(...words: string[]): Running {
    const env = { ...process.env, NO_COLOR: '1', COPYSET_ROOT: '' };
    return new Running(spawn(process.execPath, [RUN_JS, ...words], { cwd: this.path, env }));
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

/** A process of ours while it runs. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      child.on('close', resolve);
    });
  }

  /** Resolves when what it printed holds the text; fails when it ends without. */
  async says(text: string | RegExp): Promise<void> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    const isSaid = (printed: string) => (typeof text === 'string' ? printed.includes(text) : text.test(printed));
    while (!isSaid(`${this.stdout}${this.stderr}`)) {
      if (over) throw new Error(`ended without saying ${text}: ${this.stdout}${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** What a refused command looks like: its exit code, its stable code on standard error, and nothing on standard output. */
export function refused(code: number, word: string) {
  return { code, stdout: '', stderr: expect.stringMatching(new RegExp(`\\nCode: ${word}\\n$`)) as string };
}
