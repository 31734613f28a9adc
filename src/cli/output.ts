/**
 * The only writer of results. Standard output may be closed at any time (`copyset pair list | head`); then the work goes
 * on in silence, because a copy must not stop halfway for want of a reader, and only endless output ends.
 */
let closed = false;

export function keepQuietAboutClosedPipes(): void {
  process.stdout.on('error', noteClosedPipe);
  process.stderr.on('error', noteClosedPipe);
}

function noteClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  closed = true;
}

export function outputClosed(): boolean {
  return closed;
}

export function print(text: string): void {
  if (!closed) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** One JSON object on one line; indented where a person looks at it. */
export function printJson(value: unknown, options: { line?: boolean; to?: NodeJS.WriteStream } = {}): void {
  const to = options.to ?? process.stdout;
  const text = JSON.stringify(value, undefined, to.isTTY && !options.line ? 2 : undefined);
  if (to === process.stdout) print(text);
  else to.write(`${text}\n`);
}

export async function flushOutput(): Promise<void> {
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (closed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}
