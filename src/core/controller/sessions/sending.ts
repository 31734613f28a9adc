import type { CopyJob } from '../../copy/copy.js';
import { type ByteCount, isToolkitError, KIB, type Milliseconds, tuning } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import type { Journal, RecordSequence } from '../../journal/journal.js';
import { isJournalled, paceTracks } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { Entering } from './entering.js';
import type { TransmitStream } from './transmit.js';

/** Records of one message, which the least room of a journal must take, and messages that are sent and not answered. */
const PARCEL_BYTES = 1024 * KIB;
const PARCELS_OF_SEGMENT = 2;
const PARCELS_MAX = 4;
/** Between two tries to reach the secondary: short at first, then no longer than this. */
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;
/** How long the secondary is not asked what it has applied while there is nothing to send. */
const ASK_MS = 1_000;
/** How long the secondary may have no room, not counting that it applies, before the stream's pairs track. */
const FULL_LIMIT_MS = 1_000;
/** A pair that has not entered after so many turns without progress is not waited for by a run that ends. */
const IDLE_TURNS_MAX = 10;

interface Parcel {
  readonly from: RecordSequence;
  readonly next: RecordSequence;
}

/** The copier's job for one stream: sends its records in their order, and drops what the secondary has applied. */
export class StreamSender implements CopyJob {
  readonly session: string;
  readonly secondary: SystemRef;
  readonly #controller: Controller;
  readonly #entering: Entering;
  #isOpen = false;
  /** The stream that was opened there. */
  #stream: TransmitStream | undefined;
  #next: RecordSequence = 0;
  #ackedUpTo: RecordSequence = 0;
  #owedUpTo: RecordSequence = 0;
  /** Raised with each loss: answers to what was sent before are not looked at. */
  #round = 0;
  readonly #underWay = new Set<Promise<void>>();
  #fault: unknown;
  #nextTryMs = 0;
  #retryMs = RETRY_FIRST_MS;
  /** Since when the secondary has no room for what is sent. */
  #refusedSinceMs: Milliseconds | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** Turns in which nothing got on, since somebody began to wait for the stream. */
  #idleTurns = 0;

  constructor(controller: Controller, session: string, secondary: SystemRef) {
    this.#controller = controller;
    this.session = session;
    this.secondary = secondary;
    this.#entering = new Entering(controller);
  }

  /** The record up to which the secondary has said that it is durable there. */
  get sentUpTo(): RecordSequence {
    return this.#ackedUpTo;
  }

  /** Whether copying of this pair is ended by its entering, and not by itself. */
  ends(number: number): boolean {
    const half = this.#controller.catalog.pairs.get(number);
    return half !== undefined && this.#isRunning && this.#entering.isDue(half);
  }

  /** Opens the journal, where writes are in it. */
  owe(): void {
    this.#idleTurns = 0;
    const { streams } = this.#controller;
    const stream = this.#stream ?? (this.#hasJournalled ? streams.of(this.session, this.secondary) : undefined);
    this.#owedUpTo = (stream?.journal?.nextSequence ?? 1) - 1;
  }

  /** Until the secondary has what is owed, and every pair that can enter has entered; a pair that was suspended owes nothing. */
  get isOwed(): boolean {
    const all = this.#controller.streams.halvesOf(this.session, this.secondary.id);
    const entersSoon = all.some((half) => !isJournalled(half) && this.ends(half.number));
    // One that cannot enter after all, for want of room or of its other half, must not be waited for without end.
    if (entersSoon && this.#idleTurns < IDLE_TURNS_MAX) return true;
    const halves = all.filter(isJournalled);
    if (halves.length === 0) return false;
    return halves.some(({ state }) => state.status !== 'duplex') || this.#ackedUpTo < this.#owedUpTo;
  }

  get tracksPerTurn(): number {
    return paceTracks('fast');
  }

  waitMs(): Milliseconds {
    return Math.max(0, this.#nextTryMs - this.#nowMs());
  }

  get isDue(): boolean {
    return false;
  }

  get mayCommit(): boolean {
    return true;
  }

  /** A stream is what its hosts wrote: to let it lie gains them nothing. */
  get isHurried(): boolean {
    return this.#controller.streams.hurried > 0;
  }

  async land(): Promise<void> {
    // Nothing is held.
  }

  async turn(_tracks: number, _gently: boolean): Promise<'copied' | 'idle'> {
    try {
      if (this.#fault !== undefined) throw this.#takeFault();
      const advanced = await this.#advance();
      const sent = await this.#send();
      if (!advanced && !sent) this.#idleTurns += 1;
      return advanced || sent ? 'copied' : 'idle';
    } catch (error) {
      this.#lost(error);
      return 'idle';
    }
  }

  /** Nothing is left to send: what the secondary has applied meanwhile is dropped. */
  async commit(): Promise<void> {
    try {
      await Promise.all(this.#underWay);
      if (this.#fault !== undefined) throw this.#takeFault();
      await this.#ask();
    } catch (error) {
      this.#lost(error);
    }
  }

  async abandon(): Promise<void> {
    this.#round += 1;
    this.#isOpen = false;
  }

  get #isRunning(): boolean {
    const table = this.#controller.streams.sheets.byId(this.session)?.primary;
    return table?.state === 'running' && table.anchor?.boot === this.#controller.ports.clock.bootId();
  }

  get #hasJournalled(): boolean {
    return this.#controller.streams.halvesOf(this.session, this.secondary.id).some(isJournalled);
  }

  async #advance(): Promise<boolean> {
    const { streams } = this.#controller;
    const hasJournalled = this.#hasJournalled;
    if (!this.#isRunning && !hasJournalled) return false;
    const stream = hasJournalled ? streams.of(this.session, this.secondary) : await this.#soundIfWanted();
    if (!stream) return false;
    if (stream !== this.#stream) this.#renewed(stream);
    // After a restart of the host, or with its session stopped, a journalled pair tracks before anything is sent.
    if (hasJournalled && !stream.isRecording) {
      await stream.ready(0);
      return true;
    }
    return this.#isRunning && this.#entering.advance(stream);
  }

  async #soundIfWanted(): Promise<TransmitStream | undefined> {
    const { streams } = this.#controller;
    const due = streams.halvesOf(this.session, this.secondary.id).some((half) => this.#entering.isDue(half));
    if (!due && this.#stream?.brokenWhy === undefined) return this.#stream;
    return due ? streams.sound(this.session, this.secondary) : undefined;
  }

  #renewed(stream: TransmitStream): void {
    this.#stream = stream;
    this.#isOpen = false;
    this.#round += 1;
  }

  /** Only what is durable here is sent: the secondary must never be ahead of what a loss of power leaves. */
  async #send(): Promise<boolean> {
    const journal = this.#stream?.journal;
    if (!this.#stream || !journal || !(await this.#opened(this.#stream))) return false;
    if (this.#next >= journal.nextSequence) return false;
    if (this.#next > journal.durableSequence) await this.#stream.durable();
    if (this.#next > journal.durableSequence) return false;
    while (this.#underWay.size >= PARCELS_MAX) await Promise.race(this.#underWay);
    if (!this.#isOpen || this.#fault !== undefined || this.#next < journal.firstSequence) return false;
    const before = journal.durableSequence + 1;
    const read = this.#read(this.#stream, () => journal.read(this.#next, this.#parcelBytes, before));
    if (!read) return true;
    this.#post({ from: this.#next, next: read.next }, read.bytes, this.#stream.generation);
    return true;
  }

  /** Under a cap less at once: at a slow link it would be what is moved in many seconds. */
  get #parcelBytes(): ByteCount {
    const { cap } = this.#controller.streams;
    const leastRoomBytes = Math.floor(tuning.journalSegmentBytes / PARCELS_OF_SEGMENT);
    return Math.floor(Math.min(PARCEL_BYTES, leastRoomBytes, cap?.burstBytes ?? PARCEL_BYTES));
  }

  /** What cannot be read any more is no fault of the link: its pairs track, and another journal is begun. */
  #read<T>(stream: TransmitStream, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isToolkitError(error)) throw error;
      stream.spoiled(error);
      return undefined;
    }
  }

  #post(parcel: Parcel, bytes: Uint8Array, generation: number): void {
    const round = this.#round;
    this.#next = parcel.next;
    const { peers, place } = this.#controller;
    const limitMs = place.info.linkLimitMs;
    const input = { session: this.session, term: this.#term, primary: peers.self.id, from: parcel.from, generation };
    const sent = peers
      .request(this.secondary, 'stream.append', input, { data: bytes, limitMs })
      .then(({ output }) => this.#answered(round, parcel, output))
      .catch((error: unknown) => {
        if (round === this.#round) this.#fault ??= error;
      })
      .finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
    this.#controller.streams.cap?.spend(bytes.length);
    this.#controller.step('stream.sent');
  }

  async #answered(
    round: number,
    { next }: Parcel,
    { durableUpTo, appliedSequence }: { durableUpTo: number; appliedSequence: number },
  ): Promise<void> {
    if (round !== this.#round) return;
    this.#askedAtMs = this.#nowMs();
    this.#retryMs = RETRY_FIRST_MS;
    // What is sent behind a parcel that was refused is answered as well, and nothing of it is taken.
    if (durableUpTo > this.#ackedUpTo) this.#refusedSinceMs = undefined;
    this.#ackedUpTo = Math.max(this.#ackedUpTo, durableUpTo);
    // It was not what the secondary waited for: from there on everything is sent once more.
    if (durableUpTo < next - 1) {
      this.#round += 1;
      this.#isOpen = false;
    }
    await this.#stream?.arrived(durableUpTo, appliedSequence);
    this.#controller.notify();
  }

  async #ask(): Promise<void> {
    const journal = this.#stream?.journal;
    if (!journal || !this.#isOpen || journal.usedBytes === 0 || this.#nowMs() - this.#askedAtMs < ASK_MS) return;
    this.#askedAtMs = this.#nowMs();
    const { peers, place } = this.#controller;
    const input = { session: this.session, term: this.#term, primary: peers.self.id };
    const { output } = await peers.request(this.secondary, 'stream.state', input, { limitMs: place.info.linkLimitMs });
    // It had lost what it received, and wants it once more.
    if (output.durableUpTo < this.#ackedUpTo) this.#isOpen = false;
    await this.#stream?.arrived(output.durableUpTo, output.appliedSequence);
  }

  async #opened(stream: TransmitStream): Promise<boolean> {
    const { journal } = stream;
    if (this.#isOpen) return true;
    if (!journal || this.waitMs() > 0 || this.#underWay.size > 0) return false;
    if (journal.nextSequence === 1) return false;
    const { peers, place } = this.#controller;
    const { firstSequence, nextSequence } = journal;
    const { generation } = stream;
    const input = {
      ...{ session: this.session, term: this.#term, primary: peers.self, firstSequence, nextSequence, generation },
    };
    const { output } = await peers.request(this.secondary, 'stream.open', input, { limitMs: place.info.linkLimitMs });
    this.#round += 1;
    // Never are records numbered anew that the secondary has: another journal goes on where it ends.
    if (output.wanted === null) stream.differs();
    if (output.wanted === null || !this.#goesOn(stream, journal, output)) return false;
    this.#next = output.wanted;
    this.#ackedUpTo = output.wanted - 1;
    this.#isOpen = true;
    this.#controller.step('stream.open');
    return true;
  }

  /** Whether the secondary's last record is the one before it here as well. */
  #goesOn(
    stream: TransmitStream,
    journal: Journal,
    { wanted, lastTime }: { wanted: number; lastTime: string },
  ): boolean {
    const time = this.#read(stream, () => journal.timeBefore(wanted));
    if (time === undefined) return false;
    if (lastTime === '0' || time === BigInt(lastTime)) return true;
    stream.differs();
    return false;
  }

  /**
   * The secondary has no room. What it waits for may never come while it takes nothing (H20: other streams may hold later checkpoints alone), and
   * with quiet hosts the journal here is not full for long: after a while that one counts as this one.
   */
  #overflowed(stream: TransmitStream, why: string): void {
    stream.hasOverflowed = true;
    this.#refusedSinceMs ??= this.#nowMs();
    if (this.#nowMs() - this.#refusedSinceMs < FULL_LIMIT_MS) return;
    this.#refusedSinceMs = undefined;
    void stream.degrade({ why, reason: 'journal-full' }).catch(() => undefined); // It is refused again, and tried again.
  }

  get #term(): number {
    return this.#controller.streams.sheets.byId(this.session)?.term ?? 0;
  }

  #takeFault(): unknown {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  /** Whatever the secondary refuses is tried again: the journal keeps it, and its limit decides how long. */
  #lost(error: unknown): void {
    if (!isToolkitError(error)) throw error;
    if (this.#stream && error.code === 'limit-reached') this.#overflowed(this.#stream, error.message);
    this.#isOpen = false;
    this.#round += 1;
    this.#nextTryMs = this.#nowMs() + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    this.#controller.streams.failed(this.session, this.secondary.id, error);
  }

  #nowMs(): Milliseconds {
    return this.#controller.ports.clock.monotonicMs();
  }
}
