import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core/config';
import type { Plugin } from '@oclif/core/interfaces';
import { settings } from '@oclif/core/settings';
import { failure } from '../core/foundation/foundation.js';
import { quoted } from '../core/volume/volume.js';
import { demandTaken, flushOutput, keepProcessFromOutputErrors, print } from './output.js';
import { PACKAGE } from './package.js';
import { reportFailure } from './report-failure.js';
import type { StartOptions } from './run.js';
import { nearest } from './suggestion.js';

/** Finds the command that the words name, runs it, and turns whatever is thrown into a message and an exit code. */
export async function dispatch(argv: readonly string[], options: StartOptions = {}): Promise<void> {
  keepProcessFromOutputErrors();
  // oclif would look for TypeScript sources by itself where NODE_ENV is `test`; bin/dev.mjs is our way to do that.
  settings.enableAutoTranspile = false;
  try {
    if (!(await runAtOnce(argv, options.commands ?? {}))) await runWords(argv, await loadConfig(options));
    await flushOutput();
    demandTaken();
  } catch (error) {
    process.exitCode = reportFailure(error, argv);
  }
  await flushOutput();
  // A command may leave a socket or a timer behind; when it has answered, it has ended.
  process.exit();
}

/** Runs what needs no manifest, which tells help and suggestions of all commands: most of what oclif does at a start. */
async function runAtOnce(argv: readonly string[], commands: NonNullable<StartOptions['commands']>): Promise<boolean> {
  if (argv.length === 1 && argv[0] === '--version') {
    printVersion(await Config.load(alone()));
    return true;
  }
  if (asksForHelp(argv)) return false;
  const found = longestMatch(commandWords(argv), (id) => Object.hasOwn(commands, id));
  const command = found === undefined ? undefined : commands[found];
  if (found === undefined || command === undefined) return false;
  command.id = found;
  await command.run(argv.slice(found.split(':').length), alone());
  return true;
}

const TOP = fileURLToPath(new URL('../..', import.meta.url));

function packageCopy() {
  return structuredClone(PACKAGE) as unknown as NonNullable<ConstructorParameters<typeof Config>[0]['pjson']>;
}

/** The program as oclif sees it when it is given everything that it would look for. */
function alone(): ConstructorParameters<typeof Config>[0] {
  // Colours of help that a user may have chosen: a file to look for, and no help is shown here.
  process.env.COPYSET_DISABLE_THEME ??= '1';
  const pjson = packageCopy();
  const { name, version } = PACKAGE;
  const itself = { name, version, pjson, root: TOP, alias: name, type: 'core', isRoot: true, valid: true, hooks: {} };
  const plugin = { ...itself, commands: [], commandIDs: [], topics: [] };
  return { root: TOP, pjson, plugins: new Map([[name, plugin as unknown as Plugin]]) };
}

async function loadConfig(options: StartOptions): Promise<Config> {
  const pjson = packageCopy();
  if (!options.fromSource) return Config.load({ root: TOP, pjson });
  // Below src/ there is no manifest, so oclif discovers the commands as they are now.
  pjson.oclif = { ...pjson.oclif, commands: './commands' };
  return Config.load({ root: `${TOP}src`, pjson });
}

function printVersion(config: Config): void {
  print(config.userAgent);
}

async function runWords(argv: readonly string[], config: Config): Promise<void> {
  const askedForHelp = asksForHelp(argv);
  const words = commandWords(argv[0] === 'help' ? argv.slice(1) : argv);
  const found = longestMatch(words, (id) => config.findCommand(id) !== undefined);
  if (found && !askedForHelp) {
    const length = found.split(':').length;
    await config.runCommand(found, argv.slice(length));
    return;
  }
  const subject = found ?? words.join(':');
  if (found === undefined && subject !== '' && !config.findTopic(subject)) throw unknownCommand(words, config);
  // Help would end with 0, and a script would take that for its command.
  const flag = words.length < argv.length ? argv[words.length] : undefined;
  if (!askedForHelp && flag !== undefined) throw flagTooEarly(words, flag);
  // Help is a third of oclif and loaded only here.
  const { showHelp } = await import('./show-help.js');
  await showHelp(subject, config);
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return argv.length === 0 || argv[0] === 'help' || own.includes('--help') || own.includes('-h');
}

/** The leading words, up to the first flag. */
function commandWords(argv: readonly string[]): string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return end === -1 ? [...argv] : argv.slice(0, end);
}

function longestMatch(words: readonly string[], exists: (id: string) => boolean): string | undefined {
  for (let length = words.length; length > 0; length--) {
    const id = words.slice(0, length).join(':');
    if (exists(id)) return id;
  }
  return undefined;
}

function flagTooEarly(words: readonly string[], flag: string): Error {
  const after = words.length === 0 ? '' : ` after ${quoted(words.join(' '))}`;
  return failure(
    'usage',
    `${quoted(flag)} stands where a command is wanted${after}.`,
    'Flags follow the whole command, as in: copyset pair list --root DIR. All commands: copyset --help',
  );
}

function unknownCommand(words: readonly string[], config: Config): Error {
  const commands = config.commands
    .filter((command) => !command.hidden)
    .map((command) => command.id.replaceAll(':', ' '));
  const typed = words.slice(0, 2).join(' ');
  const close = nearest(typed, commands);
  const hint = close === undefined ? 'See the commands with: copyset --help' : `Did you mean: copyset ${close}`;
  return failure('usage', `There is no command ${quoted(typed)}.`, hint);
}
