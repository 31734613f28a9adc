import { Command } from '@oclif/core/command';
import { boolean, string } from '@oclif/core/flags';
import type { InferredArgs, InferredFlags } from '@oclif/core/interfaces';
import { failure } from '../core/foundation/foundation.js';
import { EXIT } from './exit-codes.js';
import { nowMs } from './now.js';
import { outputClosed, print, printError, printJson } from './output.js';
import { makeProgress, type Progress } from './render/progress.js';

/** What a command found or did: once for programs, once for people. */
export interface Outcome {
  /** The keys of the JSON object, beside `schemaVersion` and `asOf`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What a person reads on standard output; computed only when one does. Nothing where there is nothing to say. */
  readonly text?: string | (() => string | Promise<string>);
  /** Sentences for standard error, such as work left to do and the command that does it. */
  readonly notes?: readonly string[];
  /** A result may have an exit code other than 0; it is printed all the same. */
  readonly exitCode?: number;
}

type FlagsOf<T extends typeof Command> = InferredFlags<(typeof ToolkitCommand)['baseFlags'] & T['flags']>;
type ArgsOf<T extends typeof Command> = InferredArgs<T['args']>;

/**
 * The base of every command. A command declares its words and implements `execute`, which returns an outcome or throws a
 * ToolkitError; parsing, printing, exit codes and interruption are here.
 */
export abstract class ToolkitCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    root: string({
      summary: 'Folder that holds the storage systems; several separated by «:».',
      helpValue: 'DIR[:DIR]',
      helpGroup: 'GLOBAL',
      env: 'COPYSET_ROOT',
    }),
    json: boolean({ summary: 'Print one JSON object for programs.', helpGroup: 'GLOBAL' }),
    quiet: boolean({ summary: 'Print nothing but errors.', helpGroup: 'GLOBAL' }),
  };

  /** A command of the user's after `--` (`serve SYS -- CMD`) is kept apart in `childCommand` where this is true. */
  static takesChildCommand = false;

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;
  protected childCommand: readonly string[] = [];
  #abort: AbortController | undefined;

  /** Does the command's one thing. */
  protected abstract execute(): Promise<Outcome>;

  async run(): Promise<void> {
    await this.readWords();
    const outcome = await this.execute();
    await this.print(outcome);
    process.exitCode = outcome.exitCode ?? (this.#abort?.signal.aborted ? EXIT.interrupted : EXIT.done);
  }

  /** The folders below which systems are found. */
  protected get roots(): readonly string[] {
    const named = this.flags.root as string | undefined;
    const folders = (named ?? '').split(':').filter((folder) => folder !== '');
    return folders.length > 0 ? folders : ['.'];
  }

  /**
   * Fires at ^C or SIGTERM. A command that reads it promises to end soon afterwards; one that does not is ended by the
   * signal itself. A second ^C ends the process at once.
   */
  protected get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = new AbortController();
    const stop = (name: NodeJS.Signals): void => {
      if (abort.signal.aborted) process.exit(EXIT.interrupted);
      abort.abort(failure('interrupted', `Interrupted by ${name}.`));
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    this.#abort = abort;
    return abort.signal;
  }

  /** A bar on a terminal, NDJSON events with `--json --progress`, silence otherwise. */
  protected startProgress(label: string): Progress {
    return makeProgress(label, {
      json: this.json,
      quiet: this.quiet,
      events: (this.flags as { progress?: boolean }).progress === true,
    });
  }

  /** Asks again and again and shows each answer: redrawn on a terminal, one line of JSON each with `--json`. */
  protected async watch(look: () => Promise<Outcome>, everyMs = 1000): Promise<Outcome> {
    const { signal } = this;
    while (!signal.aborted && !outputClosed()) {
      const outcome = await look();
      await this.print(outcome, { again: true });
      await pause(everyMs, signal);
    }
    return { data: {}, exitCode: EXIT.interrupted };
  }

  protected get json(): boolean {
    return (this.flags as { json?: boolean }).json === true;
  }

  protected get quiet(): boolean {
    return (this.flags as { quiet?: boolean }).quiet === true;
  }

  /** Errors are reported in one place, report-failure.ts; oclif's own printing stays out of it. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  private async readWords(): Promise<void> {
    const command = this.ctor as typeof Command & { takesChildCommand?: boolean };
    closeTraps(command);
    let words = spellOutBareWait(this.argv);
    const end = words.indexOf('--');
    if (command.takesChildCommand && end !== -1) {
      this.childCommand = words.slice(end + 1);
      words = words.slice(0, end);
    }
    const { flags, args } = await this.parse(command, words);
    this.flags = flags as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
  }

  private async print(outcome: Outcome, options: { again?: boolean } = {}): Promise<void> {
    if (this.quiet) return;
    if (this.json) this.printData(outcome, options.again === true);
    else await printText(outcome, options.again === true);
    for (const note of outcome.notes ?? []) printError(note);
  }

  private printData(outcome: Outcome, again: boolean): void {
    // The end of a watch has no data of its own; every other outcome is one object.
    if (Object.keys(outcome.data).length === 0) return;
    printJson({ schemaVersion: 1, asOf: new Date(nowMs()).toISOString(), ...outcome.data }, { line: again });
  }
}

async function printText(outcome: Outcome, again: boolean): Promise<void> {
  const text = typeof outcome.text === 'function' ? await outcome.text() : outcome.text;
  if (text === undefined || text === '') return;
  if (again && process.stdout.isTTY) print(`\u001B[H\u001B[2J${text}`);
  else print(text);
}

/**
 * Closes two of oclif's traps for scripts in every command at once: arguments are never read from standard input, which
 * may belong to the data of `volume write`, and a list takes one word at a time, not all that follow.
 */
function closeTraps(command: typeof Command): void {
  for (const arg of Object.values(command.args)) arg.ignoreStdin = true;
  for (const flag of Object.values(command.flags ?? {})) {
    if (flag.type === 'option' && flag.multiple) flag.multipleNonGreedy = true;
  }
}

/** The third trap: a bare `--wait` would swallow the next word. It means `--wait=forever`; a value stands after `=`. */
function spellOutBareWait(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, index) => (word === '--wait' && (end === -1 || index < end) ? '--wait=forever' : word));
}

function pause(spanMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, spanMs);
    signal.addEventListener('abort', done);
  });
}
