import type { RateLimit } from '../../copy/copy.js';
import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import type { LivePair, Recorder } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf, isJournalled, type PairRecord } from '../../pair/pair.js';
import type { Checkpoint } from '../../sequence/sequence.js';
import type { Controller } from '../open-controller.js';
import { Placing } from './placing.js';
import { StreamSender } from './sending.js';
import { SessionSheets } from './sheets.js';
import { TransmitStream } from './transmit.js';

/** What a primary knows of one of its streams, for `checkpoint status`. */
export interface Transmitted {
  readonly bufferedBytes: number;
  readonly bufferedRecords: number;
  readonly lastCheckpoint: Checkpoint | null;
}

/** The streams that go from this system to others. A journal is opened with the first write, or the first turn of the copier, that needs it. */
export class Streams {
  readonly sheets: SessionSheets;
  readonly #controller: Controller;
  readonly #streams = new Map<string, TransmitStream>();
  readonly #senders = new Map<string, StreamSender>();
  readonly placing: Placing;
  /** Commands that wait for what is sent. */
  hurried = 0;
  /** What caps the copying of several systems together counts what streams send. */
  cap: RateLimit | undefined;
  /** Why a stream did not go on when it was last tried. */
  readonly #faults = new Map<string, string>();

  constructor(controller: Controller) {
    this.#controller = controller;
    this.sheets = new SessionSheets(controller.catalog);
    this.placing = new Placing(controller);
    controller.sessions.place = (input) => this.placing.answer(input);
    controller.sessions.transmitted = (session, secondary) => this.transmitted(session, secondary);
    controller.sessions.lastStamped = (session) => this.lastStamped(session);
  }

  /** Who keeps the writes of a journal pair's primary. */
  recorder({ record }: LivePair): Recorder {
    if (!record || !isHalf(record) || !record.remote.journal)
      throw failure('pair-not-found', 'The pair was deleted meanwhile.');
    return this.of(record.remote.journal.session, record.remote.peer.system);
  }

  /** Opens the stream's journal, where it is not open. */
  of(session: string, secondary: SystemRef): TransmitStream {
    const key = keyOf(session, secondary.id);
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = TransmitStream.open(this.#controller, session, secondary);
      this.#streams.set(key, stream);
    }
    return stream;
  }

  /** A stream in which nothing stands in the way of recording; one that was broken begins anew once none of its pairs is journalled. */
  async sound(session: string, secondary: SystemRef): Promise<TransmitStream | undefined> {
    const key = keyOf(session, secondary.id);
    const present = this.#streams.get(key);
    if (present && present.brokenWhy === undefined) return present;
    if (present?.pairs().some(isJournalled)) return undefined;
    await present?.abandon();
    await present?.close();
    const stream = await TransmitStream.make(this.#controller, session, secondary);
    this.#streams.set(key, stream);
    for (const pair of stream.pairs()) this.#controller.fabric.pair(pair.number).recorder = undefined;
    return stream;
  }

  /** The streams of a session, one for each secondary system that pairs here have. */
  ofSession(session: string): readonly TransmitStream[] {
    return this.#secondaries()
      .filter((one) => one.session === session)
      .map(({ secondary }) => this.of(session, secondary));
  }

  /** The halves here whose writes go, or may go, to one secondary system in a session. */
  halvesOf(session: string, secondary: string): readonly HalfRecord[] {
    return [...this.#controller.catalog.pairs.values()].filter(
      (half): half is HalfRecord =>
        isHalf(half) &&
        half.remote.side === 'primary' &&
        half.remote.journal?.session === session &&
        half.remote.peer.system.id === secondary,
    );
  }

  failed(session: string, secondary: string, error: Error): void {
    this.#faults.set(keyOf(session, secondary), error.message);
  }

  /** Whether the copying of a pair is ended by its entering a stream, and not by itself. */
  ends({ number, remote }: PairRecord): boolean {
    if (!remote?.journal) return false;
    const key = keyOf(remote.journal.session, remote.peer.system.id);
    this.jobs();
    return this.#senders.get(key)?.ends(number) ?? false;
  }

  /** The copier's jobs that send the streams; none opens its journal before its turn. */
  jobs(): readonly StreamSender[] {
    const present = this.#secondaries();
    const keys = new Set(present.map(({ session, secondary }) => keyOf(session, secondary.id)));
    for (const key of this.#senders.keys()) if (!keys.has(key)) this.#senders.delete(key);
    for (const { session, secondary } of present) {
      const key = keyOf(session, secondary.id);
      if (!this.#senders.has(key)) this.#senders.set(key, new StreamSender(this.#controller, session, secondary));
    }
    return [...this.#senders.values()];
  }

  /** What is in the streams now is to be at their secondaries: for a run that ends when it is. */
  owe(): void {
    for (const sender of this.jobs()) sender.owe();
  }

  /** Whether something of that is not there yet, and may still come. */
  get isOwed(): boolean {
    return this.jobs().some((sender) => sender.isOwed);
  }

  /** For `checkpoint status`. */
  transmitted(session: string, secondary: string): Transmitted {
    const stream = this.#streams.get(keyOf(session, secondary));
    const { journal } = stream ?? {};
    if (!stream || !journal) return { bufferedBytes: 0, bufferedRecords: 0, lastCheckpoint: null };
    const sentUpTo = this.#senders.get(keyOf(session, secondary))?.sentUpTo ?? 0;
    const bufferedRecords = journal.nextSequence - 1 - Math.max(sentUpTo, journal.firstSequence - 1);
    return {
      bufferedBytes: bufferedRecords === 0 ? 0 : journal.usedBytes,
      bufferedRecords,
      lastCheckpoint: stream.lastCheckpoint ?? null,
    };
  }

  /** The highest time that was ever stamped here in a session. */
  lastStamped(session: string): bigint {
    return this.ofSession(session).reduce((highest, { journal }) => {
      const time = journal?.lastTime ?? 0n;
      return time > highest ? time : highest;
    }, 0n);
  }

  /** The session is deleted here; none of its pairs is left. */
  async forget(session: string): Promise<void> {
    this.jobs();
    for (const [key, stream] of this.#streams) {
      if (stream.session !== session) continue;
      this.#streams.delete(key);
      await stream.close();
    }
  }

  async close(): Promise<void> {
    for (const stream of this.#streams.values()) await stream.close();
    this.#streams.clear();
  }

  #secondaries(): readonly { session: string; secondary: SystemRef }[] {
    const found = new Map<string, { session: string; secondary: SystemRef }>();
    for (const half of this.#controller.catalog.pairs.values()) {
      if (!isHalf(half) || half.remote.side !== 'primary' || !half.remote.journal) continue;
      const { session } = half.remote.journal;
      const secondary = half.remote.peer.system;
      found.set(keyOf(session, secondary.id), { session, secondary });
    }
    return [...found.values()];
  }
}

function keyOf(session: string, secondary: string): string {
  return `${session} ${secondary}`;
}
