import { type CrashKind, type Keep, SimFiles, WorldStopped } from '../../simulation/world/world.js';

/** What a crash may leave: everything (kill), nothing unflushed, all of it, or any part. */
const ENDS: readonly { readonly kind: CrashKind; readonly keep: Keep; readonly seeds: number }[] = [
  { kind: 'kill', keep: 'all', seeds: 1 },
  { kind: 'power', keep: 'none', seeds: 1 },
  { kind: 'power', keep: 'all', seeds: 1 },
  { kind: 'power', keep: 'random', seeds: 0 },
];

/**
 * Runs `act` once for each of its store calls and each end, stops it before that call, and lets `check` look at what came up
 * again. Returns how many crashes there were; a test that expects some cannot pass by doing nothing.
 */
export async function crashEverywhere<T>(walk: {
  /** How many of "any part" are tried at each place. */
  seeds?: number;
  prepare(files: SimFiles): Promise<T> | T;
  act(files: SimFiles, prepared: T): Promise<void>;
  /** `finished`: the crash came after the act had resolved. */
  check(files: SimFiles, prepared: T, finished: boolean): Promise<void> | void;
}): Promise<number> {
  let crashes = 0;
  for (let stopAfter = 0; ; stopAfter++) {
    let finished = false;
    for (const { kind, keep, seeds } of ENDS) {
      for (let seed = 0; seed < (seeds || (walk.seeds ?? 6)); seed++) {
        const files = new SimFiles();
        const prepared = await walk.prepare(files);
        files.process.stopAtCall(files.process.calls + 1 + stopAfter);
        finished = await walk.act(files, prepared).then(
          () => true,
          (error: unknown) => {
            if (files.process.alive && !(error instanceof WorldStopped)) throw error;
            return false;
          },
        );
        await walk.check(files.crash(stopAfter * 1000 + seed + 1, kind, keep), prepared, finished);
        crashes += 1;
      }
    }
    if (finished) return crashes;
  }
}
