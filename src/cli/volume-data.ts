import type { SystemClient, VolumeListing } from '../core/controller/controller.js';
import { failure, MIB } from '../core/foundation/foundation.js';
import { formatAddress } from '../core/volume/volume.js';
import { named, openInput, type UserInput } from './named-files.js';
import type { Toolkit } from './open-toolkit.js';
import { outputClosed, printData, printError } from './output.js';
import { isMeant } from './pair-selectors.js';
import type { Progress } from './render/progress.js';
import type { OneVolume } from './volume-selection.js';

/** One request carries at most so much; a message holds twice that. */
const PIECE_BYTES = 4 * MIB;

interface Moved {
  readonly address: string;
  readonly bytes: number;
}

/** Writes a file or standard input into a volume. The last piece makes all of them durable. */
export async function writeVolume(
  toolkit: Toolkit,
  target: OneVolume,
  from: { readonly file: string | undefined; readonly offsetBytes: number },
  signal: AbortSignal,
  progress: Progress,
): Promise<Moved> {
  const { file, offsetBytes } = from;
  const input = file === undefined ? standardInput() : await openInput(file);
  try {
    return await toolkit.use(target.place, async (client) => {
      const volume = await lookUp(client, target);
      const room = roomBehind(volume, offsetBytes);
      if (input.sizeBytes !== undefined && input.sizeBytes > room)
        throw tooLarge(file ?? '-', input.sizeBytes, volume, room);
      const bytes = await pour(client, volume, offsetBytes, input, { signal, progress, file });
      return { address: addressOf(volume), bytes };
    });
  } finally {
    progress.stop();
    if (file === undefined) process.stdin.destroy();
  }
}

/** Reads a range of a volume into a file or to standard output. */
export async function readVolume(
  toolkit: Toolkit,
  source: OneVolume,
  range: { readonly offsetBytes: number; readonly lengthBytes: number | undefined },
  output: string | undefined,
  signal: AbortSignal,
  progress: Progress,
): Promise<Moved> {
  const target: Target = output === undefined ? standardOutput() : await toolkit.createOutput(output);
  try {
    const moved = await toolkit.use(source.place, async (client) => {
      const volume = await lookUp(client, source);
      const lengthBytes = range.lengthBytes ?? roomBehind(volume, range.offsetBytes);
      if (lengthBytes > roomBehind(volume, range.offsetBytes)) throw outside(volume, range.offsetBytes, lengthBytes);
      for (let done = 0; done < lengthBytes && !target.isClosed?.(); ) {
        demandGoing(signal, `${done} of ${lengthBytes} bytes were read.`);
        const piece = { offsetBytes: range.offsetBytes + done, lengthBytes: Math.min(PIECE_BYTES, lengthBytes - done) };
        const { data = new Uint8Array(0) } = await client.request('volume.read', { volume: volume.name, ...piece });
        await named(output ?? 'standard output', () => target.write(data, lengthBytes));
        done += data.length;
        progress.update(done, lengthBytes);
      }
      return { address: addressOf(volume), bytes: lengthBytes };
    });
    await target.commit?.();
    return moved;
  } finally {
    progress.stop();
    await target.discard?.();
  }
}

/** Data and words do not share standard output. */
export function demandOutput(
  output: string | undefined,
  mode: { readonly json: boolean; readonly quiet: boolean },
): void {
  if (output !== undefined || !(mode.json || mode.quiet)) return;
  const flag = mode.json ? '--json' : '--quiet';
  throw failure('usage', `With ${flag} the data needs a place of its own.`, 'Add --output FILE.');
}

interface PourOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly file: string | undefined;
}

/** One piece behind the input, so that the last one is known to be the last when it is sent. */
async function pour(
  client: SystemClient,
  volume: VolumeListing,
  offsetBytes: number,
  input: UserInput,
  { signal, progress, file }: PourOptions,
): Promise<number> {
  const room = roomBehind(volume, offsetBytes);
  let done = 0;
  let held: Uint8Array | undefined;
  const send = async (data: Uint8Array, durable: boolean): Promise<void> => {
    const fitting = data.subarray(0, room - done);
    await client.request(
      'volume.write',
      { volume: volume.name, offsetBytes: offsetBytes + done, durable },
      { data: fitting },
    );
    done += fitting.length;
    progress.update(done, input.sizeBytes ?? done);
  };
  for await (const piece of pieces(input.chunks, signal)) {
    if (held) await send(held, false);
    held = piece;
    if (done + held.length <= room) continue;
    await send(held, true);
    throw tooLong(file, volume, offsetBytes, done);
  }
  const state = `${done} bytes were written to ${addressOf(volume)} from offset ${offsetBytes} and may not be durable.`;
  demandGoing(signal, done === 0 ? 'nothing was written.' : state);
  if (held) await send(held, true);
  return done;
}

/** The input in pieces of one size, however it comes. Ends early when the signal fires. */
export async function* pieces(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  pieceBytes = PIECE_BYTES,
): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for await (const chunk of untilAborted(chunks, signal)) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceBytes - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < pieceBytes) continue;
      yield piece;
      piece = new Uint8Array(pieceBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** A producer may never come to an end; ^C does not wait for it. */
async function* untilAborted(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const aborted = new Promise<'aborted'>((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === 'aborted' || next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: it may wait for a reading that never ends.
    void iterator.return?.()?.catch(() => {});
  }
}

function standardInput(): UserInput {
  if (process.stdin.isTTY) printError('Reading from the terminal until ^D.');
  return { sizeBytes: undefined, chunks: process.stdin };
}

interface Target {
  write(bytes: Uint8Array, totalBytes: number): Promise<void>;
  isClosed?(): boolean;
  commit?(): Promise<void>;
  discard?(): Promise<void>;
}

function standardOutput(): Target {
  return { isClosed: outputClosed, write: printData };
}

async function lookUp(client: SystemClient, { place, volume }: OneVolume): Promise<VolumeListing> {
  const { volumes } = (await client.request('volume.list', {})).output;
  const found = volumes.find((row) => isMeant(volume, formatAddress(row.system, row.name), row.number));
  if (found) return found;
  const hint = `copyset volume list ${place.name} shows the volumes.`;
  throw failure('volume-not-found', `There is no volume ${volume} in storage system ${place.name}.`, hint);
}

function addressOf(volume: VolumeListing): string {
  return formatAddress(volume.system, volume.name);
}

function roomBehind(volume: VolumeListing, offsetBytes: number): number {
  if (offsetBytes <= volume.sizeBytes) return volume.sizeBytes - offsetBytes;
  const sizes = `offset ${offsetBytes} lies past its ${volume.sizeBytes} bytes`;
  throw failure('bad-range', `${addressOf(volume)}: ${sizes}.`, 'Nothing was read or written.');
}

function outside(volume: VolumeListing, offsetBytes: number, lengthBytes: number): Error {
  const message = `${addressOf(volume)} has ${volume.sizeBytes} bytes; ${lengthBytes} from offset ${offsetBytes} reach past its end.`;
  return failure('bad-range', message, 'Leave --length out to read to the end.');
}

function tooLarge(file: string, sizeBytes: number, volume: VolumeListing, room: number): Error {
  const message = `${file} has ${sizeBytes} bytes; ${addressOf(volume)} has room for ${room} from that offset on.`;
  return failure('bad-range', message, 'Nothing was written.');
}

function tooLong(file: string | undefined, volume: VolumeListing, offsetBytes: number, bytes: number): Error {
  const message = `${file ?? 'Standard input'} is longer than ${addressOf(volume)} has room for.`;
  const hint =
    bytes === 0
      ? 'Nothing was written.'
      : `The first ${bytes} bytes were written from offset ${offsetBytes} and are durable; the rest was not read.`;
  return failure('input-too-long', message, hint, { details: { bytes } });
}

function demandGoing(signal: AbortSignal, state: string): void {
  if (signal.aborted) throw failure('interrupted', `Interrupted: ${state}`);
}
