import { MIB, type Milliseconds, type TrackRun } from '../foundation/foundation.js';
import type { LandedWrite } from '../hostio/hostio.js';

/** Data of one message, unless one write alone is larger, and how many writes it may hold. */
const MESSAGE_BYTES = MIB;
const MESSAGE_WRITES = 128;

/** A write that landed at the primary and that somebody waits for. */
export interface Waiting extends LandedWrite {
  readonly sinceMs: Milliseconds;
  settle(error?: unknown): void;
}

/** Neighbours in the order of landing that travel together. */
export interface Parcel {
  readonly session: number;
  readonly writes: readonly Waiting[];
  isAnswered: boolean;
}

/**
 * What is on its way to a synchronous secondary, in the order of landing. A write counts as arrived when it and all before it were
 * answered: whatever is left can then be sent again in its order, and nothing that arrived is written over by something older.
 */
export class Outbox {
  #queued: Waiting[] = [];
  #sent: Parcel[] = [];
  /** Sent and neither answered nor failed, those included that nobody waits for any more. */
  readonly #underWay = new Map<Parcel, Promise<void>>();
  readonly #watchers: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#queued.length === 0 && this.#sent.length === 0;
  }

  get hasQueued(): boolean {
    return this.#queued.length > 0;
  }

  get parcelsSent(): number {
    return this.#sent.length;
  }

  /** When the write that waits longest landed. */
  get oldestMs(): Milliseconds | undefined {
    return (this.#sent[0]?.writes[0] ?? this.#queued[0])?.sinceMs;
  }

  put(write: Waiting): void {
    this.#queued.push(write);
  }

  /** The next writes to send together. */
  take(session: number): Parcel {
    let bytes = 0;
    let count = 0;
    for (const { data } of this.#queued) {
      if (count > 0 && (bytes + data.length > MESSAGE_BYTES || count === MESSAGE_WRITES)) break;
      bytes += data.length;
      count += 1;
    }
    const parcel: Parcel = { session, writes: this.#queued.splice(0, count), isAnswered: false };
    this.#sent.push(parcel);
    return parcel;
  }

  /** `ended` resolves when the parcel was answered or failed. */
  sending(parcel: Parcel, ended: Promise<void>): void {
    this.#underWay.set(parcel, ended);
    void ended.then(() => this.#underWay.delete(parcel));
  }

  /** Notes the answer; returns the writes that have arrived now. */
  answered(parcel: Parcel): readonly Waiting[] {
    parcel.isAnswered = true;
    const arrived: Waiting[] = [];
    while (this.#sent[0]?.isAnswered) arrived.push(...(this.#sent.shift()?.writes ?? []));
    for (const wake of this.#watchers.splice(0)) wake();
    return arrived;
  }

  /** Everything not arrived is to be sent again. */
  requeue(): void {
    this.#queued = [...this.#sent.flatMap(({ writes }) => writes), ...this.#queued];
    this.#sent = [];
  }

  /** Gives all up; what is on its way stays known to `underWayIn`. */
  empty(): readonly Waiting[] {
    this.requeue();
    for (const wake of this.#watchers.splice(0)) wake();
    return this.#queued.splice(0);
  }

  /** Resolves when something arrived or was given up. */
  shrunk(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  overlaps(tracks: TrackRun): boolean {
    const meets = (write: Waiting) => overlap(write.tracks, tracks);
    return this.#queued.some(meets) || this.#sent.some(({ writes }) => writes.some(meets));
  }

  /** A parcel of this session with some of these tracks that may still arrive. */
  underWayIn(tracks: TrackRun, session: number): Promise<void> | undefined {
    for (const [parcel, ended] of this.#underWay)
      if (parcel.session === session && parcel.writes.some((write) => overlap(write.tracks, tracks))) return ended;
    return undefined;
  }
}

function overlap(a: TrackRun, b: TrackRun): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}
