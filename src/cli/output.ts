import { failure } from '../core/foundation/foundation.js';
import { StandardStream } from '../platform/standard-stream.js';

/**
 * The only writer of results. Standard output may be closed at any time (`copyset pair list | head`); then the work goes
 * on in silence, because a copy must not stop halfway for want of a reader, and only endless output ends. It goes on, too,
 * where the disk behind standard output is full, and that is told when it is done: `demandTaken`.
 */
const out = new StandardStream(1);
const err = new StandardStream(2);

/** What standard error does not take is lost: there is no other place to say so. */
export function keepProcessFromOutputErrors(): void {
  out.watch();
  err.watch();
}

/** Whether more output is of no use: nobody reads it, or it is not taken. */
export function outputClosed(): boolean {
  return out.isClosed || out.fault !== undefined;
}

/** Throws `no-space` or `io-error` where standard output did not take all that it was given, out of `totalBytes`. */
export function demandTaken(totalBytes = 0): void {
  const { fault, takenBytes } = out;
  if (fault === undefined) return;
  const isFull = fault.fault === 'no-space';
  const why = isFull ? 'no space is left where it goes' : reasonOf(fault.cause);
  const place = isFull ? 'Make room where it goes' : 'See what is wrong where it goes';
  throw failure(
    isFull ? 'no-space' : 'io-error',
    `Standard output took ${takenBytes} of ${Math.max(totalBytes, out.givenBytes)} bytes: ${why}.`,
    `${place}, or send it elsewhere, and ask again. What the command changed stays changed.`,
    { cause: fault, details: { takenBytes } },
  );
}

/** The system's own words, as in `EFBIG: file too large, write`, without what it was doing. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/, write$/, '') : 'it failed';
}

export function print(text: string): void {
  out.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** For what its reader waits for: a line that is not taken ends the command. */
export function printOrFail(text: string): void {
  print(text);
  demandTaken();
}

/** Data of a volume, as it is; `totalBytes` is how much there will be. Resolves when more may follow. */
export async function printData(bytes: Uint8Array, totalBytes: number): Promise<void> {
  if (!out.write(bytes)) await out.drained();
  demandTaken(totalBytes);
}

export function printError(text: string): void {
  err.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** One JSON object on one line; indented where a person looks at it. */
export function printJson(value: unknown, options: { line?: boolean } = {}): void {
  print(JSON.stringify(value, undefined, process.stdout.isTTY && !options.line ? 2 : undefined));
}

/** A failure for programs: on standard output, where that is wanted and takes it, else on standard error. */
export function printFailureJson(value: unknown, to: 'output' | 'error'): void {
  if (to === 'output' && out.fault === undefined) printJson(value);
  if (to === 'error' || out.fault !== undefined)
    printError(JSON.stringify(value, undefined, process.stderr.isTTY ? 2 : undefined));
}

export async function flushOutput(): Promise<void> {
  await Promise.all([out.flushed(), err.flushed()]);
}
