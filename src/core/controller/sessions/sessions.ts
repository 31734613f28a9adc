import { JOURNALS_FOLDER } from '../../catalog/catalog.js';
import { failure, isToolkitError, type Milliseconds, type SequenceTime } from '../../foundation/foundation.js';
import { Mutex } from '../../hostio/hostio.js';
import { JournalBudget } from '../../journal/journal.js';
import type { PairRecord } from '../../pair/pair.js';
import type { CheckpointWork, Placed, StreamReport } from '../../session/session.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { Waiting } from '../waiting.js';
import { type AppliedWork, finishApply } from './apply.js';
import { removeOrphans } from './dropping.js';
import { ReceiveStream } from './receive.js';
import { SessionSheets } from './sheets.js';
import { Views } from './views.js';

type PlaceInput = Requests['session.checkpoint']['input'];
type Transmitted = Pick<StreamReport, 'bufferedBytes' | 'bufferedRecords' | 'lastCheckpoint'>;
const NO_WORK: AppliedWork = { records: 0, bytes: 0 };
const NOTHING_SENT: Transmitted = { bufferedBytes: 0, bufferedRecords: 0, lastCheckpoint: null };

/** The checkpoint sessions that a system takes part in, in whatever roles. */
export class Sessions {
  readonly sheets: SessionSheets;
  readonly #controller: Controller;
  readonly #mutexes = new Map<string, Mutex>();
  readonly #streams = new Map<string, Promise<ReceiveStream>>();
  readonly #opened = new Map<string, ReceiveStream>();
  /** What is shown here before it is applied. */
  readonly views: Views;
  /** What all journals here may hold together. */
  readonly journals: JournalBudget;
  readonly #behind = new Set<Promise<void>>();
  readonly #news = new Map<string, number>();
  readonly #owed = new Set<string>();
  readonly #waiting = new Waiting();
  readonly #ownWork = new Map<string, CheckpointWork>();
  readonly #work = new Map<string, AppliedWork>();
  readonly #shownTo = new Map<string, number>();
  /** Remote pairs here that a session brings back, all at one instant: none of them turns its roles back by itself. */
  readonly returning = new Set<string>();
  /** The highest time that a stream from here was stamped with; set by whoever stamps. */
  lastStamped: (session: string) => SequenceTime = () => 0n;
  /** What a stream from here holds; set by whoever keeps it. */
  transmitted: (session: string, secondary: string) => Transmitted = () => NOTHING_SENT;
  /** Puts a checkpoint into the streams from here; set by whoever keeps them. */
  place: (input: PlaceInput) => Promise<Placed> = async () => {
    throw failure('session-refuses', `${this.#controller.place.name} sends no stream of the session.`);
  };
  #fault: unknown;

  constructor(controller: Controller) {
    this.#controller = controller;
    this.sheets = new SessionSheets(controller.catalog);
    this.views = new Views(controller);
    const { files, place } = controller;
    this.journals = new JournalBudget(files, `${place.path}/${JOURNALS_FOLDER}`, place.info.journalLimitBytes);
  }

  /** Held by the secondary master for a round, a withdrawal and a change of the copy-active table. */
  rounds(id: string): Mutex {
    return this.#mutex(`rounds ${id}`);
  }

  /** Held while records of a session are applied here. */
  applying(id: string): Mutex {
    return this.#mutex(`applying ${id}`);
  }

  /** Held while a pair is let go of: an order that comes twice is carried out once. */
  withdrawing(pair: string): Mutex {
    return this.#mutex(`withdrawing ${pair}`);
  }

  /** Held by the primary master while it issues. */
  issuing(id: string): Mutex {
    return this.#mutex(`issuing ${id}`);
  }

  /** What a primary system sends here. Throws `metadata-damaged`, `session-not-found`. */
  stream(id: string, primary: string): Promise<ReceiveStream> {
    const key = `${id} ${primary}`;
    return this.#streams.get(key) ?? this.#begin(key, this.#open(id, primary));
  }

  /** The same, where it is open already. */
  opened(id: string, primary: string): ReceiveStream | undefined {
    return this.#opened.get(`${id} ${primary}`);
  }

  /** The stream anew from its files, where its journal takes nothing any more because room lacked, or cannot be read. */
  async sound(id: string, primary: string): Promise<ReceiveStream> {
    if (!(await this.stream(id, primary)).isSpoiled) return this.stream(id, primary);
    const release = await this.applying(id).acquire();
    try {
      await this.views.rest(id);
      const stream = await this.stream(id, primary);
      if (stream.isSpoiled) {
        this.views.lost(id, primary);
        // Whoever asks meanwhile waits for it: two would not write one journal.
        const closed = stream.close();
        const anew = closed.then(() => this.#open(id, primary));
        return await this.#begin(`${id} ${primary}`, anew);
      }
      return await this.stream(id, primary);
    } finally {
      this.views.goOn(id);
      release();
    }
  }

  /**
   * Whether hosts are refused at the pair's secondary, which lies here, because its session's update is in progress, or what it shows
   * cannot be read.
   */
  isUpdating(pair: PairRecord): boolean {
    const { remote } = pair;
    if (remote?.side !== 'secondary' || !remote.journal) return false;
    const { releasing } = this.sheets.byId(remote.journal.session)?.secondary ?? {};
    return (releasing ?? null) !== null || this.views.isMissing(pair);
  }

  /**
   * A release that was under way is applied before anybody is served. Where that fails the hosts of its volumes stay refused, and whoever
   * asks for the session is told why.
   */
  async recover(): Promise<void> {
    for (const { id, secondary } of this.sheets.all()) {
      if (!secondary?.releasing) continue;
      try {
        await finishApply(this.#controller, id);
      } catch (error) {
        if (!isToolkitError(error)) throw error;
      }
    }
    await removeOrphans(this.#controller);
    await this.views.recover();
  }

  /** Whether the last checkpoint issued here was whole in every stream. */
  noteIssued(id: string, isWhole: boolean): void {
    if (isWhole) this.#owed.delete(id);
    else this.#owed.add(id);
  }

  /** Some stream has not taken what was issued last: it takes another once it is whole. */
  isOwed(id: string): boolean {
    return this.#owed.has(id);
  }

  /** Something came that a round, or whoever waits for it, should look at. */
  noteNews(id: string): void {
    this.#news.set(id, this.news(id) + 1);
    this.#waiting.wake();
  }

  /** How much came so far. */
  news(id: string): number {
    return this.#news.get(id) ?? 0;
  }

  /** Resolves with the next news, or after `spanMs`. */
  rest(spanMs: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.#waiting.rest(this.#controller.ports.clock, spanMs, signal);
  }

  /** What the last checkpoint brought here, since this controller opened. */
  ownWork(id: string): CheckpointWork | null {
    return this.#ownWork.get(id) ?? null;
  }

  worked(id: string, work: CheckpointWork): void {
    this.#ownWork.set(id, work);
  }

  /** What checkpoints brought to all systems, since this one opened as their master. */
  work(id: string): AppliedWork {
    return this.#work.get(id) ?? NO_WORK;
  }

  /** All systems have applied it. An order that is repeated counts once. */
  shown(id: string, number: number, works: readonly (CheckpointWork | null)[]): void {
    if ((this.#shownTo.get(id) ?? 0) >= number) return;
    this.#shownTo.set(id, number);
    const own = works.filter((work) => work?.number === number);
    const total = [this.work(id), ...own].reduce<AppliedWork>(
      (sum, one) => ({ records: sum.records + (one?.records ?? 0), bytes: sum.bytes + (one?.bytes ?? 0) }),
      NO_WORK,
    );
    this.#work.set(id, total);
  }

  /** Goes on behind the answer of whoever began it; what fails is found again by the next round. */
  behind(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      (error: unknown) => {
        if (!isToolkitError(error)) this.#fault ??= error;
      },
    );
    this.#behind.add(settled);
    void settled.then(() => this.#behind.delete(settled));
  }

  async forget(id: string): Promise<void> {
    for (const [key, stream] of this.#streams) {
      if (!key.startsWith(`${id} `)) continue;
      this.#streams.delete(key);
      this.#opened.delete(key);
      await closeOpened(stream);
    }
  }

  async close(): Promise<void> {
    await this.views.close();
    while (this.#behind.size > 0) await Promise.all(this.#behind);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) await closeOpened(stream);
    if (this.#fault !== undefined) throw this.#fault as Error;
  }

  #begin(key: string, stream: Promise<ReceiveStream>): Promise<ReceiveStream> {
    this.#streams.set(key, stream);
    stream.catch(() => this.#streams.delete(key));
    return stream;
  }

  async #open(id: string, primary: string): Promise<ReceiveStream> {
    const sheet = this.sheets.byId(id);
    const row = sheet?.secondary?.streams.find((one) => one.primary.id === primary);
    if (!sheet || !row) throw failure('session-not-found', 'The session was deleted here.');
    const stream = await ReceiveStream.open(this.#controller, sheet, row);
    this.#opened.set(`${id} ${primary}`, stream);
    return stream;
  }

  #mutex(key: string): Mutex {
    let mutex = this.#mutexes.get(key);
    if (!mutex) {
      mutex = new Mutex();
      this.#mutexes.set(key, mutex);
    }
    return mutex;
  }
}

async function closeOpened(stream: Promise<ReceiveStream>): Promise<void> {
  const opened = await stream.catch(() => undefined);
  await opened?.close();
}
