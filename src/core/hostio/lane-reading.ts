import { tuning } from '../foundation/foundation.js';
import type { Batch, Lane } from './copy-batch.js';
import type { Fabric } from './fabric.js';
import { lacksAny } from './read-path.js';
import { checkCodeFailure, readCoded } from './track-codes.js';

/** Fills a lane with what the source holds logically at the moment in which this resolves, and computes the codes of it. */
export async function readLane(fabric: Fabric, batch: Batch, lane: Lane): Promise<void> {
  const { source } = batch;
  const { first, count } = lane.run;
  const bytes = lane.buffer.subarray(0, source.geometry.bytesOfRun(lane.run));
  if (!(await readAside(fabric, batch, lane, bytes))) {
    if (source.claims.overlapping(first, count)) lane.overtaken = true;
    fabric.read(source.number, bytes, source.geometry.offsetOf(first));
  }
  const bad = readCoded(fabric, source, lane.run, bytes, (i, code, computed) => {
    lane.codes[i] = code;
    lane.computed[i] = computed;
  });
  if (bad !== undefined) throw checkCodeFailure(fabric.address(source.number), bad);
}

/**
 * Reads beside the loop. True where nothing wrote the tracks from before the reading until now, so that it is as good as one step;
 * else it has to be done again as one.
 */
async function readAside(
  fabric: Fabric,
  { source, rewritten }: Batch,
  { run }: Lane,
  bytes: Uint8Array,
): Promise<boolean> {
  const isStill = () =>
    !source.claims.overlapping(run.first, run.count) &&
    !rewritten.source.anyTouched(run.first, run.count) &&
    !lacksAny(fabric, source, run);
  if (bytes.length < tuning.readAsideBytes || !isStill()) return false;
  await source.image.readBulk(bytes, source.geometry.offsetOf(run.first));
  return isStill();
}
