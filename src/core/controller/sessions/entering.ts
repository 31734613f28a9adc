import { type Change, pairMapKey } from '../../catalog/catalog.js';
import { PASSES } from '../../copy/copy.js';
import { MIB, plural, type TrackRun } from '../../foundation/foundation.js';
import { checkCodeFailure, degradePair, type LivePair, type LiveVolume, readCoded } from '../../hostio/hostio.js';
import { activeState, type HalfRecord, isHalf, isJournalled, type PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { mayCopy } from './return.js';
import type { TransmitStream } from './transmit.js';

/** So little is left that it goes as records, and writes are recorded meanwhile. */
const FEW_TRACKS = 256;
const FEW_BYTES = 16 * MIB;
/** After a whole pass it may be more: a host that never rests would have the last word. Of the stream's share it takes no more than this part. */
const LEFT_OVER_PART = 4;
/** What goes as records between two flushes of the journal. */
const BATCH_BYTES = 4 * MIB;

type JournalPair = HalfRecord;

/** How pairs of one stream come to be journalled, and enter (decision 70). */
export class Entering {
  readonly #controller: Controller;
  /** What was sent straight into the secondary when a pair began to track, by the copier's passes. */
  readonly #passesBefore = new Map<number, { readonly state: unknown; readonly passes: number }>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** Takes every pair of the stream one step further. True where something was done. */
  async advance(stream: TransmitStream): Promise<boolean> {
    let done = false;
    if (stream.hasOverflowed) await this.#makeRoom(stream);
    for (const half of stream.pairs()) {
      if (isJournalled(half)) done = (await this.#enter(stream, half)) || done;
      else if (this.#isReady(half)) done = (await this.#begin(stream, half)) || done;
    }
    return done;
  }

  /** A journal was full, here or there: the secondary lets go of what it cannot show any more, so that the stream goes on. */
  async #makeRoom(stream: TransmitStream): Promise<void> {
    const halves = stream.pairs();
    if (halves.some(isJournalled)) return;
    for (const { number, state } of halves) if (state.status !== 'suspended') await mayCopy(this.#controller, number);
    stream.hasOverflowed = false;
  }

  /** Whether a pair of the stream is on its way to be journalled, so that its copying is not what ends it. */
  isDue(half: PairRecord): boolean {
    return isHalf(half) && (isJournalled(half) || this.#isReady(half));
  }

  #isReady(half: JournalPair): boolean {
    const { remote, state, number } = half;
    if (remote.displaced || remote.journal?.how !== 'tracking' || half.prepared) return false;
    if (state.status !== 'pending' && state.status !== 'duplex' && state.status !== 'resync') return false;
    const { fabric, catalog } = this.#controller;
    const pair = fabric.pair(number);
    if (pair.forming || isCopiedInto(this.#controller, half)) return false;
    const { count } = pair.outOfSync.map;
    if (!this.#fitsShare(half)) return false;
    const bytes = count * (catalog.volumes.get(half.primary)?.trackSizeBytes ?? 0);
    return (count <= FEW_TRACKS && bytes <= FEW_BYTES) || this.#hasPassed(half);
  }

  /** Whether what a pair lacks may go as records: what begins with more would be given up again at once. */
  #fitsShare({ number, primary }: JournalPair): boolean {
    const { fabric, catalog, sessions } = this.#controller;
    const bytes = fabric.pair(number).outOfSync.map.count * (catalog.volumes.get(primary)?.trackSizeBytes ?? 0);
    return bytes * LEFT_OVER_PART <= sessions.journals.shareBytes;
  }

  #hasPassed({ number, state }: JournalPair): boolean {
    const passes = this.#controller.passesOf(number);
    const known = this.#passesBefore.get(number);
    if (known?.state === state) return passes - known.passes >= PASSES;
    this.#passesBefore.set(number, { state, passes });
    return false;
  }

  /** Under the closed gate of its volume, with nothing of the sender under way, the row says that writes are recorded from now on. */
  async #begin(stream: TransmitStream, { number, primary }: JournalPair): Promise<boolean> {
    const { fabric, catalog, halves, copier } = this.#controller;
    const pair = fabric.pair(number);
    const link = halves.link(number);
    const volume = fabric.volume(primary);
    // It would be given up with its first record, and begun again, as long as that takes.
    if (stream.isClockBehind) return false;
    // A journal that is full has room again once what it holds has arrived.
    if (!stream.hasRoom(stream.recordMaxBytes)) await stream.ready(stream.recordMaxBytes);
    if (!stream.hasRoom(stream.recordMaxBytes)) return false;
    const acquired = pair.mutex.acquire();
    copier.wake();
    const release = await acquired;
    try {
      // Whatever an earlier link session still sends is refused from now on: it would come behind records that are later (H4).
      link.giveUp();
      if (!(await link.ready()) || !(await link.tell())) return false;
      volume.gate.close();
      try {
        await volume.gate.quiet();
        const half = catalog.pairs.get(number);
        if (!half || !isHalf(half) || !this.#isReady(half) || !stream.hasRoom(stream.recordMaxBytes)) return false;
        // Nothing before it is of this base, and no write is the last record of the stream for longer than it is the last write here.
        stream.append((time) => ({ kind: 'leave', time, pair: half.remote.id }));
        await catalog.change(() => [journalling(half)], true);
        await catalog.durable();
        this.#controller.step('journal.begun');
      } finally {
        volume.gate.open();
      }
    } finally {
      release();
    }
    this.#controller.notify();
    return true;
  }

  /** What is left goes as records of what is there now; with nothing left the pair enters. */
  async #enter(stream: TransmitStream, half: JournalPair): Promise<boolean> {
    const pair = this.#controller.fabric.pair(half.number);
    if (!pair.outOfSync.map.isEmpty) return this.#sendLeft(stream, pair, half);
    if (half.state.status === 'duplex') return false;
    if (!stream.hasRoom(0)) return false;
    stream.append((time) => ({ kind: 'enter', time, pair: half.remote.id }));
    await stream.durable();
    this.#controller.step('journal.entered');
    const after = await this.#toDuplex(half);
    if (!after) return false;
    await this.#controller.halves.tell([half.number]);
    this.#controller.onCompleted(half, after);
    return true;
  }

  async #toDuplex({ number }: JournalPair): Promise<PairRecord | undefined> {
    const { catalog } = this.#controller;
    let after: PairRecord | undefined;
    await catalog.change((): Change[] => {
      const now = catalog.pairs.get(number);
      if (!now || !isJournalled(now) || !catalog.pairMap(number, 'outOfSync').map.isEmpty) return [];
      after = { ...now, state: { status: 'duplex' }, copyPointer: 0 };
      return [{ do: 'put-pair', record: after }];
    });
    await catalog.durable();
    return after;
  }

  async #sendLeft(stream: TransmitStream, pair: LivePair, half: JournalPair): Promise<boolean> {
    const { fabric, catalog } = this.#controller;
    const volume = fabric.volume(half.primary);
    if (!this.#fitsShare(half)) {
      await degradePair(fabric, pair, `${plural(pair.outOfSync.map.count, 'track')} came to differ`);
      return true;
    }
    const watch = pair.outOfSync.watch();
    const sent: TrackRun[] = [];
    try {
      for (let bytes = 0, from = 0; bytes < BATCH_BYTES; ) {
        const run = pair.outOfSync.map.nextRun(
          from,
          Math.max(1, Math.floor(stream.recordMaxBytes / volume.geometry.trackSizeBytes)),
        );
        if (!run) break;
        if (!(await this.#appendRun(stream, pair, volume, run))) break;
        sent.push(run);
        from = run.first + run.count;
        bytes += volume.geometry.bytesOfRun(run);
      }
      if (sent.length === 0) return false;
      await stream.durable();
      this.#controller.step('journal.left-over');
      await catalog.change(() => {
        if (!pair.isJournalled) return [];
        const runs = sent.flatMap((run) => untouched(run, (track) => watch.touched(track)));
        return [{ do: 'clear', map: pairMapKey(half.number, 'outOfSync'), runs }];
      });
    } finally {
      watch.close();
    }
    return true;
  }

  /** Reads and appends in one step: no write of a host comes between. A track that is larger than a record is several. */
  async #appendRun(stream: TransmitStream, pair: LivePair, volume: LiveVolume, run: TrackRun): Promise<boolean> {
    const { fabric } = this.#controller;
    const bytes = new Uint8Array(volume.geometry.bytesOfRun(run));
    const offset = volume.geometry.offsetOf(run.first);
    await stream.ready(bytes.length);
    if (!pair.isJournalled || !stream.hasRoom(bytes.length)) return false;
    fabric.read(volume.number, bytes, offset);
    const bad = readCoded(fabric, volume, run, bytes, () => undefined);
    if (bad !== undefined) {
      await fabric.suspend(pair, 'check-code', checkCodeFailure(fabric.address(volume.number), bad).message);
      return false;
    }
    for (let at = 0; at < bytes.length; at += stream.recordMaxBytes)
      stream.record(pair, bytes.subarray(at, at + stream.recordMaxBytes), offset + at);
    return true;
  }
}

/** Writes of other copiers into a volume are in no record, so its pair tracks while there may be any. */
function isCopiedInto({ fabric }: Controller, { number, primary }: JournalPair): boolean {
  return fabric.legs(primary).some(({ pair, side }) => {
    if (pair.number === number || !pair.record) return false;
    const { status } = activeState(pair.record.state);
    return side === 'secondary' ? status !== 'split' : status === 'resync-reverse';
  });
}

function journalling(half: JournalPair): Change {
  const { remote } = half;
  const journal = remote.journal && { ...remote.journal, how: 'journalled' as const, entered: true, withdrawn: false };
  // It is whole, and duplex, once it has entered.
  const state = half.state.status === 'duplex' ? { status: 'resync' as const } : half.state;
  return { do: 'put-pair', record: { ...half, state, remote: { ...remote, journal } } };
}

function untouched({ first, count }: TrackRun, isTouched: (track: number) => boolean): number[] {
  const runs: number[] = [];
  for (let track = first; track < first + count; track += 1) if (!isTouched(track)) runs.push(track, 1);
  return runs;
}
