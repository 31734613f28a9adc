import type { TrackCount, TrackIndex } from '../foundation/foundation.js';

/** Tracks of one volume, held until released. */
export interface Claim {
  readonly first: TrackIndex;
  readonly count: TrackCount;
}

/** The claims on one volume. There are few at a time (lanes of a copier, saves under way), so a list serves. */
export class Claims {
  readonly #held = new Set<Claim>();
  #waiters: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** A claim that overlaps these tracks, other than `own`. */
  overlapping(first: TrackIndex, count: TrackCount, own?: Claim): Claim | undefined {
    for (const claim of this.#held) {
      if (claim !== own && claim.first < first + count && first < claim.first + claim.count) return claim;
    }
    return undefined;
  }

  /** Takes the tracks; the caller has seen in the same step that nothing overlaps. */
  take(first: TrackIndex, count: TrackCount): Claim {
    const claim = { first, count };
    this.#held.add(claim);
    return claim;
  }

  release(claim: Claim): void {
    this.#held.delete(claim);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Resolves at the next release of any claim; the waiter looks again then. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}
