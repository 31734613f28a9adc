import type { PairListing } from '../core/controller/controller.js';
import { cciName } from '../core/pair/pair.js';
import { parseAddress } from '../core/volume/volume.js';

/**
 * One row for each pair: of a pair between systems the primary's half leads, and the secondary's own tells how it stands there and as
 * of when. Where only one system is to be seen, its half stands alone.
 */
export function mergeHalves(rows: readonly PairListing[]): PairListing[] {
  const secondaries = new Map<string, PairListing>();
  const primaries = new Set<string>();
  for (const row of rows) {
    if (row.half?.side === 'secondary') secondaries.set(row.half.id, row);
    else if (row.half) primaries.add(row.half.id);
  }
  return rows.flatMap((row) => {
    if (!row.half) return [row];
    if (row.half.side === 'secondary') return primaries.has(row.half.id) ? [] : [row];
    const secondary = secondaries.get(row.half.id);
    return [secondary ? merged(row, secondary) : row];
  });
}

/** The systems of the other halves that are not among the rows. */
export function systemsLeftOut(rows: readonly PairListing[], read: ReadonlySet<string>): string[] {
  const wanted = rows.flatMap(({ half, primary, secondary }) => {
    if (!half) return [];
    return [parseAddress(half.side === 'primary' ? secondary : primary).system];
  });
  return [...new Set(wanted)].filter((name) => !read.has(name));
}

function merged(primary: PairListing, secondary: PairListing): PairListing {
  const whole = {
    ...primary,
    secondaryStatus: statusThere(primary, secondary),
    secondaryPorts: secondary.secondaryPorts,
    secondaryChangedTracks: primary.secondaryChangedTracks + secondary.secondaryChangedTracks,
    doubtfulTracks: primary.doubtfulTracks + secondary.doubtfulTracks,
    asOf: [secondary.asOf, primary.asOf].sort()[0] ?? primary.asOf,
  };
  if (!secondary.half?.takenOver || primary.status === 'resync-reverse') return whole;
  // Whatever the former primary believes, the secondary counts now (DESIGN.md 3.1).
  const { pointInTime, splitAt, imageComplete } = secondary;
  const reason = primary.half && primary.secondaryStatus === 'split' ? primary.reason : secondary.reason;
  const half = whole.half && { ...whole.half, takenOver: true };
  return {
    ...whole,
    half,
    status: 'split',
    cci: cciName('split', 'primary'),
    pointInTime,
    splitAt,
    imageComplete,
    reason,
  };
}

/** What the secondary was told last; that it follows only where its primary says so too (H29). */
function statusThere(primary: PairListing, secondary: PairListing): PairListing['status'] {
  const follows = secondary.primaryStatus === 'duplex' && primary.status === 'duplex' && !secondary.half?.takenOver;
  return follows ? 'duplex' : secondary.status;
}
