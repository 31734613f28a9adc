import type { Clock } from '../ports/ports.js';
import { Courtesy } from './courtesy.js';

/** One pair's copying. */
export interface CopyJob {
  /** Tracks a turn; 0 = hold. */
  readonly tracksPerTurn: number;
  /** Milliseconds until its rate lets it go on; 0 = now. */
  waitMs(): number;
  /** What was copied should be committed now, whatever the rate says: somebody waits for the pair, or it was long ago. */
  readonly isDue: boolean;
  /** Beside hosts at work: a commit keeps them waiting for the disk as well, so the next one is put off after one that took long. */
  readonly mayCommit: boolean;
  /** A command waits for the pair: hosts do not go first. */
  readonly isHurried: boolean;
  /**
   * Copies up to so many tracks. `idle`: nothing is left to take up now, or, `gently`, a commit is what comes next. Faults suspend the
   * pair and read as `idle`.
   */
  turn(tracks: number, gently: boolean): Promise<'copied' | 'idle'>;
  /** What was read lands, so that no track is held while the job rests. */
  land(): Promise<void>;
  /** Makes what was copied durable and clears its bits. */
  commit(): Promise<void>;
  /** Lets go of what is under way without making it count: the copier met a fault of its own. */
  abandon(): Promise<void>;
}

/** How long the copier looks for new work before it asks again, when nothing wakes it. */
const IDLE_MS = 250;
/** The same while hosts are at work: none of their writes wakes it then, which would cost each of them more than the write. */
const LOOK_MS = 20;
const WOKEN = 'woken';
/** A turn that takes longer does not hold up the others. */
const PATIENCE_MS = 5;

/** From the second time on that a job's pointer comes to the end, whatever was there at the start was copied. */
export const PASSES = 2;

/** Goes round its jobs until told to stop. */
export class Copier {
  readonly #clock: Clock;
  readonly #jobs: () => readonly CopyJob[];
  #courtesy: Courtesy;
  #wake: AbortController | undefined;
  /** A host's write ends the present rest. */
  #isAlert = false;
  /** Turns under way. None of them rejects. */
  readonly #running = new Map<CopyJob, Promise<void>>();
  #fault: { readonly error: unknown } | undefined;
  /** Runs that have not ended, and when the last of them has. */
  #runs = 0;
  #ended: Promise<void> = Promise.resolve();
  /** Milliseconds until the jobs together may go on; 0 = now. */
  #pausedMs: () => number = () => 0;

  constructor(clock: Clock, jobs: () => readonly CopyJob[]) {
    this.#clock = clock;
    this.#jobs = jobs;
    this.#courtesy = new Courtesy(clock, () => 0);
  }

  /** Gives way to hosts from now on; several copiers of one process may share a courtesy. */
  giveWay(courtesy: Courtesy): void {
    this.#courtesy = courtesy;
  }

  /** Caps what the jobs copy together, beside each one's own rate. */
  limit(pausedMs: () => number): void {
    this.#pausedMs = pausedMs;
  }

  /** A host wrote to a pair that is being copied. */
  hostWrote(): void {
    if (this.#isAlert) this.wake();
  }

  /** New work may be there, or somebody wants a pair. */
  wake(): void {
    this.#isAlert = false;
    const wake = this.#wake;
    this.#wake = undefined;
    // With a reason of our own: the library's would be an exception with a stack, for each write of a host.
    wake?.abort(WOKEN);
  }

  /**
   * Copies until `signal` fires. Whatever was copied is committed before it resolves. One that is started while another ends begins after
   * it: a batch that two commit would be cleared a second time, with what was marked since.
   */
  run(signal: AbortSignal): Promise<void> {
    const before = this.#ended;
    const run = this.#runs === 0 ? this.#runOn(signal) : before.then(() => this.#runOn(signal));
    this.#runs += 1;
    const leave = () => {
      this.#runs -= 1;
    };
    this.#ended = run.then(leave, leave);
    return run;
  }

  async #runOn(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const copied = await this.#pass();
        if (copied) await this.#clock.yieldTurn();
        else if (this.#running.size === 0) await this.#rest(signal);
      }
      await this.#endEach((job) => job.commit());
    } catch (error) {
      await this.#endEach((job) => job.abandon());
      throw error;
    }
  }

  /**
   * One turn of every job; true if any copied. A job may have to wait for tracks that another holds (a chain of pairs), so a turn that
   * takes long is left running while the others go on.
   */
  async #pass(): Promise<boolean> {
    let copied = false;
    for (const job of this.#jobs()) {
      if (this.#running.has(job)) continue;
      const turn = this.#turn(job)
        .then(
          (result) => {
            copied ||= result;
          },
          (error: unknown) => {
            this.#fault ??= { error };
          },
        )
        .finally(() => this.#running.delete(job));
      this.#running.set(job, turn);
    }
    await this.#patience();
    if (this.#fault) {
      const { error } = this.#fault;
      this.#fault = undefined;
      throw error;
    }
    return copied;
  }

  /** Waits for all turns, or, where one of them takes long, for those that do not. */
  async #patience(): Promise<void> {
    const turns = [...this.#running.values()];
    if (turns.length > 1) await this.#clock.yieldTurn();
    if (this.#running.size === 0) return;
    if (turns.length === 1) return this.#running.values().next().value;
    const late = this.#clock.sleep(PATIENCE_MS);
    await Promise.race([Promise.all(turns), late]);
    if (this.#running.size === turns.length) await Promise.race(turns);
  }

  /** A job with nothing to take up commits what it has. */
  async #turn(job: CopyJob): Promise<boolean> {
    const gently = !job.isHurried && this.#courtesy.applies;
    if (job.tracksPerTurn === 0) await job.commit();
    else if (this.#pausedMs() > 0 || job.waitMs() > 0 || (gently && this.#courtesy.waitMs() > 0)) {
      if (gently) await job.land();
      if (job.isDue && (!gently || job.mayCommit)) await job.commit();
    } else {
      const result = gently ? await this.#gentleTurn(job) : await job.turn(job.tracksPerTurn, false);
      if (result === 'copied') return true;
      if (!gently || job.mayCommit) await job.commit();
    }
    return false;
  }

  /** One piece from reading to landing: the time that it takes is what the share is counted by. */
  async #gentleTurn(job: CopyJob): Promise<'copied' | 'idle'> {
    const end = this.#courtesy.begin();
    try {
      const result = await job.turn(job.tracksPerTurn, true);
      await job.land();
      return result;
    } finally {
      end();
    }
  }

  /** All at once, because one may wait for what another holds. */
  async #endEach(end: (job: CopyJob) => Promise<void>): Promise<void> {
    const ends = this.#jobs().map(async (job) => {
      await this.#running.get(job);
      await end(job);
    });
    for (const result of await Promise.allSettled(ends)) if (result.status === 'rejected') throw result.reason;
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const gives = this.#courtesy.applies;
    const waits = [this.#pausedMs(), this.#courtesy.waitMs(), ...this.#jobs().map((job) => job.waitMs())];
    const soonest = Math.min(gives ? LOOK_MS : IDLE_MS, ...waits.filter((wait) => wait > 0));
    this.#isAlert = !gives;
    this.#wake = new AbortController();
    const stop = () => this.wake();
    signal.addEventListener('abort', stop, { once: true });
    if (!signal.aborted) await this.#clock.sleep(soonest, this.#wake.signal);
    signal.removeEventListener('abort', stop);
    this.#wake = undefined;
  }
}
