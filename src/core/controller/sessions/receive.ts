import { failure, isToolkitError, type SequenceTime, type ToolkitError } from '../../foundation/foundation.js';
import { Mutex } from '../../hostio/hostio.js';
import type { Journal, JournalRecord, RecordSequence } from '../../journal/journal.js';
import { type HalfRecord, isHalf } from '../../pair/pair.js';
import {
  type Checkpoint,
  compareCheckpoints,
  digitsOf,
  sameCheckpoint,
  type TimeDigits,
  timeOf,
} from '../../sequence/sequence.js';
import type { ActiveRow, ReceiveRow, Returning, SessionOrder, SessionSheet } from '../../session/session.js';
import type { Controller } from '../open-controller.js';
import { isDamage, openReceiveJournal, remakeReceiveJournal } from './received.js';
import { countsAt } from './tables.js';

/** A checkpoint that lies durable in a receive journal and is not applied. */
export interface Arrived extends Checkpoint {
  readonly sequence: RecordSequence;
  readonly term: number;
  /** Said by its primary; of the variation without a clock only once every gate was opened by run. */
  readonly whole: boolean;
}

/** What one primary system sends to this one in a session: the receive journal, and what it holds that is not applied. */
export class ReceiveStream {
  readonly session: string;
  readonly primary: string;
  readonly journal: Journal;
  readonly #controller: Controller;
  readonly #appending = new Mutex();
  /** When its primary was last heard of by this controller. */
  heardAtMs: number;
  #arrived: Arrived[] = [];
  /** Whole checkpoints of the variation without a clock whose confirmation has not come. */
  readonly #unconfirmed = new Set<number>();
  /** Pairs whose base is whole once what is held is applied. */
  readonly #entering = new Set<string>();
  #enteredAt: SequenceTime = 0n;
  /** Where pairs stopped being journalled, by their ids; their tracks came, or come, otherwise. */
  readonly #left = new Map<string, RecordSequence[]>();
  #scannedTo: RecordSequence;
  #isDamaged = false;
  #isClosing = false;
  /** What lies behind this is durable. */
  #durableTo: RecordSequence;

  private constructor(controller: Controller, sheet: SessionSheet, row: ReceiveRow, journal: Journal) {
    this.#controller = controller;
    this.session = sheet.id;
    this.primary = row.primary.id;
    this.journal = journal;
    this.heardAtMs = controller.ports.clock.monotonicMs();
    this.#scannedTo = row.appliedSequence;
    this.#durableTo = row.appliedSequence;
  }

  /** Opens the journal, made where there is none. What cannot be read of it is asked for once more. */
  static async open(controller: Controller, sheet: SessionSheet, row: ReceiveRow): Promise<ReceiveStream> {
    try {
      return await ReceiveStream.#opened(controller, sheet, row);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await remakeReceiveJournal(controller, sheet, row, error.message);
      return ReceiveStream.#opened(controller, sheet, row);
    }
  }

  static async #opened(controller: Controller, sheet: SessionSheet, row: ReceiveRow): Promise<ReceiveStream> {
    const journal = await openReceiveJournal(controller, sheet, row);
    try {
      const stream = new ReceiveStream(controller, sheet, row, journal);
      // A killed owner leaves records that are in the page cache alone: what is found is durable before it counts.
      await journal.durable();
      stream.#scan();
      // A crash may have come before what is applied was dropped.
      await journal.trim(row.appliedSequence);
      return stream;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  get row(): ReceiveRow {
    const table = this.#controller.sessions.sheets.byId(this.session)?.secondary;
    const row = table?.streams.find(({ primary }) => primary.id === this.primary);
    if (!row) throw failure('session-not-found', 'The session was deleted meanwhile.');
    return row;
  }

  /** Its row in the copy-active table. */
  get active(): ActiveRow | undefined {
    const { sessions, peers } = this.#controller;
    const rows = sessions.sheets.byId(this.session)?.secondary?.table ?? [];
    return rows.find(({ primary, secondary }) => primary.id === this.primary && secondary.id === peers.self.id);
  }

  /** Everything up to here is durable here. */
  get durableUpTo(): RecordSequence {
    return this.#durableTo;
  }

  /** The whole checkpoints that are held, in their order. */
  get held(): readonly Arrived[] {
    const { heldFrom } = this.row;
    return this.#unapplied().filter(({ sequence }) => sequence >= heldFrom);
  }

  /** This checkpoint, where it can still be applied: a direct copy has not overtaken its records (H20). */
  holding(checkpoint: Checkpoint): Arrived | undefined {
    const from = Math.max(0, ...Object.values(this.row.voidBefore));
    return this.#unapplied().find((one) => one.sequence >= from && sameCheckpoint(one, checkpoint));
  }

  /**
   * The place from which a pair's records count, up to a record that is applied. What is before it is void: the pair was copied directly
   * since, or its tracks were sent anew, or turned back to its primary, and all of that is later (H20).
   */
  countsFrom(pair: string, upTo: RecordSequence): RecordSequence {
    const left = (this.#left.get(pair) ?? []).filter((sequence) => sequence <= upTo);
    return Math.max(this.row.voidBefore[pair] ?? 0, ...left);
  }

  /** The last record that belongs to a checkpoint: of records before it in the stream some may have a later time (H23). */
  lastOf(checkpoint: Arrived): RecordSequence {
    if (this.#order === 'arrival') return checkpoint.sequence;
    let last = this.row.appliedSequence;
    for (const record of this.unapplied()) {
      if (record.time > timeOf(checkpoint) || record.sequence > checkpoint.sequence) break;
      last = record.sequence;
    }
    return last;
  }

  /** What the stream's pairs are like here, for the master's round. */
  standing(): Standing {
    return standingOf(this.pairs());
  }

  /** The time up to which this stream is applied here. */
  appliedTime(): TimeDigits | null {
    const applied = this.#controller.sessions.sheets.byId(this.session)?.secondary?.applied ?? null;
    return applied !== null && countsAt(this.active, applied.number) ? applied.time : null;
  }

  /** The last checkpoint that came, whole or not. */
  get latest(): Arrived | undefined {
    return this.#arrived.at(-1);
  }

  /** The halves here whose writes come in this stream. */
  pairs(): readonly HalfRecord[] {
    return halvesOf(this.#controller, this.session, 'secondary', this.primary);
  }

  /**
   * Takes records that go on from what is here; others are left to be sent anew. They, and what they change in the table, are durable
   * when it resolves.
   */
  async append(from: RecordSequence, bytes: Uint8Array, judge: () => unknown): Promise<void> {
    const release = await this.#appending.acquire();
    try {
      if (this.journal.failure) throw this.journal.failure;
      if (!this.#isClosing && from !== this.journal.nextSequence) return;
      if (!this.journal.hasRoomFor(bytes.length) && !this.journal.isFull) await this.journal.prepare();
      // Whoever opens it next takes them, sent once more.
      if (this.#isClosing)
        throw failure('session-refuses', `${this.#controller.place.name} closes what it received, and takes it again.`);
      if (!this.journal.hasRoomFor(bytes.length)) throw this.#full();
      // A sender that was replaced meanwhile is refused in the very step in which its records would land (H5).
      judge();
      this.journal.appendEncoded(bytes);
      this.#controller.step('stream.received');
      await this.journal.durable();
      this.#scan();
      this.#controller.step('stream.appended');
    } finally {
      release();
    }
  }

  #full(): ToolkitError {
    const { place, sessions } = this.#controller;
    const { releasing } = sessions.sheets.byId(this.session)?.secondary ?? {};
    // Of a stream that does not count nothing is applied with it.
    if (releasing && countsAt(this.active, releasing.number))
      return failure('session-refuses', `${place.name} applies a checkpoint, and has room again behind it.`);
    const held = `${sessions.journals.limitBytes} bytes together, ${this.journal.usedBytes} of them from ${this.row.primary.name}`;
    return failure(
      'limit-reached',
      `The journals of ${place.name} are full (${held}).`,
      'They are emptied by applying checkpoints.',
    );
  }

  /** Its journal could not be written, nor what was left of that be wiped, or something in it could not be read: what counts is what its files say. */
  get isSpoiled(): boolean {
    return this.#isDamaged || isToolkitError(this.journal.failure, 'no-space');
  }

  /** The records behind what is applied. What cannot be read of them is asked for anew by whoever opens the stream next. */
  unapplied(): Generator<JournalRecord> {
    return this.behind(this.row.appliedSequence);
  }

  /** The data of a write that is not applied. */
  dataOf(sequence: RecordSequence): Uint8Array {
    for (const record of this.behind(sequence - 1, 0)) if (record.kind === 'write') return record.data;
    throw failure('session-refuses', 'What is shown is not in the journal any more.');
  }

  *behind(after: RecordSequence, bytesMax?: number): Generator<JournalRecord> {
    try {
      yield* this.journal.records(after + 1, bytesMax);
    } catch (error) {
      this.#isDamaged ||= isDamage(error);
      throw error;
    }
  }

  /** Applied up to there: what is before it is forgotten. */
  async applied(upTo: RecordSequence): Promise<void> {
    const held = new Set(this.#unapplied());
    this.#arrived = this.#arrived.filter((one, at) => held.has(one) || at === this.#arrived.length - 1);
    for (const [pair, left] of this.#left)
      this.#left.set(
        pair,
        left.filter((sequence) => sequence > upTo),
      );
    await this.journal.trim(upTo);
  }

  /** Nothing that is here now will be applied. */
  async dropAll(): Promise<void> {
    this.#arrived = [];
    this.#entering.clear();
    await this.journal.trim(this.journal.nextSequence - 1);
  }

  /** What is being taken is taken to its end: who sent it is never told that something is durable which nobody flushed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const release = await this.#appending.acquire();
    try {
      await this.journal.close();
    } finally {
      release();
    }
  }

  #scan(): void {
    for (const record of this.journal.records(this.#scannedTo + 1)) this.#note(record);
    this.#durableTo = this.journal.nextSequence - 1;
    this.#scannedTo = this.#durableTo;
  }

  #note(record: JournalRecord): void {
    if (record.kind === 'enter') this.#noteEnter(record);
    else if (record.kind === 'leave') this.#noteLeave(record);
    else if (record.kind === 'checkpoint') this.#noteCheckpoint(record);
    else if (record.kind === 'confirm') {
      const at = this.#arrived.findLastIndex(({ number }) => number === record.number);
      const arrived = this.#arrived[at];
      if (arrived && this.#unconfirmed.delete(record.number)) this.#arrived[at] = { ...arrived, whole: true };
    }
  }

  #noteEnter({ pair, time }: JournalRecord & { kind: 'enter' }): void {
    this.#entering.add(pair);
    this.#enteredAt = time;
  }

  #noteLeave({ pair, sequence }: JournalRecord & { kind: 'leave' }): void {
    this.#entering.delete(pair);
    this.#left.set(pair, [...(this.#left.get(pair) ?? []), sequence]);
  }

  #noteCheckpoint({ sequence, number, upTo, issuer, term, whole }: JournalRecord & { kind: 'checkpoint' }): void {
    const isClock = this.#order === 'clock';
    const { homeTerm = 0 } = this.#controller.sessions.sheets.byId(this.session)?.secondary ?? {};
    // What was issued before the last recovery, and was not sent by then, says nothing of what is here since (H21). A base that is whole only behind the checkpoint's time is none of it.
    const counts = whole && this.#hasBase() && term >= homeTerm && !(isClock && this.#enteredAt > upTo);
    if (counts && !isClock) this.#unconfirmed.add(number);
    this.#arrived.push({ sequence, number, time: digitsOf(upTo), issuer, term, whole: counts && isClock });
  }

  get #order(): SessionOrder {
    return this.#controller.sessions.sheets.byId(this.session)?.order ?? 'clock';
  }

  /** What was not applied, and is not older than what was. */
  #unapplied(): readonly Arrived[] {
    const applied = this.#controller.sessions.sheets.byId(this.session)?.secondary?.applied ?? null;
    return this.#arrived.filter((one) => one.whole && (applied === null || compareCheckpoints(one, applied) > 0));
  }

  #hasBase(): boolean {
    if (this.#entering.size > 0 || this.active?.enteredAt != null) return true;
    return this.pairs().some(({ remote: { journal } }) => journal?.entered === true && !journal.withdrawn);
  }
}

export interface Standing {
  readonly degraded: boolean;
  readonly returning: Returning;
}

export function standingOf(halves: readonly HalfRecord[]): Standing {
  const withdrawn = halves.filter(({ remote: { journal } }) => journal?.entered && journal.withdrawn);
  const isBare = withdrawn.some(({ remote: { journal } }) => journal?.backup == null);
  return {
    degraded: halves.some(({ state, remote }) => remote.journal?.entered === true && state.status !== 'duplex'),
    returning: withdrawn.length === 0 ? 'no' : isBare ? 'bare' : 'backup',
  };
}

/** The halves here of a session's pairs with that peer. */
export function halvesOf(
  { catalog }: Pick<Controller, 'catalog'>,
  session: string,
  side: HalfRecord['remote']['side'],
  peer: string,
): readonly HalfRecord[] {
  return [...catalog.pairs.values()].filter((half): half is HalfRecord => {
    const isOurs = isHalf(half) && half.remote.side === side && half.remote.journal?.session === session;
    return isOurs && half.remote.peer.system.id === peer;
  });
}
