/** What completion knows of a command; oclif's manifest has it of every one. */
export interface KnownCommand {
  readonly id: string;
  readonly hidden?: boolean | undefined;
  readonly summary?: string | undefined;
  readonly flags: Readonly<Record<string, KnownFlag>>;
  readonly args: Readonly<Record<string, KnownArgument>>;
}

interface KnownArgument {
  readonly name: string;
  readonly options?: readonly string[] | undefined;
  readonly multiple?: boolean | undefined;
}

export interface KnownFlag {
  readonly name: string;
  readonly type: 'boolean' | 'option';
  readonly options?: readonly string[] | undefined;
  readonly helpValue?: string | readonly string[] | undefined;
  readonly allowNo?: boolean | undefined;
  readonly hidden?: boolean | undefined;
  readonly summary?: string | undefined;
}

/** A kind of thing whose names only the storage systems themselves tell. */
export type NameKind = 'system' | 'address' | 'group' | 'session' | 'port';

/** What may stand where the cursor is: words, names to be looked up, or whatever file the shell finds. */
export interface Candidates {
  readonly words: readonly { readonly word: string; readonly about?: string | undefined }[];
  readonly names?: NameKind | undefined;
  readonly files?: boolean | undefined;
}

const NOTHING: Candidates = { words: [] };
const FILES: Candidates = { words: [], files: true };

/** What an argument of this name means, whichever command has it. */
const ARGUMENT_NAMES: Readonly<Record<string, NameKind | 'file'>> = {
  system: 'system',
  systems: 'system',
  primary: 'address',
  secondary: 'address',
  volume: 'address',
  volumes: 'address',
  globs: 'address',
  port: 'port',
  session: 'session',
  file: 'file',
};

/** Of several topics an argument is just called a name. */
const TOPIC_NAMES: Readonly<Record<string, NameKind>> = { cg: 'group', system: 'system' };

const FLAG_NAMES: Readonly<Record<string, NameKind>> = {
  system: 'system',
  master: 'system',
  at: 'system',
  peer: 'system',
  group: 'group',
  session: 'session',
  port: 'port',
  volume: 'address',
  pair: 'address',
  fits: 'address',
  backup: 'address',
  without: 'address',
};

/** `typed` are the words behind the program's name, the last of them unfinished, or empty. */
export function candidatesFor(typed: readonly string[], commands: readonly KnownCommand[]): Candidates {
  const done = typed.slice(0, -1);
  const open = typed.at(-1) ?? '';
  const shown = commands.filter(({ hidden }) => !hidden);
  const { command, rest } = commandOf(done, shown);
  if (!command) return open.startsWith('-') ? NOTHING : nextWords(done, shown);
  const before = flagBefore(done, command);
  if (before) return flagValues(before, command);
  const [, name, value] = /^--([\w-]+)=(.*)$/.exec(open) ?? [];
  const flag = name === undefined ? undefined : command.flags[name];
  if (flag && value !== undefined) return withPrefix(`--${name}=`, flagValues(flag, command));
  if (open.startsWith('-')) return { words: flagWords(command) };
  return argumentValues(command, positionIn(rest, command));
}

interface Found {
  readonly command: KnownCommand | undefined;
  /** The words behind the command's own. */
  readonly rest: readonly string[];
}

/** The longest command that the words begin with, unless a longer one begins with all of them. */
function commandOf(done: readonly string[], commands: readonly KnownCommand[]): Found {
  for (let length = done.length; length > 0; length -= 1) {
    const id = done.slice(0, length).join(':');
    const command = commands.find((one) => one.id === id);
    if (command) return { command, rest: done.slice(length) };
  }
  return { command: undefined, rest: done };
}

/** Topics and commands that go on from the words so far. */
function nextWords(done: readonly string[], commands: readonly KnownCommand[]): Candidates {
  const prefix = done.map((word) => `${word}:`).join('');
  const words = new Map<string, string | undefined>();
  for (const { id, summary } of commands) {
    if (!id.startsWith(prefix)) continue;
    const [word = '', ...more] = id.slice(prefix.length).split(':');
    if (more.length === 0 || !words.has(word)) words.set(word, more.length === 0 ? summary : undefined);
  }
  return { words: [...words].map(([word, about]) => ({ word, about })) };
}

/** The flag whose value comes next. `--wait` takes one only behind `=`. */
function flagBefore(done: readonly string[], command: KnownCommand): KnownFlag | undefined {
  const last = done.at(-1) ?? '';
  const flag = last.startsWith('--') ? command.flags[last.slice(2)] : undefined;
  return flag?.type === 'option' && flag.name !== 'wait' ? flag : undefined;
}

function flagWords({ flags }: KnownCommand): Candidates['words'] {
  return Object.values(flags)
    .filter(({ hidden }) => !hidden)
    .flatMap(({ name, allowNo, summary: about }) => [
      { word: `--${name}`, about },
      ...(allowNo ? [{ word: `--no-${name}`, about }] : []),
    ]);
}

function flagValues(flag: KnownFlag, { id }: KnownCommand): Candidates {
  if (flag.options) return { words: flag.options.map((word) => ({ word })) };
  const helpValue = [flag.helpValue ?? ''].flat().join(' ');
  if (/FILE|DIR|PLAN/.test(helpValue)) return FILES;
  // `pair split --at` is a time of day.
  const names = helpValue.includes('TIME') ? undefined : FLAG_NAMES[flag.name];
  if (names !== undefined && !(id === 'cg:practice' && flag.name === 'to')) return { words: [], names };
  return NOTHING;
}

function withPrefix(prefix: string, { words }: Candidates): Candidates {
  return { words: words.map(({ word, about }) => ({ word: prefix + word, about })) };
}

/** Which argument the open word is: flags and their values do not count. */
function positionIn(rest: readonly string[], command: KnownCommand): number {
  let position = 0;
  for (let i = 0; i < rest.length; i += 1) {
    const word = rest[i] ?? '';
    if (!word.startsWith('-')) position += 1;
    else if (flagBefore([word], command)) i += 1;
  }
  return position;
}

function argumentValues({ id, args }: KnownCommand, position: number): Candidates {
  const all = Object.values(args);
  const arg = all[position] ?? (all.at(-1)?.multiple ? all.at(-1) : undefined);
  if (!arg) return NOTHING;
  if (arg.options) return { words: arg.options.map((word) => ({ word })) };
  const kind = ARGUMENT_NAMES[arg.name] ?? TOPIC_NAMES[id.split(':')[0] ?? ''];
  if (kind === 'file') return FILES;
  return kind === undefined ? NOTHING : { words: [], names: kind };
}
