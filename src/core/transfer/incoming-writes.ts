import { failure, LINK_LIMIT_SYNC_MS, type TrackRun } from '../foundation/foundation.js';
import type { Fabric, LivePair, LiveVolume } from '../hostio/hostio.js';
import type { LinkMark } from '../pair/pair.js';
import { codeOfData } from '../volume/volume.js';

interface Piece {
  readonly tracks: TrackRun;
  readonly data: Uint8Array;
  readonly offset: number;
}

/** One that has not landed yet. */
interface Landing {
  readonly tracks: TrackRun;
  readonly landed: Promise<void>;
}

/**
 * Lands the host writes of one link session as they landed at the primary: messages are taken up by their place, in whatever order
 * they came, and a write waits for earlier ones that touch its tracks. Others overtake it, whatever their regions wait for.
 */
export class IncomingWrites {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  readonly #demandMark: (mark: LinkMark) => void;
  #next = 1;
  /** Set when a message was refused or never came: none after it is taken. */
  #broken: Error | undefined;
  readonly #early = new Map<number, (error?: Error) => void>();
  readonly #landing = new Set<Landing>();

  constructor(fabric: Fabric, pair: LivePair, demandMark: (mark: LinkMark) => void) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#demandMark = demandMark;
  }

  async take(
    volume: LiveVolume,
    mark: LinkMark,
    place: number,
    writes: readonly number[],
    data: Uint8Array,
  ): Promise<void> {
    const pieces = this.#demandPieces(volume, writes, data);
    await this.#turn(place);
    const landings = pieces.map((piece) => this.#landInOrder(volume, mark, piece));
    this.#next += 1;
    this.#early.get(this.#next)?.();
    await Promise.all(landings);
  }

  close(): void {
    this.#break(over());
  }

  #demandPieces(volume: LiveVolume, writes: readonly number[], data: Uint8Array): readonly Piece[] {
    try {
      return piecesOf(volume, writes, data);
    } catch (error) {
      this.#break(over());
      throw error;
    }
  }

  #break(error: Error): void {
    this.#broken ??= error;
    for (const wake of [...this.#early.values()]) wake(error);
  }

  /** Nothing to wait for where it is the next one; one before it that does not come in time never will. */
  #turn(place: number): Promise<void> | undefined {
    if (this.#broken) throw this.#broken;
    if (place === this.#next) return undefined;
    if (place < this.#next) throw over();
    const stop = new AbortController();
    void this.#fabric.clock.sleep(LINK_LIMIT_SYNC_MS, stop.signal).then((end) => {
      if (end === 'elapsed') this.#break(over());
    });
    return new Promise<void>((resolve, reject) => {
      this.#early.set(place, (error) => {
        stop.abort();
        this.#early.delete(place);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #landInOrder(volume: LiveVolume, mark: LinkMark, piece: Piece): Promise<void> {
    const before = [...this.#landing].filter(({ tracks }) => overlap(tracks, piece.tracks));
    const landed =
      before.length === 0
        ? this.#land(volume, mark, piece)
        : Promise.all(before.map((landing) => landing.landed)).then(() => this.#land(volume, mark, piece));
    const landing: Landing = { tracks: piece.tracks, landed };
    this.#landing.add(landing);
    const ended = () => void this.#landing.delete(landing);
    landed.then(ended, ended);
    return landed;
  }

  #land(volume: LiveVolume, mark: LinkMark, { tracks, data, offset }: Piece): Promise<void> {
    const writer = { copierOf: this.#pair.number };
    return this.#fabric.clearTheWay(volume, tracks, writer, () => {
      this.#demandMark(mark);
      this.#pair.completeFor = undefined;
      this.#fabric.mark(volume, tracks, writer);
      volume.image.write(data, offset);
    });
  }
}

/** Throws where a write lies outside the volume, or where its data is not what was sent. */
function piecesOf(volume: LiveVolume, writes: readonly number[], data: Uint8Array): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (let i = 0; i < writes.length; i += 3) {
    const [offset, length, code] = writes.slice(i, i + 3) as [number, number, number];
    const fits =
      Number.isSafeInteger(offset) && offset >= 0 && length > 0 && offset + length <= volume.geometry.sizeBytes;
    if (!fits || at + length > data.length) throw failure('usage', 'A write order does not fit its volume.');
    const piece = data.subarray(at, at + length);
    const tracks = volume.geometry.tracksOf(offset, length);
    if (codeOfData(piece) !== code)
      throw failure(
        'check-code',
        `A write to track ${tracks.first} arrived with data that does not fit its check code.`,
      );
    pieces.push({ tracks, data: piece, offset });
    at += length;
  }
  if (at !== data.length) throw failure('usage', 'A write order does not fit its data.');
  return pieces;
}

function overlap(a: TrackRun, b: TrackRun): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

function over(): Error {
  return failure('link-lost', 'A later link session of this pair was opened meanwhile.', 'It goes on by itself.');
}
