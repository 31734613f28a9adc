import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Beginning, ExampleStage } from './examples-stage.js';

interface Rule {
  readonly matches: RegExp;
  readonly from: Beginning;
  /** What a reader has done before, beside the beginning. */
  readonly prelude?: readonly string[];
  /** Other exit codes that the example may have as printed. */
  readonly codes?: readonly number[];
}

const WATCH = { codes: [130] };

/** The first rule that an example matches says where it begins. Those of a topic without a rule begin with its volumes. */
const RULES: readonly Rule[] = [
  { matches: /^copyset system create lab/, from: 'nothing' },
  { matches: /^copyset system create tokyo/, from: 'nothing' },
  { matches: /^copyset system delete lab$/, from: 'systems', prelude: ['copyset volume delete lab:db'] },
  { matches: /^copyset system separate/, from: 'volumes', prelude: ['cp -a tokyo tokyo-copy'] },
  { matches: /^copyset (system|fault)/, from: 'volumes' },
  { matches: /^copyset volume create tokyo:(db|db-copy|log)/, from: 'systems' },
  { matches: /^copyset volume import .*--create/, from: 'systems' },
  { matches: /^copyset volume detach/, from: 'volumes', prelude: ['copyset volume attach tokyo:db --port CL1-A'] },
  { matches: /^cmp /, from: 'volumes', prelude: ['copyset volume export tokyo:db db.img'] },
  { matches: /^copyset port create tokyo CL1-A/, from: 'systems' },
  {
    matches: /^copyset pair create --file/,
    from: 'volumes',
    prelude: ['copyset pair create tokyo:db auto --plan-output pairs.yaml'],
  },
  {
    matches: /^copyset pair create .*--mode journal/,
    from: 'volumes',
    prelude: ['copyset checkpoint create sales --at tokyo'],
  },
  { matches: /^copyset pair create/, from: 'volumes' },
  { matches: /^copyset pair delete 'tokyo:log/, from: 'volumes', prelude: ['copyset pair create tokyo:log auto'] },
  {
    matches: /^copyset pair takeover/,
    from: 'volumes',
    prelude: [
      'copyset volume create osaka:db-copy --size 1MiB',
      'copyset pair create tokyo:db osaka:db-copy --wait',
      'mv tokyo .away',
    ],
  },
  { matches: /^copyset pair (resync|verify 'tokyo|wait tokyo|delete)/, from: 'split' },
  { matches: /^copyset pair .*--watch/, from: 'pair', ...WATCH },
  { matches: /^copyset pair wait 'tokyo/, from: 'pair' },
  { matches: /^copyset pair/, from: 'pair' },
  { matches: /^copyset cg create/, from: 'systems' },
  { matches: /^copyset cg add/, from: 'volumes', prelude: ['copyset cg create sales --master tokyo'] },
  { matches: /^copyset cg (failback)/, from: 'lost' },
  { matches: /^copyset cg recover .*kobe/, from: 'group', codes: [4, 8] },
  { matches: /^copyset cg recover/, from: 'group' },
  { matches: /^copyset cg resume/, from: 'group', prelude: ['copyset cg pause sales'] },
  {
    matches: /^copyset cg practice sales --drop/,
    from: 'group',
    prelude: ['copyset cg practice sales', 'copyset cg start sales'],
  },
  { matches: /^copyset cg .*--(watch|continuous)/, from: 'group', ...WATCH },
  { matches: /^copyset cg/, from: 'group' },
  { matches: /^copyset checkpoint create/, from: 'volumes' },
  { matches: /^copyset checkpoint failback/, from: 'taken' },
  // Nobody serves the systems of the example, so what it waits for does not come.
  { matches: /^MARK=|^copyset checkpoint wait/, from: 'session', codes: [20] },
  { matches: /^copyset checkpoint recover sales --at osaka --plan/, from: 'session', codes: [8] },
  { matches: /^copyset checkpoint recover .*--to 17/, from: 'session', codes: [7] },
  { matches: /^copyset checkpoint (apply .*--to 17|delete)/, from: 'session', codes: [3] },
  { matches: /^copyset checkpoint .*--(watch|follow)/, from: 'session', ...WATCH },
  { matches: /^copyset checkpoint/, from: 'session' },
  { matches: /^copyset (history .*--follow|status --watch)/, from: 'pair', ...WATCH },
  { matches: /^copyset (history|status|copier)/, from: 'split', codes: [130] },
  { matches: /^copyset topology/, from: 'volumes', prelude: ['copyset topology export --output two-sites.yaml'] },
  { matches: /./, from: 'volumes' },
];

/** Endless, or waiting for a time of day: a person interrupts them. */
const ENDLESS =
  /--watch|--follow|--continuous|^copyset checkpoint wait sales 1\.17$|--at 22:00|^copyset serve tokyo( --nbd unix.*)?$|^copyset copier run tokyo/;
/** Write outside of the folder, or need what a reader would have to bring. */
const LEFT_OUT = new Set([
  'copyset serve tokyo --nbd unix:/run/tokyo.sock',
  'copyset serve tokyo --nbd tcp://127.0.0.1:0 -- nbdinfo --list nbd://localhost',
]);

interface Manifest {
  readonly commands: Readonly<
    Record<string, { readonly examples?: readonly (string | { readonly command: string })[] }>
  >;
}

const manifest = JSON.parse(readFileSync(new URL('../../oclif.manifest.json', import.meta.url), 'utf8')) as Manifest;
const examples = Object.values(manifest.commands)
  .flatMap((command) => command.examples ?? [])
  .map((example) => (typeof example === 'string' ? example : example.command))
  .map((typed) => typed.replaceAll('<%= config.bin %>', 'copyset'))
  .filter((typed) => !LEFT_OUT.has(typed));

let stage: ExampleStage;
beforeAll(async () => {
  stage = await ExampleStage.make();
}, 120_000);
afterAll(() => stage.remove());

describe('the examples in help', { timeout: 60_000 }, () => {
  it.each(examples)('%s', async (typed) => {
    const rule = RULES.find(({ matches }) => matches.test(typed));
    const whole = ENDLESS.test(typed) ? `timeout --preserve-status --signal INT 2 ${typed}` : typed;
    const { code, output } = await stage.show(rule?.from ?? 'volumes', rule?.prelude ?? [], whole);
    expect([0, ...(rule?.codes ?? []), ...(ENDLESS.test(typed) ? [130] : [])], output).toContain(code);
  });
});
