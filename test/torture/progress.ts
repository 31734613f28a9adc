/** So often a long campaign says that it is alive. */
const EVERY_MS = 60_000;

/** Says at most once a minute how far a campaign is; to be called after each round. */
export function progressTold(name: string, count: number): (done: number) => void {
  let toldMs = performance.now();
  return (done) => {
    if (performance.now() - toldMs < EVERY_MS) return;
    toldMs = performance.now();
    console.log(`${name}: ${done} of ${count}, all well so far`);
  };
}
