import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUN_JS = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** One after the other, each from what the one before left. An example begins where its words make sense. */
const STEPS = {
  nothing: [],
  systems: [
    'copyset system create tokyo --durability none --site east',
    ...['osaka', 'nagoya', 'kobe'].map((name) => `copyset system create ${name} --durability none`),
    ...['lab', 'far'].map((name) => `copyset system create ${name} --durability none --fixture`),
    'copyset volume create lab:db --size 1MiB',
    'head -c 1048576 /dev/urandom > db.img',
    'head -c 4096 /dev/urandom > block.bin',
  ],
  volumes: [
    'copyset volume create tokyo:db --size 1MiB',
    'copyset volume create tokyo:db-copy --size 1MiB --reserve',
    'copyset volume create tokyo:spare --size 1MiB --count 2 --reserve',
    'copyset volume create tokyo:log --size 1MiB --number 00:1A',
    'copyset volume create nagoya:log --size 1MiB',
    'copyset volume create osaka:db --size 1MiB',
    'copyset volume create osaka:log --size 1MiB',
    'copyset volume create osaka:log-backup --size 1MiB',
    'copyset volume create osaka:spare --size 1MiB --count 4 --reserve',
    'head -c 300000 /dev/urandom | copyset volume write tokyo:db',
    'copyset port create tokyo CL1-A --listen unix:CL1-A.sock',
  ],
  pair: ['copyset pair create tokyo:db tokyo:db-copy --wait'],
  split: ['copyset pair split tokyo:db --wait', 'echo x | copyset volume write tokyo:db'],
} as const;

const GROUP_STEPS = {
  group: [
    'copyset cg create sales --master tokyo',
    'copyset cg add sales tokyo:db osaka:db --backup auto',
    'copyset pair wait tokyo:db --status duplex',
    'copyset cg start sales',
  ],
  lost: ['mv tokyo .tokyo-away', 'copyset cg recover sales --at osaka', 'mv .tokyo-away tokyo'],
} as const;

const JOURNAL = '--mode journal --session sales --backup auto';
const SHOWN = [
  'copyset checkpoint start sales',
  "copyset pair wait 'tokyo:*' --status duplex --timeout 30s",
  "copyset pair wait 'nagoya:*' --status duplex --timeout 30s",
  'copyset checkpoint wait sales $(copyset checkpoint mark sales) --timeout 30s',
].join(' && ');

const SESSION_STEPS = {
  session: [
    'copyset volume create kobe:log --size 1MiB',
    'copyset volume create kobe:spare --size 1MiB --reserve',
    'copyset checkpoint create sales --at tokyo',
    `copyset pair create tokyo:db osaka:db ${JOURNAL}`,
    `copyset pair create nagoya:log kobe:log ${JOURNAL}`,
    `copyset serve tokyo nagoya osaka kobe -- sh -c "${SHOWN.replaceAll('$', '\\$')}"`,
  ],
  taken: ['mv tokyo .tokyo-away', 'copyset checkpoint recover sales --at osaka,kobe', 'mv .tokyo-away tokyo'],
} as const;

/** The states that examples begin in; each is made of those before it in its line. */
const LINES = [
  ['nothing', 'systems', 'volumes', 'pair', 'split'],
  ['volumes', 'group', 'lost'],
  ['volumes', 'session', 'taken'],
] as const;

export type Beginning = keyof typeof STEPS | keyof typeof GROUP_STEPS | keyof typeof SESSION_STEPS;

export interface Shown {
  readonly code: number;
  readonly output: string;
}

/** Folders in each of the beginnings, to be copied for an example that may change everything. */
export class ExampleStage {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<ExampleStage> {
    const stage = new ExampleStage(await mkdtemp(join(tmpdir(), 'copyset-examples-')));
    await mkdir(join(stage.#folder, 'bin'));
    const program = join(stage.#folder, 'bin/copyset');
    await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${RUN_JS} "$@"\n`);
    await chmod(program, 0o755);
    const steps: Record<string, readonly string[]> = { ...STEPS, ...GROUP_STEPS, ...SESSION_STEPS };
    for (const line of LINES) {
      for (const [place, name] of line.entries()) {
        const before = line[place - 1];
        if (before === undefined && name !== 'nothing') continue;
        const folder = stage.#root(name);
        if (before === undefined) await mkdir(folder);
        else await cp(stage.#root(before), folder, { recursive: true });
        for (const step of steps[name] ?? []) {
          const { code, output } = await stage.#shell(folder, step);
          if (code !== 0) throw new Error(`${name}: ${step} ended with ${code}: ${output}`);
        }
      }
    }
    return stage;
  }

  /** Runs what a person would type, in a copy of a beginning. What never ends by itself is interrupted as a person does. */
  async show(beginning: Beginning, prelude: readonly string[], typed: string): Promise<Shown> {
    const folder = await mkdtemp(join(this.#folder, 'run-'));
    try {
      await cp(this.#root(beginning), folder, { recursive: true });
      for (const step of prelude) {
        const { code, output } = await this.#shell(folder, step);
        if (code !== 0) throw new Error(`${step} ended with ${code}: ${output}`);
      }
      return await this.#shell(folder, typed);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #root(name: string): string {
    return join(this.#folder, name);
  }

  #shell(folder: string, typed: string): Promise<Shown> {
    const env = {
      ...process.env,
      PATH: `${join(this.#folder, 'bin')}:${process.env.PATH}`,
      COPYSET_ROOT: '',
      NO_COLOR: '1',
    };
    return new Promise((resolve) => {
      execFile('bash', ['-c', typed], { cwd: folder, env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1);
        resolve({ code, output: `${stdout}${stderr}` });
      });
    });
  }
}
