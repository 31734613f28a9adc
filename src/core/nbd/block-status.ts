import { assert } from '../foundation/foundation.js';
import type { StatusRun } from '../ports/ports.js';

/** Lengths in a reply have 32 bits; a multiple of every block size below that. */
const RUN_BYTES_MAX = 0xffff_0000;

/**
 * Runs as NBD_REPLY_TYPE_BLOCK_STATUS may carry them: neighbours of one status are one run, and nothing reaches beyond what
 * was asked, or (with REQ_ONE) the first run. A context that knows nothing about the range answers with status 0.
 */
export function replyRuns(runs: readonly StatusRun[], lengthBytes: number, onlyOne: boolean): readonly StatusRun[] {
  const merged: { lengthBytes: number; flags: number }[] = [];
  let left = lengthBytes;
  for (const run of runs) {
    assert(run.lengthBytes > 0, 'a run of a status has a length');
    if (left === 0) break;
    const taken = Math.min(run.lengthBytes, left, RUN_BYTES_MAX);
    const last = merged.at(-1);
    if (last?.flags === run.flags && last.lengthBytes + taken <= RUN_BYTES_MAX) last.lengthBytes += taken;
    else if (onlyOne && last !== undefined) break;
    else merged.push({ lengthBytes: taken, flags: run.flags });
    left -= taken;
    if (taken < run.lengthBytes) break;
  }
  return merged.length > 0 ? merged : [{ lengthBytes: Math.min(lengthBytes, RUN_BYTES_MAX), flags: 0 }];
}
