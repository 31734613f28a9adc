// Writes man/: one page for the program and one for each topic, from the manifest and the exit codes. With --check it only says which
// files are stale.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { EXIT_CODE_MEANINGS } from '../src/cli/exit-codes.js';
import { type CommandEntry, type Flag, filled, readManifest, readTopics, words } from './manifest-entries.js';

const top = new URL('..', import.meta.url);

/** Text for roff: no word of ours is taken for a request, and a dash is one that can be copied into a shell. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');
}

function head(name: string, about: string): string[] {
  return [
    '.\\" Made by `npm run docs`; do not edit.',
    `.TH ${name.toUpperCase()} 1 "" "copyset" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(about)}`,
  ];
}

function flagLines(flags: readonly Flag[]): string[] {
  return flags.flatMap((flag) => {
    const value =
      flag.type === 'option' ? ` \\fI${roff(flag.options?.join('|') ?? flag.helpValue ?? 'VALUE')}\\fR` : '';
    const name = `\\-\\-${flag.allowNo ? '[no\\-]' : ''}${roff(flag.name)}`;
    return ['.TP', `\\fB${name}\\fR${value}`, roff(filled(flag.summary ?? flag.description ?? ''))];
  });
}

function ownFlags({ flags }: CommandEntry): Flag[] {
  return Object.values(flags).filter((flag) => !flag.hidden && flag.helpGroup !== 'GLOBAL');
}

function synopsis(command: CommandEntry): string {
  const args = Object.values(command.args).map((arg) => {
    const name = `\\fI${arg.name.toUpperCase()}\\fR${arg.multiple ? '...' : ''}`;
    return arg.required ? name : `[${name}]`;
  });
  return [`\\fBcopyset ${words(command.id)}\\fR`, ...args, '[\\fIflags\\fR]'].join(' ');
}

function commandLines(command: CommandEntry): string[] {
  const args = Object.values(command.args).flatMap((arg) => [
    '.TP',
    `\\fI${arg.name.toUpperCase()}\\fR`,
    roff(filled(arg.description ?? '')),
  ]);
  const examples = (command.examples ?? []).map((one) => roff(filled(typeof one === 'string' ? one : one.command)));
  return [
    `.SS ${words(command.id)}`,
    synopsis(command),
    '.PP',
    roff(command.summary ?? ''),
    ...(command.description === undefined ? [] : ['.PP', roff(filled(command.description))]),
    ...args,
    ...flagLines(ownFlags(command)),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:', '.PP', '.RS', '.nf', ...examples, '.fi', '.RE']),
  ];
}

function topicPage(topic: string, about: string, commands: readonly CommandEntry[]): string {
  return [
    ...head(`copyset-${topic}`, about.replace(/\.$/, '')),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH SEE ALSO',
    '.BR copyset (1)',
    '',
  ].join('\n');
}

function mainPage(commands: readonly CommandEntry[], topics: Readonly<Record<string, string>>): string {
  const global = Object.values(commands[0]?.flags ?? {}).filter((flag) => flag.helpGroup === 'GLOBAL');
  const alone = commands.filter(({ id }) => !id.includes(':'));
  return [
    ...head('copyset', 'what storage arrays do to logical units, done to plain image files'),
    '.SH SYNOPSIS',
    '\\fBcopyset\\fR \\fItopic command\\fR [\\fIarguments\\fR] [\\fIflags\\fR]',
    '.SH DESCRIPTION',
    'A storage system is a folder, its volumes are plain raw images. Every command is scriptable, every outcome has an exit code, every',
    'listing has a stable \\fB\\-\\-json\\fR, and nothing waits for ever.',
    '.SH TOPICS',
    ...Object.entries(topics).flatMap(([topic, about]) => ['.TP', `.BR copyset\\-${topic} (1)`, roff(about)]),
    '.SH COMMANDS',
    ...alone.flatMap(commandLines),
    '.SH FLAGS OF EVERY COMMAND',
    ...flagLines(global),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT_CODE_MEANINGS).flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    ...environment(),
    '',
  ].join('\n');
}

function environment(): string[] {
  return [
    ['COPYSET_ROOT', 'Folder that holds the storage systems; several separated by a colon. --root goes before it.'],
    ['COPYSET_SEED, COPYSET_NOW', 'Of fixture systems: ids and times that are the same at every run.'],
    ['NO_COLOR', 'No colour and no lines in tables.'],
  ].flatMap(([name = '', text = '']) => ['.TP', `.B ${name}`, roff(text)]);
}

async function main(check: boolean): Promise<void> {
  const commands = await readManifest();
  const topics = await readTopics();
  const pages = new Map([['copyset.1', mainPage(commands, topics)]]);
  for (const [topic, about] of Object.entries(topics)) {
    const own = commands.filter(({ id }) => id.startsWith(`${topic}:`));
    if (own.length > 0) pages.set(`copyset-${topic}.1`, topicPage(topic, about, own));
  }
  const folder = new URL('man/', top);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (!pages.has(name) && !check) await rm(new URL(name, folder));
  for (const [name, text] of pages) {
    const file = new URL(name, folder);
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
    if (!check) await writeFile(file, text);
    else {
      console.error(`man/${name} is stale: run \`npm run docs\` and commit it.`);
      process.exitCode = 1;
    }
  }
}

await main(process.argv.includes('--check'));
