import { assert, failure, isToolkitError, type VolumeNumber } from '../../foundation/foundation.js';
import { Overlay } from '../../hostio/hostio.js';
import type { RecordSequence } from '../../journal/journal.js';
import type { HalfRecord, PairRecord } from '../../pair/pair.js';
import type { RequestCode } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { batches, bytesOf, countedRecords, landAll, takingHalves } from './counted-records.js';
import type { ReceiveStream } from './receive.js';
import { appliedRow, atSecondary, shownAhead } from './sheets.js';

/** Small enough that hosts hardly notice what is done behind. */
const BATCH = { bytes: 1024 * 1024, records: 256 };

/** What a checkpoint shows from a journal is in the images before these begin: they end pairs, or work with the images alone. */
const NEED_IMAGES: ReadonlySet<RequestCode> = new Set<RequestCode>([
  'volume.import',
  'volume.export',
  'volume.scrub',
  'pair.split',
  'pair.resync',
  'pair.suspend',
  'pair.takeover',
  'pair.verify',
  'remote.tell',
  'remote.create',
  'stream.withdraw',
  'session.carry',
  'session.home',
]);

/** These end what is shown: where it cannot be landed, the volume lacks tracks, and they say so. */
const END_WHAT_IS_SHOWN: ReadonlySet<RequestCode> = new Set<RequestCode>([
  'volume.delete',
  'volume.format',
  'pair.delete',
  'remote.drop',
  'session.drop',
]);

/** A stream whose records are shown and not all applied. */
interface View {
  readonly session: string;
  readonly volumes: Set<VolumeNumber>;
  shownUpTo: RecordSequence;
  /** In the images, but nobody knows it after a crash. */
  landedUpTo: RecordSequence;
}

interface Folding {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/**
 * What secondaries show from their receive journals while the images follow (`checkpoint apply --instant`). A view is made of the durable
 * row and the journal alone: up to `shownSequence` the newest record of each byte, and below it the image, of which no byte that a
 * record covers is seen. So it is the same checkpoint however far the records are landed, and after a crash it is made anew before
 * anybody reads.
 */
export class Views {
  readonly #controller: Controller;
  readonly #views = new Map<string, View>();
  readonly #foldings = new Map<string, Folding>();
  readonly #wished = new Set<string>();
  /** Requests under way that need the images as they are shown. */
  #held = 0;
  #isClosed = false;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The update of the session that is next, or under way, is to be shown at once. */
  wish(id: string): void {
    this.#wished.add(id);
  }

  unwish(id: string): void {
    this.#wished.delete(id);
  }

  /**
   * Whether an update may be shown before it is applied: it was wished, or an earlier one is shown so. Another pair of a secondary would
   * see all of its tracks change at one instant, which only landing them one by one tells it of.
   */
  mayShow(id: string): boolean {
    if (this.#held > 0 || !(this.#wished.has(id) || this.#of(id).length > 0)) return false;
    const { catalog } = this.#controller;
    return [...catalog.pairs.values()]
      .filter(({ remote }) => remote?.side === 'secondary' && remote.journal?.session === id)
      .every(({ secondary }) => catalog.pairsOf(secondary).length === 1);
  }

  /** Whether the secondary of this pair cannot be read, for what it shows is not known here. */
  isMissing({ remote }: PairRecord): boolean {
    const { session } = remote?.journal ?? {};
    const table = session === undefined ? undefined : this.#controller.sessions.sheets.byId(session)?.secondary;
    const row = table?.streams.find(({ primary }) => primary.id === remote?.peer.system.id);
    return row !== undefined && shownAhead(row) !== undefined && !this.#views.has(`${session} ${row.primary.id}`);
  }

  /** Puts the records of a stream up to `last` above the images. Nobody reads them before the caller's frame is durable. */
  async show(stream: ReceiveStream, last: RecordSequence) {
    const { appliedSequence, primary } = stream.row;
    if (stream.journal.nextSequence <= last)
      throw failure('session-refuses', `What is shown of ${primary.name} was lost here, and has not come again.`);
    const view = this.#views.get(keyOf(stream)) ?? {
      session: stream.session,
      volumes: new Set<VolumeNumber>(),
      shownUpTo: appliedSequence,
      landedUpTo: appliedSequence,
    };
    this.#views.set(keyOf(stream), view);
    const entered = new Set<HalfRecord>();
    let [records, bytes] = [0, 0];
    for (const batch of batches(countedRecords(stream, view.shownUpTo, last), BATCH)) {
      for (const { half, record } of batch.writes)
        this.#overlay(view, stream, half.secondary).add(record.offset, record.data.length, record.sequence);
      for (const half of batch.entered) entered.add(half);
      records += batch.writes.length;
      bytes += bytesOf(batch.writes);
      await this.#controller.ports.clock.yieldTurn();
    }
    view.shownUpTo = Math.max(view.shownUpTo, last);
    return { entered: [...entered], records, bytes };
  }

  /** After a crash: what is durable as shown is shown again, before anybody reads. What cannot be is refused to hosts. */
  async recover(): Promise<void> {
    const { sessions } = this.#controller;
    for (const { id, secondary } of sessions.sheets.all()) {
      try {
        for (const row of secondary?.streams ?? []) {
          const shown = shownAhead(row);
          if (shown !== undefined) await this.show(await sessions.stream(id, row.primary.id), shown);
        }
        this.goOn(id);
      } catch (error) {
        if (!isToolkitError(error)) throw error;
        this.#forget(id);
      }
    }
  }

  /** The journal is made anew: nothing is shown of it before its records have come again. */
  lost(id: string, primary: string): void {
    this.#drop(`${id} ${primary}`);
  }

  /** Records have come: what was lost may be there again. */
  async arrived(stream: ReceiveStream): Promise<void> {
    const isDue = () => {
      const shown = shownAhead(stream.row);
      return shown !== undefined && !this.#views.has(keyOf(stream)) && stream.journal.nextSequence > shown;
    };
    if (!isDue()) return;
    const release = await this.#controller.sessions.applying(stream.session).acquire();
    try {
      if (isDue()) await this.show(stream, shownAhead(stream.row) ?? 0);
      this.goOn(stream.session);
    } finally {
      release();
    }
  }

  /** The images hold the records up to there, durably, and the table says so. */
  async landed(stream: ReceiveStream, upTo: RecordSequence): Promise<void> {
    this.#drop(keyOf(stream));
    await stream.applied(upTo);
  }

  /** Lands what is shown, behind. */
  goOn(id: string): void {
    if (this.#isClosed || this.#foldings.has(id) || this.#of(id).length === 0) return;
    const stop = new AbortController();
    const done = this.#fold(id, stop.signal)
      .finally(() => this.#foldings.delete(id))
      .catch((error: unknown) => {
        // What is shown stays whole without it, and whoever opens, applies or needs the images tries again.
        if (!isToolkitError(error)) throw error;
      });
    this.#foldings.set(id, { stop, done });
    this.#controller.sessions.behind(done);
  }

  /** Resolves when nothing is landed behind any more. */
  async rest(id: string): Promise<void> {
    const folding = this.#foldings.get(id);
    folding?.stop.abort();
    await folding?.done;
  }

  /** Answers a request. What needs the images finds them as they are shown, and nothing is shown above them before it ends. */
  async beneath<T>(code: RequestCode, answer: () => Promise<T>): Promise<T> {
    const ends = END_WHAT_IS_SHOWN.has(code);
    if (!ends && !NEED_IMAGES.has(code)) return answer();
    this.#held += 1;
    try {
      for (const id of new Set([...this.#views.values()].map(({ session }) => session)))
        await this.#finish(id).catch((error: unknown) => {
          if (!ends || !isToolkitError(error)) throw error;
        });
      return await answer();
    } finally {
      this.#held -= 1;
    }
  }

  /** Resolves when nothing lies above the volume's image. */
  async land(volume: VolumeNumber): Promise<void> {
    for (const view of this.#views.values()) if (view.volumes.has(volume)) await this.#finish(view.session);
  }

  /** What is not landed yet is shown again by whoever opens the system next, and goes on there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#foldings.keys()) await this.rest(id);
  }

  async #finish(id: string): Promise<void> {
    const release = await this.#controller.sessions.applying(id).acquire();
    try {
      await this.rest(id);
      await this.#fold(id, new AbortController().signal);
    } finally {
      release();
    }
  }

  async #fold(id: string, signal: AbortSignal): Promise<void> {
    for (const [key, view] of this.#of(id)) {
      const stream = await this.#controller.sessions.stream(id, key.slice(id.length + 1));
      if (!(await this.#landRest(stream, view, signal))) return;
      const { shownUpTo } = view;
      await this.#controller.sessions.sheets.update(
        id,
        atSecondary((table) => ({
          ...table,
          streams: table.streams.map((row) => (row.primary.id === stream.primary ? appliedRow(row, shownUpTo) : row)),
        })),
      );
      this.#controller.step('session.folded');
      await this.landed(stream, shownUpTo);
      this.#controller.notify();
    }
  }

  /** Answers false where it was stopped before all was in the images, durably. */
  async #landRest(stream: ReceiveStream, view: View, signal: AbortSignal): Promise<boolean> {
    const { fabric, ports } = this.#controller;
    for (const { writes } of batches(countedRecords(stream, view.landedUpTo, view.shownUpTo), BATCH)) {
      if (signal.aborted) return false;
      await landAll(this.#controller, writes);
      view.landedUpTo = writes.at(-1)?.record.sequence ?? view.landedUpTo;
      this.#controller.step('session.folding');
      await ports.clock.yieldTurn();
    }
    for (const half of takingHalves(stream)) await fabric.flush(half.secondary);
    return !signal.aborted;
  }

  #overlay(view: View, { session, primary }: ReceiveStream, volume: VolumeNumber): Overlay {
    const { fabric, sessions } = this.#controller;
    let overlay = fabric.overlays.get(volume);
    if (!overlay) {
      const dataOf = (sequence: RecordSequence): Uint8Array => {
        const stream = sessions.opened(session, primary);
        assert(stream, 'a stream is open before its records are shown');
        return stream.dataOf(sequence);
      };
      overlay = new Overlay(fabric.volume(volume).geometry.trackSizeBytes, dataOf);
      fabric.overlays.set(volume, overlay);
      view.volumes.add(volume);
    }
    return overlay;
  }

  #of(id: string): readonly (readonly [string, View])[] {
    return [...this.#views].filter(([, { session }]) => session === id);
  }

  #forget(id: string): void {
    for (const [key] of this.#of(id)) this.#drop(key);
  }

  #drop(key: string): void {
    for (const volume of this.#views.get(key)?.volumes ?? []) this.#controller.fabric.overlays.delete(volume);
    this.#views.delete(key);
  }
}

function keyOf({ session, primary }: ReceiveStream): string {
  return `${session} ${primary}`;
}
