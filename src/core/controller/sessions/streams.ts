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

/** What goes from here to one secondary system in a session. */
interface Outgoing {
  readonly session: string;
  readonly secondary: SystemRef;
  readonly halves: readonly HalfRecord[];
}

const NONE: readonly HalfRecord[] = [];

/** The streams that go from this system to others. A journal is opened with the first write, or the first turn of the copier, that needs it. */
export class Streams {
  readonly sheets: SessionSheets;
  readonly #controller: Controller;
  readonly #streams = new Map<string, TransmitStream>();
  readonly #senders = new Map<string, StreamSender>();
  readonly placing: Placing;
  #known: { readonly version: number; readonly outgoing: ReadonlyMap<string, Outgoing> } | undefined;
  #sending: { readonly of: ReadonlyMap<string, Outgoing>; readonly jobs: readonly StreamSender[] } | undefined;
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
    return [...this.#outgoing.values()]
      .filter((one) => one.session === session)
      .map(({ secondary }) => this.of(session, secondary));
  }

  /** The halves here whose writes go, or may go, to one secondary system in a session. */
  halvesOf(session: string, secondary: string): readonly HalfRecord[] {
    return this.#outgoing.get(keyOf(session, secondary))?.halves ?? NONE;
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
    const present = this.#outgoing;
    if (this.#sending?.of === present) return this.#sending.jobs;
    for (const key of this.#senders.keys()) if (!present.has(key)) this.#senders.delete(key);
    for (const [key, { session, secondary }] of present)
      if (!this.#senders.has(key)) this.#senders.set(key, new StreamSender(this.#controller, session, secondary));
    this.#sending = { of: present, jobs: [...this.#senders.values()] };
    return this.#sending.jobs;
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

  /** By session and secondary, as the rows are now: whoever stamps a record or takes a turn asks for them. */
  get #outgoing(): ReadonlyMap<string, Outgoing> {
    const { pairs, rowsVersion } = this.#controller.catalog;
    if (this.#known?.version === rowsVersion) return this.#known.outgoing;
    const outgoing = new Map<string, Outgoing>();
    for (const half of pairs.values()) {
      if (!isHalf(half) || half.remote.side !== 'primary' || !half.remote.journal) continue;
      const { session } = half.remote.journal;
      const secondary = half.remote.peer.system;
      const key = keyOf(session, secondary.id);
      outgoing.set(key, { session, secondary, halves: [...(outgoing.get(key)?.halves ?? []), half] });
    }
    this.#known = { version: rowsVersion, outgoing };
    return outgoing;
  }
}

function keyOf(session: string, secondary: string): string {
  return `${session} ${secondary}`;
}
