import { failure, type Milliseconds } from '../foundation/foundation.js';
import type { Clock } from '../ports/ports.js';

/** Who waits for the pair does not wait longer for a link that does not answer; what is under way counts as lost. */
const PATIENCE_MS: Milliseconds = 250;
const LOOK_MS: Milliseconds = 50;

const LATE = Symbol('late');
/** A reason of our own: the library's would be an exception with a stack, for each wait. */
const OVER = 'over';

/** Waits for the other half, but not for long while somebody waits for the pair. Throws `link-lost`, and what the work throws. */
export async function patiently<T>(clock: Clock, work: Promise<T>, isWanted: () => boolean): Promise<T> {
  work.catch(() => undefined); // Where it is given up nobody looks at it any more.
  let wantedMs = 0;
  for (;;) {
    const stop = new AbortController();
    const late = clock.sleep(LOOK_MS, stop.signal).then(() => LATE);
    const first = await Promise.race([work, late]).finally(() => stop.abort(OVER));
    if (first !== LATE) return first as T;
    wantedMs = isWanted() ? wantedMs + LOOK_MS : 0;
    if (wantedMs > PATIENCE_MS)
      throw failure('link-lost', 'The other half did not answer while the pair was waited for.');
  }
}
