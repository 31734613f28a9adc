import type { Change } from '../../catalog/catalog.js';
import { assert, type ByteCount, failure } from '../../foundation/foundation.js';
import type { RecordSequence } from '../../journal/journal.js';
import type { HalfRecord } from '../../pair/pair.js';
import { type Checkpoint, sameCheckpoint } from '../../sequence/sequence.js';
import type { ReceiveRow, SecondaryTable } from '../../session/session.js';
import type { Controller } from '../open-controller.js';
import { dropBackup } from './backup.js';
import { batches, bytesOf, countedRecords, landAll, takingHalves } from './counted-records.js';
import type { ReceiveStream } from './receive.js';
import { appliedRow, atSecondary } from './sheets.js';
import { countsAt } from './tables.js';

/** So much is landed between two looks at whether the rest is to be shown at once. */
const BATCH = { bytes: 8 * 1024 * 1024, records: 1_024 };

export interface AppliedWork {
  readonly records: number;
  readonly bytes: ByteCount;
}

const NOTHING: AppliedWork = { records: 0, bytes: 0 };

/** A stream, and its last record that belongs to the checkpoint. */
interface Due {
  readonly stream: ReceiveStream;
  readonly last: RecordSequence;
  /** What belongs to it is nowhere any more. */
  readonly isLost: boolean;
}

/** What was made of it. */
interface Done extends Due, AppliedWork {
  /** Pairs whose base is whole from now on. */
  readonly entered: readonly HalfRecord[];
  /** Pairs that show no checkpoint until their differences have come. */
  readonly mixed: readonly HalfRecord[];
}

/**
 * Does what the durable `releasing` says, from the start again where a crash came in between: the same records in the same order end the
 * same. Where it is wished, and nothing stands against it, they are shown from the journal first and applied behind.
 */
export async function finishApply(controller: Controller, id: string): Promise<AppliedWork> {
  const { sessions } = controller;
  const release = await sessions.applying(id).acquire();
  try {
    const table = sessions.sheets.byId(id)?.secondary;
    const { releasing } = table ?? {};
    if (!table || !releasing || (table.applied && sameCheckpoint(table.applied, releasing))) return NOTHING;
    await sessions.views.rest(id);
    const due = await dueOf(controller, id, table, releasing);
    const mayShow = () => !due.some(({ isLost }) => isLost) && sessions.views.mayShow(id);
    const landed = mayShow() ? undefined : await landEach(controller, due, mayShow);
    const done = landed ?? (await showEach(controller, due));
    await durable(controller, id, releasing, done, landed === undefined);
    sessions.views.unwish(id);
    for (const { stream, last, entered } of done) {
      if (landed) await sessions.views.landed(stream, last);
      for (const half of entered) await dropBackup(controller, half);
    }
    const work = done.reduce<AppliedWork>(
      (sum, { records, bytes }) => ({ records: sum.records + records, bytes: sum.bytes + bytes }),
      NOTHING,
    );
    sessions.worked(id, { number: releasing.number, ...work });
    return work;
  } finally {
    sessions.views.goOn(id);
    release();
  }
}

/**
 * What belongs to the checkpoint was received, and lost here. It is sent once more; where its primary lost it as well, differences come in
 * its place, and until they have come nobody reads what is here.
 */
function lost({ place }: Controller, stream: ReceiveStream, { number }: Checkpoint): Due {
  const { generation, remadeIn, appliedSequence, primary } = stream.row;
  assert(remadeIn !== null, `checkpoint ${number} of ${primary.name} is held, for it was released`);
  if (generation > remadeIn) return { stream, last: appliedSequence, isLost: true };
  throw failure(
    'session-refuses',
    `${place.name} lost what it received of checkpoint ${number} from ${primary.name}.`,
    `It is asked for once more; hosts are refused until it has come. Where ${primary.name} is gone, resign it.`,
  );
}

async function dueOf(
  controller: Controller,
  id: string,
  { streams }: SecondaryTable,
  releasing: Checkpoint,
): Promise<readonly Due[]> {
  const due: Due[] = [];
  for (const { primary } of streams) {
    const stream = await controller.sessions.stream(id, primary.id);
    if (!countsAt(stream.active, releasing.number)) continue;
    const end = stream.holding(releasing);
    due.push(end ? { stream, last: stream.lastOf(end), isLost: false } : lost(controller, stream, releasing));
  }
  return due;
}

/** Writes the records into the images. Undefined where it was wished meanwhile that the rest is shown at once. */
async function landEach(
  controller: Controller,
  due: readonly Due[],
  mayShow: () => boolean,
): Promise<readonly Done[] | undefined> {
  const { fabric } = controller;
  const done: Done[] = [];
  for (const one of due) {
    const { stream, last } = one;
    if (one.isLost) {
      done.push({ ...one, entered: [], mixed: stream.pairs(), records: 0, bytes: 0 });
      continue;
    }
    const entered = new Set<HalfRecord>();
    let [records, bytes] = [0, 0];
    for (const batch of batches(countedRecords(stream, stream.row.appliedSequence, last), BATCH)) {
      if (mayShow()) return undefined;
      await landAll(controller, batch.writes);
      for (const half of batch.entered) entered.add(half);
      records += batch.writes.length;
      bytes += bytesOf(batch.writes);
    }
    for (const half of takingHalves(stream)) await fabric.flush(half.secondary);
    controller.step('session.flushed');
    done.push({ ...one, entered: [...entered], mixed: [], records, bytes });
  }
  return done;
}

async function showEach({ sessions }: Controller, due: readonly Due[]): Promise<readonly Done[]> {
  const done: Done[] = [];
  for (const one of due) done.push({ ...one, mixed: [], ...(await sessions.views.show(one.stream, one.last)) });
  return done;
}

/** One frame: what is applied, where each journal is applied to or shown to, and whose bases are whole. */
async function durable(
  controller: Controller,
  id: string,
  releasing: Checkpoint,
  done: readonly Done[],
  isShown: boolean,
): Promise<void> {
  const { catalog, sessions } = controller;
  const next = (row: ReceiveRow): ReceiveRow => {
    const own = done.find(({ stream }) => stream.primary === row.primary.id);
    if (!own) return row;
    return isShown ? shownRow(row, own.last) : appliedRow(row, own.last);
  };
  await catalog.change(() => [
    ...done.flatMap(({ entered }) => entered.flatMap((half) => journalAs(controller, half, BASE))),
    ...done.flatMap(({ mixed }) => mixed.flatMap((half) => journalAs(controller, half, MIX))),
    ...sessions.sheets.change(
      id,
      atSecondary((table) => ({ ...table, applied: releasing, streams: table.streams.map(next) })),
    ),
  ]);
  await catalog.durable();
  controller.step(isShown ? 'session.shown' : 'session.applied');
  controller.notify();
}

const BASE = { entered: true, withdrawn: false };
const MIX = { withdrawn: true };

function shownRow(row: ReceiveRow, last: RecordSequence): ReceiveRow {
  return last > row.appliedSequence ? { ...row, shownSequence: last, remadeIn: null } : { ...row, remadeIn: null };
}

function journalAs({ catalog }: Controller, { number }: HalfRecord, is: typeof BASE | typeof MIX): Change[] {
  const record = catalog.pairs.get(number);
  if (!record?.remote?.journal) return [];
  const journal = { ...record.remote.journal, ...is };
  return [{ do: 'put-pair', record: { ...record, remote: { ...record.remote, journal } } }];
}
