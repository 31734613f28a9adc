import type { Change } from '../../catalog/catalog.js';
import { assert, type ByteCount, failure, type TrackRun } from '../../foundation/foundation.js';
import type { JournalRecord, RecordSequence } from '../../journal/journal.js';
import type { HalfRecord } from '../../pair/pair.js';
import { type Checkpoint, sameCheckpoint } from '../../sequence/sequence.js';
import type { Controller } from '../open-controller.js';
import { dropBackup } from './backup.js';
import type { Arrived, ReceiveStream } from './receive.js';
import { atSecondary } from './sheets.js';
import { countsAt } from './tables.js';

/** So many bytes are read from a journal, and their regions made active, at once. */
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_RECORDS = 1_024;

export interface AppliedWork {
  readonly records: number;
  readonly bytes: ByteCount;
}

type WriteRecord = JournalRecord & { readonly kind: 'write' };

/** Does what the durable `releasing` says, from the start again where a crash came in between: the same records in the same order end the same. */
export async function finishApply(controller: Controller, id: string): Promise<AppliedWork> {
  const { sessions } = controller;
  const release = await sessions.applying(id).acquire();
  try {
    const table = sessions.sheets.byId(id)?.secondary;
    const { releasing } = table ?? {};
    if (!table || !releasing || (table.applied && sameCheckpoint(table.applied, releasing))) return NOTHING;
    const total = { records: 0, bytes: 0 };
    const done: Done[] = [];
    for (const row of table.streams) {
      const stream = await sessions.stream(id, row.primary.id);
      if (!countsAt(stream.active, releasing.number)) continue;
      const end = stream.holding(releasing);
      if (end) done.push(await applyStream(controller, stream, end, total));
      else done.push(lost(controller, stream, releasing));
    }
    await durable(controller, id, releasing, done);
    for (const { stream, last, entered } of done) {
      await stream.applied(last);
      for (const half of entered) await dropBackup(controller, half);
    }
    sessions.worked(id, { number: releasing.number, ...total });
    return total;
  } finally {
    release();
  }
}

const NOTHING: AppliedWork = { records: 0, bytes: 0 };

interface Done {
  readonly stream: ReceiveStream;
  readonly last: RecordSequence;
  /** Pairs whose base is whole from now on. */
  readonly entered: readonly HalfRecord[];
  /** Pairs that show no checkpoint until their differences have come. */
  readonly mixed: readonly HalfRecord[];
}

/**
 * What belongs to the checkpoint was received, and lost here. It is sent once more; where its primary lost it as well, differences come in
 * its place, and until they have come nobody reads what is here.
 */
function lost({ place }: Controller, stream: ReceiveStream, { number }: Checkpoint): Done {
  const { generation, remadeIn, appliedSequence, primary } = stream.row;
  assert(remadeIn !== null, `checkpoint ${number} of ${primary.name} is held, for it was released`);
  if (generation > remadeIn) return { stream, last: appliedSequence, entered: [], mixed: stream.pairs() };
  throw failure(
    'session-refuses',
    `${place.name} lost what it received of checkpoint ${number} from ${primary.name}.`,
    `It is asked for once more; hosts are refused until it has come. Where ${primary.name} is gone, resign it.`,
  );
}

/** One frame: what is applied, where each journal is applied to, and whose bases are whole. */
async function durable(
  controller: Controller,
  id: string,
  releasing: Checkpoint,
  done: readonly Done[],
): Promise<void> {
  const { catalog, sessions } = controller;
  await catalog.change(() => [
    ...done.flatMap(({ entered }) => entered.flatMap((half) => journalAs(controller, half, BASE))),
    ...done.flatMap(({ mixed }) => mixed.flatMap((half) => journalAs(controller, half, MIX))),
    ...sessions.sheets.change(
      id,
      atSecondary((table) => ({
        ...table,
        applied: releasing,
        streams: table.streams.map((row) => {
          const own = done.find(({ stream }) => stream.primary === row.primary.id);
          return own ? { ...row, appliedSequence: own.last, remadeIn: null } : row;
        }),
      })),
    ),
  ]);
  await catalog.durable();
  controller.step('session.applied');
  controller.notify();
}

const BASE = { entered: true, withdrawn: false };
const MIX = { withdrawn: true };

function journalAs({ catalog }: Controller, { number }: HalfRecord, is: typeof BASE | typeof MIX): Change[] {
  const record = catalog.pairs.get(number);
  if (!record?.remote?.journal) return [];
  const journal = { ...record.remote.journal, ...is };
  return [{ do: 'put-pair', record: { ...record, remote: { ...record.remote, journal } } }];
}

async function applyStream(
  controller: Controller,
  stream: ReceiveStream,
  end: Arrived,
  total: { records: number; bytes: number },
): Promise<Done> {
  // One that a person made a primary by itself is nobody's secondary any more.
  const own = stream.pairs().filter(({ remote }) => remote.takenOver === null);
  const halves = new Map(own.map((half) => [half.remote.id, half]));
  const last = stream.lastOf(end);
  const from = new Map([...halves.keys()].map((pair) => [pair, stream.countsFrom(pair, last)]));
  const entered = new Set<HalfRecord>();
  let batch: { readonly half: HalfRecord; readonly record: WriteRecord }[] = [];
  let batchBytes = 0;
  const land = async () => {
    await landAll(controller, batch);
    batch = [];
    batchBytes = 0;
  };
  for (const record of stream.unapplied()) {
    if (record.sequence > last) break;
    if (record.kind !== 'write' && record.kind !== 'enter') continue;
    const half = halves.get(record.pair);
    if (!half || record.sequence < (from.get(record.pair) ?? 0)) continue;
    if (record.kind === 'enter') {
      entered.add(half);
      continue;
    }
    total.records += 1;
    total.bytes += record.data.length;
    batch.push({ half, record });
    batchBytes += record.data.length;
    if (batchBytes >= BATCH_BYTES || batch.length >= BATCH_RECORDS) await land();
  }
  await land();
  for (const half of halves.values()) await controller.fabric.flush(half.secondary);
  controller.step('session.flushed');
  return { stream, last, entered: [...entered], mixed: [] };
}

/** In their order, through the write path, as the copier of their pairs. */
async function landAll(
  controller: Controller,
  writes: readonly { readonly half: HalfRecord; readonly record: WriteRecord }[],
): Promise<void> {
  const { fabric } = controller;
  const runs = new Map<number, TrackRun[]>();
  for (const { half, record } of writes) {
    const { geometry } = fabric.volume(half.secondary);
    const known = runs.get(half.secondary) ?? [];
    known.push(geometry.tracksOf(record.offset, record.data.length));
    runs.set(half.secondary, known);
  }
  for (const [number, tracks] of runs) await fabric.warm(fabric.volume(number), ...tracks);
  for (const { half, record } of writes) await landOne(controller, half, record);
}

async function landOne({ fabric }: Controller, half: HalfRecord, record: WriteRecord): Promise<void> {
  const volume = fabric.volume(half.secondary);
  const tracks = volume.geometry.tracksOf(record.offset, record.data.length);
  const writer = { copierOf: half.number };
  await fabric.clearTheWay(volume, tracks, writer, () => {
    fabric.pair(half.number).completeFor = undefined;
    fabric.mark(volume, tracks, writer);
    volume.image.write(record.data, record.offset);
  });
}
