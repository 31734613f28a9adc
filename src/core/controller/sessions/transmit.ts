import {
  type ByteCount,
  type ByteOffset,
  failure,
  isToolkitError,
  type SequenceTime,
} from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { degradePairs, type LivePair, type Recorder, suspendPairs } from '../../hostio/hostio.js';
import {
  Journal,
  type JournalRecord,
  type NewRecord,
  type RecordSequence,
  recordBytes,
} from '../../journal/journal.js';
import { type HalfRecord, isJournalled, type SuspendReason } from '../../pair/pair.js';
import { type Checkpoint, timeAt, timeOf } from '../../sequence/sequence.js';
import type { Controller } from '../open-controller.js';
import { generationOf, makeTransmitJournal, raiseGeneration, transmitPlace } from './generation.js';
import { KeptTracks } from './kept.js';

/** What is looked through between two turns of whatever else there is to do. */
const SCAN_RECORDS = 512;
/** A clock that reads this much less than the last stamp has been set back, or is another host's. */
const SET_BACK_NS = 1_000_000n;

/** Why nothing is recorded any more until the stream's pairs track. */
interface Broken {
  readonly why: string;
  /** Null where nothing is at fault, or what is can be made anew: its pairs return at once. */
  readonly reason: SuspendReason | null;
  /** What its files hold is not trusted any more: another journal is begun. */
  readonly isLost?: boolean;
  /** It may lack records that were written: which tracks they are of is not known. */
  readonly isOther?: boolean;
}

/** What goes from this system to one secondary system in a session: the transmit journal, and whose writes are in it. */
export class TransmitStream implements Recorder {
  readonly session: string;
  readonly secondary: SystemRef;
  readonly generation: number;
  /** There was no room for a record, here or at the secondary. */
  hasOverflowed = false;
  readonly #controller: Controller;
  readonly #journal: Journal | undefined;
  readonly #kept = new KeptTracks();
  /** Records that were there when the journal was opened, and whose tracks are not known yet. */
  #unscannedUpTo: RecordSequence;
  #scannedTo: RecordSequence;
  #broken: Broken | undefined;
  #lastCheckpoint: Checkpoint | undefined;
  #turning: Promise<void> | undefined;
  #preparing: Promise<void> | undefined;
  #clock: { readonly version: number; readonly offsetNs: bigint | undefined } = { version: -1, offsetNs: undefined };

  private constructor(
    controller: Controller,
    place: { readonly session: string; readonly secondary: SystemRef; readonly generation: number },
    journal: Journal | undefined,
    broken: Broken | undefined,
  ) {
    this.#controller = controller;
    this.session = place.session;
    this.secondary = place.secondary;
    this.generation = place.generation;
    this.#journal = journal;
    this.#broken = broken;
    this.#unscannedUpTo = journal ? journal.nextSequence - 1 : 0;
    this.#scannedTo = journal ? journal.firstSequence - 1 : 0;
  }

  /** Opens what is there, in the caller's step. A journal that cannot be read is no reason to fail: its pairs track. */
  static open(controller: Controller, session: string, secondary: SystemRef, isNew = false): TransmitStream {
    const { files, ports } = controller;
    const generation = generationOf(controller, session, secondary.id);
    const where = { session, secondary, generation };
    const { folder, what } = transmitPlace(controller, session, secondary, generation);
    try {
      if (!files.status(folder)) throw failure('file-not-found', `The journal ${folder} is not there.`);
      const opening = { folder, what, bootId: ports.clock.bootId(), budget: controller.sessions.journals };
      const { journal, sameBoot } = Journal.open(files, opening);
      const restarted = { why: 'the host was restarted', reason: null };
      return new TransmitStream(controller, where, journal, sameBoot || isNew ? undefined : restarted);
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      return new TransmitStream(controller, where, undefined, brokenBy(error));
    }
  }

  /** A stream whose journal is there and can be written; no pair is journalled in one that was not. */
  static async make(controller: Controller, session: string, secondary: SystemRef): Promise<TransmitStream> {
    await makeTransmitJournal(controller, session, secondary);
    // What an earlier boot left in it is no pair's any more.
    return TransmitStream.open(controller, session, secondary, true);
  }

  get recordMaxBytes(): ByteCount {
    return this.#journal?.dataMaxBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Why nothing is recorded; undefined where all is well. */
  get brokenWhy(): string | undefined {
    return this.#broken?.why;
  }

  /** The last that was placed since this controller opened the stream. */
  get lastCheckpoint(): Checkpoint | undefined {
    return this.#lastCheckpoint;
  }

  /** Whether what its files hold is not trusted any more. */
  get isLost(): boolean {
    return this.#broken?.isLost === true;
  }

  /** From now on the stream is of another generation, durably: nobody opens this journal again. */
  async abandon(): Promise<void> {
    if (this.isLost) await raiseGeneration(this.#controller, this);
  }

  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** The halves here whose writes go, or may go, into this stream. */
  pairs(): readonly HalfRecord[] {
    return this.#controller.streams.halvesOf(this.session, this.secondary.id);
  }

  /** Whether every pair on which the session counts is journalled and lacks nothing: a checkpoint placed now is whole. */
  get isWhole(): boolean {
    const counted = this.pairs().filter(({ remote }) => remote.journal?.entered);
    const { catalog } = this.#controller;
    return counted.every(
      (half) =>
        isJournalled(half) && half.state.status === 'duplex' && catalog.pairMap(half.number, 'outOfSync').map.isEmpty,
    );
  }

  /** Whether nothing but room may stand in the way of a record. */
  get isRecording(): boolean {
    return !this.#broken && !this.#turning && this.#journal !== undefined && this.#offsetNs() !== undefined;
  }

  /** The clock was set back: until it has passed the last stamp every record would break the stream. */
  get isClockBehind(): boolean {
    const offsetNs = this.#offsetNs();
    if (!this.#journal || offsetNs === undefined) return false;
    return this.#journal.lastTime - (this.#controller.ports.clock.sequenceNs() + offsetNs) > SET_BACK_NS;
  }

  hasRoom(lengthBytes: ByteCount): boolean {
    return this.isRecording && this.#journal?.hasRoomFor(recordBytes(lengthBytes)) === true;
  }

  async ready(lengthBytes: ByteCount): Promise<void> {
    if (this.#turning) return this.#turning;
    const journal = this.#journal;
    if (this.#broken || !journal)
      return this.degrade(this.#broken ?? { why: 'its journal is not there', reason: null });
    if (this.#offsetNs() === undefined)
      return this.degrade({ why: 'the session is not running on this boot of the host', reason: null });
    try {
      if (journal.roomFor(recordBytes(lengthBytes)) === 'unprepared') await this.#prepare(journal);
      if (journal.roomFor(recordBytes(lengthBytes)) !== 'full') return;
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      return this.degrade({ why: error.message, reason: 'journal-full' });
    }
    return this.degrade({ why: this.#fullWords(journal), reason: 'journal-full' });
  }

  record(pair: LivePair, data: Uint8Array, offset: ByteOffset): void {
    const { record } = pair;
    const { geometry } = this.#controller.fabric.volume(record?.primary ?? 0);
    const id = record?.remote?.id ?? '';
    const sequence = this.append((time) => ({ kind: 'write', time, pair: id, offset, data }));
    this.#kept.note(pair.number, geometry.trackCount, geometry.tracksOf(offset, data.length), sequence);
  }

  /** Stamps a record and appends it, in one step. There is room for it. */
  append(make: (time: SequenceTime) => NewRecord): RecordSequence {
    const journal = this.#journal;
    const offsetNs = this.#offsetNs();
    if (!journal || offsetNs === undefined)
      throw failure('session-refuses', 'The stream of the session is not running.');
    let time = this.#controller.ports.clock.sequenceNs() + offsetNs;
    if (time <= journal.lastTime) {
      // Where no pair is journalled nothing is told by the order of its records.
      if (journal.lastTime - time > SET_BACK_NS && this.pairs().some(isJournalled))
        this.#broken ??= { why: 'its clock went back', reason: null };
      time = journal.lastTime + 1n;
    }
    try {
      const sequence = journal.append(make(time));
      if (!journal.isPrepared) void this.#prepare(journal).catch(() => undefined); // Whoever needs the room meets it.
      return sequence;
    } catch (error) {
      this.spoiled(error);
      throw error;
    }
  }

  /** Puts a checkpoint behind everything that was appended before, whatever its time (H23). */
  place(checkpoint: Checkpoint, term: number, whole: boolean): void {
    const { number, issuer } = checkpoint;
    const upTo = timeOf(checkpoint);
    this.append((time) => ({ kind: 'checkpoint', time, upTo, number, issuer, term, whole }));
    this.#lastCheckpoint = checkpoint;
  }

  /** The secondary's records are not those of this journal. */
  differs(): void {
    const { name } = this.secondary;
    const why = `What is kept for ${name} does not go on where ${name} ends.`;
    this.#broken = { why, reason: null, isLost: true, isOther: true };
    void this.degrade(this.#broken).catch(() => undefined); // The next write meets it as well.
  }

  spoiled(error: unknown): void {
    void this.degrade(this.#brokenBy(error)).catch(() => undefined); // The next write meets it as well.
  }

  async durable(): Promise<void> {
    try {
      await this.#journal?.durable();
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      await this.degrade(this.#brokenBy(error));
    }
  }

  surrender({ number, outOfSync }: LivePair): void {
    for (const { first, count } of this.#tracksOf(number)) outOfSync.mark(first, count);
    this.#kept.forget(number);
  }

  /** All pairs of the stream track from now on, in one durable frame; nothing is kept for them any more where there was no room. */
  degrade(broken: Broken): Promise<void> {
    this.#turning ??= this.#degrading(broken).finally(() => {
      this.#turning = undefined;
    });
    return this.#turning;
  }

  /** Looks through what was there before this controller, so that a pair that stops being journalled is not kept waiting for it. */
  async scan(): Promise<void> {
    for (let left = SCAN_RECORDS; this.#scanSome(left); left = SCAN_RECORDS)
      await this.#controller.ports.clock.yieldTurn();
  }

  /**
   * What the secondary has: of journalled pairs everything that it has not applied is kept, of pairs that track all is marked, and it is
   * enough that it has arrived. What did not is never dropped, so that the stream goes on without a gap.
   */
  async arrived(durableUpTo: RecordSequence, appliedUpTo: RecordSequence): Promise<void> {
    await this.applied(this.pairs().some(isJournalled) ? appliedUpTo : durableUpTo);
  }

  /** The secondary needs records up to this one no more. */
  async applied(upTo: RecordSequence): Promise<void> {
    const journal = this.#journal;
    if (!journal || upTo < journal.firstSequence) return;
    this.#kept.applied(upTo);
    this.#scannedTo = Math.max(this.#scannedTo, Math.min(upTo, this.#unscannedUpTo));
    await journal.trim(Math.min(upTo, journal.nextSequence - 1));
  }

  async close(): Promise<void> {
    await this.#preparing?.catch(() => undefined);
    await this.#journal?.close();
  }

  async #degrading({ why, reason }: Broken): Promise<void> {
    const { fabric } = this.#controller;
    if (reason === 'journal-full') this.hasOverflowed = true;
    await this.abandon();
    await this.scan().catch((error: unknown) => {
      if (!isToolkitError(error)) throw error;
    });
    const pairs = this.pairs()
      .filter(isJournalled)
      .map(({ number }) => fabric.pair(number));
    if (reason === null) await degradePairs(fabric, pairs, why);
    else if (pairs.length > 0) await suspendPairs(fabric, pairs, { reason, message: why, lost: false });
  }

  /** The first reason counts, unless nothing of the journal is trusted any more. */
  #brokenBy(error: unknown): Broken {
    const broken = brokenBy(error);
    if (!this.#broken || broken.isLost) this.#broken = broken;
    return this.#broken;
  }

  #fullWords({ usedBytes }: Journal): string {
    const { place, sessions } = this.#controller;
    const { limitBytes } = sessions.journals;
    return `the journals of ${place.name} are full (${limitBytes} bytes together, ${usedBytes} of them for ${this.secondary.name})`;
  }

  #prepare(journal: Journal): Promise<void> {
    this.#preparing ??= journal.prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** What turns the host's clock into the session's time; undefined where the session does not run here, or not since this boot. */
  #offsetNs(): bigint | undefined {
    const { catalog, streams, ports } = this.#controller;
    if (this.#clock.version !== catalog.rowsVersion) {
      const table = streams.sheets.byId(this.session)?.primary;
      const anchor = table?.state === 'running' ? table.anchor : null;
      const isCurrent = anchor !== null && anchor !== undefined && anchor.boot === ports.clock.bootId();
      this.#clock = { version: catalog.rowsVersion, offsetNs: isCurrent ? timeAt(anchor, 0n) : undefined };
    }
    return this.#clock.offsetNs;
  }

  /** Tracks of the pair's records that are still kept. Of a journal that cannot be read it is all that was ever written. */
  #tracksOf(number: number): Iterable<{ first: number; count: number }> {
    const { catalog } = this.#controller;
    try {
      while (this.#scanSome(Number.POSITIVE_INFINITY));
      if (this.#journal && !this.#broken?.isOther) return this.#kept.runs(number);
    } catch (error) {
      if (!isToolkitError(error)) throw error;
    }
    const primary = catalog.pairs.get(number)?.primary ?? 0;
    return catalog.volumeMap(primary, 'allocated').map.runs();
  }

  /** Answers whether there is more. Throws `metadata-damaged`. */
  #scanSome(recordsMax: number): boolean {
    const journal = this.#journal;
    if (!journal || this.#scannedTo >= this.#unscannedUpTo) return false;
    const pairs = new Map(this.pairs().map((half) => [half.remote.id, half]));
    let left = recordsMax;
    for (const record of journal.records(Math.max(this.#scannedTo + 1, journal.firstSequence))) {
      if (record.sequence > this.#unscannedUpTo) break;
      this.#note(pairs, record);
      this.#scannedTo = record.sequence;
      left -= 1;
      if (left <= 0) return this.#scannedTo < this.#unscannedUpTo;
    }
    this.#scannedTo = this.#unscannedUpTo;
    return false;
  }

  #note(pairs: ReadonlyMap<string, HalfRecord>, record: JournalRecord): void {
    if (record.kind !== 'write') return;
    const half = pairs.get(record.pair);
    if (!half) return;
    const { geometry } = this.#controller.fabric.volume(half.primary);
    const tracks = geometry.tracksOf(record.offset, record.data.length);
    this.#kept.note(half.number, geometry.trackCount, tracks, record.sequence);
  }
}

/** What cannot be read again is made anew; where room is all that lacks, it is tried again by itself. */
function brokenBy(error: unknown): Broken {
  const why = error instanceof Error ? error.message : String(error);
  const code = isToolkitError(error) ? error.code : '';
  if (code === 'no-space') return { why, reason: 'journal-full' };
  if (code === 'file-not-found') return { why, reason: null };
  if (DAMAGE.has(code)) return { why, reason: null, isLost: true };
  return { why, reason: 'io-error', isLost: code === 'io-error' };
}

const DAMAGE: ReadonlySet<string> = new Set(['metadata-damaged', 'check-code', 'not-regular']);
