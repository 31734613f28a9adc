import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';
import { CodeCache } from './code-cache.js';
import { monotonicMs } from './system-clock.js';

/** The engine throws away code that was not used for a while: later than this too little is left to be worth keeping. */
const KEPT_UNTIL_MS = 10_000;

/**
 * Compiles and runs the script in `file`, a CommonJS module in its wrapper that holds every command, and returns what it exports.
 * Code that an earlier run of the same command compiled is used again (docs/decisions/0040-compiled-code-is-kept.md).
 */
export function compileProgram(file: string, ids: readonly string[], argv: readonly string[]): unknown {
  const source = readFileSync(file, 'latin1');
  const cache = CodeCache.find(process.env);
  const name = `${buildOf(source)}-${nodeName()}-${commandOf(ids, argv)}`;
  const cachedData = cache?.read(name);
  const script = new Script(source, { filename: file, ...(cachedData === undefined ? {} : { cachedData }) });
  if (cache && (cachedData === undefined || script.cachedDataRejected)) keepAtExit(script, cache, name);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, file, dirname(file));
  return module.exports;
}

/** Made at the end, the code holds every function that was called; a command that failed has called other ones than usual. */
function keepAtExit(script: Script, cache: CodeCache, name: string): void {
  process.once('exit', (exitCode) => {
    if (exitCode === 0 && monotonicMs() < KEPT_UNTIL_MS) cache.keep(name, script.createCachedData());
  });
}

/** The bundler begins the file with a comment that holds a hash of all the rest. */
function buildOf(source: string): string {
  return /^\/\*([0-9a-f]{16})\*\//.exec(source)?.[1] ?? 'unnamed';
}

/** Two builds of one version of Node may number their built-in functions differently, which the engine does not check. */
function nodeName(): string {
  const { size, mtimeMs } = statSync(process.execPath);
  return `${process.version}-${process.arch}-${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}`;
}

/** The command that the words name, as in `pair-split`: each has its own set of functions. */
function commandOf(ids: readonly string[], argv: readonly string[]): string {
  for (const length of [2, 1]) {
    const id = argv.slice(0, length).join(':');
    if (ids.includes(id)) return id.replace(':', '-');
  }
  return argv[0] === '--version' ? 'version' : 'other';
}
