// Writes docs/reference/: commands from the manifest, errors and exit codes from the tables in the code, the schema of topology
// files from the one that reads them. With --check it
// only says which files are stale.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { EXIT_CODE_MEANINGS, EXIT_CODES } from '../src/cli/exit-codes.js';
import { topologySchema } from '../src/cli/topology/schema.js';
import { ERROR_CODES, type ErrorCode } from '../src/core/foundation/foundation.js';
import { jsonSchema } from './json-schema.js';
import { type Arg, type CommandEntry, type Flag, filled, readManifest, words } from './manifest-entries.js';

const top = new URL('..', import.meta.url);
const GENERATED = '<!-- Made by `npm run docs`; do not edit. -->';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function commandsPage(commands: readonly CommandEntry[]): string {
  const global = commands[0] ? Object.values(commands[0].flags).filter((flag) => flag.helpGroup === 'GLOBAL') : [];
  return [
    GENERATED,
    '# Commands',
    'Every command takes these flags:',
    flagTable(global),
    ...commands.map(commandSection),
  ].join('\n\n');
}

function commandSection(command: CommandEntry): string {
  const args = Object.values(command.args);
  const flags = Object.values(command.flags).filter((flag) => !flag.hidden && flag.helpGroup !== 'GLOBAL');
  const parts = [`## ${words(command.id)}`, command.summary ?? '', `\`\`\`\n${usage(command, args)}\n\`\`\``];
  if (command.description !== undefined) parts.push(filled(command.description));
  if (args.length > 0)
    parts.push(args.map((arg) => `- \`${arg.name.toUpperCase()}\`: ${arg.description ?? ''}`).join('\n'));
  if (flags.length > 0) parts.push(flagTable(flags));
  const examples = (command.examples ?? []).map((example) =>
    typeof example === 'string' ? filled(example) : `# ${example.description}\n${filled(example.command)}`,
  );
  if (examples.length > 0) parts.push(`\`\`\`sh\n${examples.join('\n')}\n\`\`\``);
  return parts.filter((part) => part !== '').join('\n\n');
}

function usage(command: CommandEntry, args: readonly Arg[]): string {
  const shown = args.map((arg) => {
    const name = `${arg.name.toUpperCase()}${arg.multiple ? '…' : ''}`;
    return arg.required ? name : `[${name}]`;
  });
  return ['copyset', words(command.id), ...shown, '[FLAGS]'].join(' ');
}

function flagTable(flags: readonly Flag[]): string {
  const rows = flags.map((flag) => {
    const value = flag.type === 'option' ? ` ${flag.options?.join('|') ?? flag.helpValue ?? 'VALUE'}` : '';
    const name = `--${flag.allowNo ? '[no-]' : ''}${flag.name}${value}`;
    const more = flag.required ? ' Required.' : '';
    return `| \`${cell(name)}\` | ${cell(filled(flag.summary ?? flag.description ?? ''))}${more} |`;
  });
  return ['| flag | what it does |', '|---|---|', ...rows].join('\n');
}

/** What each code means stands beside it in the code, as its comment. */
async function errorsPage(): Promise<string> {
  const source = await readFile(new URL('src/core/foundation/errors.ts', top), 'utf8');
  const meanings = new Map(
    [...source.matchAll(/^ {2}'([a-z-]+)', \/\/ (.+)$/gm)].map(([, code, text]) => [code, text]),
  );
  const rows = ERROR_CODES.map(
    (code: ErrorCode) => `| \`${code}\` | ${EXIT_CODES[code]} | ${meanings.get(code) ?? ''} |`,
  );
  const exits = Object.entries(EXIT_CODE_MEANINGS).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return [
    GENERATED,
    '# Errors and exit codes',
    'A failing command prints a sentence, a hint and a code on standard error, or with `--json` one object with ' +
      '`error: {code, exitCode, message, hint}` on standard output. Codes and exit codes are stable; sentences are not.',
    '## Exit codes',
    ['| exit code | meaning |', '|---|---|', ...exits].join('\n'),
    '## Error codes',
    ['| code | exit code | meaning |', '|---|---|---|', ...rows].join('\n'),
  ].join('\n\n');
}

function topologyFileSchema(): object {
  return jsonSchema(topologySchema, {
    $id: 'urn:copyset:topology:1',
    title: 'copyset topology',
    description:
      'Storage systems, volumes, ports, pairs and groups as one declared file: copyset topology apply FILE.yaml.',
  });
}

async function main(check: boolean): Promise<void> {
  const pages = {
    'commands.md': commandsPage(await readManifest()),
    'errors.md': await errorsPage(),
    'topology.schema.json': JSON.stringify(topologyFileSchema(), undefined, 2),
  };
  await mkdir(new URL('docs/reference/', top), { recursive: true });
  for (const [name, text] of Object.entries(pages)) {
    const file = new URL(`docs/reference/${name}`, top);
    const old = await readFile(file, 'utf8').catch(() => '');
    if (old === `${text}\n`) continue;
    if (check) {
      console.error(`docs/reference/${name} is stale: run \`npm run docs\` and commit it.`);
      process.exitCode = 1;
    } else {
      await writeFile(file, `${text}\n`);
    }
  }
}

await main(process.argv.includes('--check'));
