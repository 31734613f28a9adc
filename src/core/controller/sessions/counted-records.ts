import type { TrackRun } from '../../foundation/foundation.js';
import type { JournalRecord, RecordSequence } from '../../journal/journal.js';
import type { HalfRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import type { ReceiveStream } from './receive.js';

type WriteRecord = JournalRecord & { readonly kind: 'write' };
type EnterRecord = JournalRecord & { readonly kind: 'enter' };

/** A write, or the end of a base, of a pair here. */
export interface Counted<Row extends JournalRecord = WriteRecord | EnterRecord> {
  readonly half: HalfRecord;
  readonly record: Row;
}
export type CountedWrite = Counted<WriteRecord>;

/** What is read from a journal, and has its regions made active, at once. */
export interface BatchSize {
  readonly records: number;
  readonly bytes: number;
}

/** The secondaries here that a stream's records are for. One that a person made a primary by itself is nobody's secondary any more. */
export function takingHalves(stream: ReceiveStream): readonly HalfRecord[] {
  return stream.pairs().filter(({ remote }) => remote.takenOver === null);
}

/** The records behind `after`, up to `upTo`, that count, in their order. */
export function* countedRecords(
  stream: ReceiveStream,
  after: RecordSequence,
  upTo: RecordSequence,
): Generator<Counted> {
  const halves = new Map(takingHalves(stream).map((half) => [half.remote.id, half]));
  const from = new Map([...halves.keys()].map((pair) => [pair, stream.countsFrom(pair, upTo)]));
  for (const record of stream.behind(after)) {
    if (record.sequence > upTo) return;
    if (record.kind !== 'write' && record.kind !== 'enter') continue;
    const half = halves.get(record.pair);
    if (half && record.sequence >= (from.get(record.pair) ?? 0)) yield { half, record };
  }
}

/** The same, the writes among them in batches; each comes with the pairs whose bases end in it. */
export function* batches(
  counted: Iterable<Counted>,
  size: BatchSize,
): Generator<{ readonly writes: readonly CountedWrite[]; readonly entered: readonly HalfRecord[] }> {
  let writes: CountedWrite[] = [];
  let entered: HalfRecord[] = [];
  let bytes = 0;
  for (const { half, record } of counted) {
    if (record.kind === 'enter') {
      entered.push(half);
      continue;
    }
    writes.push({ half, record });
    bytes += record.data.length;
    if (bytes < size.bytes && writes.length < size.records) continue;
    yield { writes, entered };
    writes = [];
    entered = [];
    bytes = 0;
  }
  yield { writes, entered };
}

export function bytesOf(writes: readonly CountedWrite[]): number {
  return writes.reduce((sum, { record }) => sum + record.data.length, 0);
}

/** In their order, through the write path, as the copier of their pairs. */
export async function landAll(controller: Controller, writes: readonly CountedWrite[]): Promise<void> {
  const { fabric } = controller;
  const runs = new Map<number, TrackRun[]>();
  for (const { half, record } of writes) {
    const { geometry } = fabric.volume(half.secondary);
    const known = runs.get(half.secondary) ?? [];
    known.push(geometry.tracksOf(record.offset, record.data.length));
    runs.set(half.secondary, known);
  }
  for (const [number, tracks] of runs) await fabric.warm(fabric.volume(number), ...tracks);
  for (const write of writes) await landOne(controller, write);
}

async function landOne({ fabric }: Controller, { half, record }: CountedWrite): Promise<void> {
  const volume = fabric.volume(half.secondary);
  const tracks = volume.geometry.tracksOf(record.offset, record.data.length);
  const writer = { copierOf: half.number, below: true };
  await fabric.clearTheWay(volume, tracks, writer, () => {
    fabric.pair(half.number).completeFor = undefined;
    fabric.mark(volume, tracks, writer);
    volume.image.write(record.data, record.offset);
  });
}
