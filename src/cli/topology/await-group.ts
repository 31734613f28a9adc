import type { FormationAnswer } from '../../core/group/group.js';
import { findGroup, masterPlace } from '../group-finding.js';
import type { Toolkit } from '../open-toolkit.js';
import type { Standing } from './awaiting.js';
import type { WaitOptions } from './follow-pairs.js';

/** A group that was never formed is formed, by whoever owns its master. */
export async function roundOfGroup(
  toolkit: Toolkit,
  name: string,
  { limit, signal }: WaitOptions,
  acts: boolean,
): Promise<Standing> {
  const found = await findGroup(toolkit, name);
  const place = masterPlace(found);
  const { table, recovered } = found.group;
  if (table?.lastFormed) return { kind: 'reached' };
  if (recovered.length > 0) return { kind: 'cannot', reason: 'its remotes were made primaries' };
  if (table?.state.status === 'paused')
    return { kind: 'cannot', reason: `it is paused: copyset cg resume ${name} lets it go on` };
  if (!acts) return { kind: 'coming', reason: table?.lastFailure?.reason ?? 'it was not formed yet' };
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), Math.min(limit.leftMs, LONGEST_MS));
  const extras = { signal: AbortSignal.any([signal, ended.signal]) };
  try {
    const { output } = await toolkit.use(
      place,
      (client) => client.request('cg.start', { group: name, skipIfBusy: true }, extras),
      { signal },
    );
    return standingOf(output);
  } finally {
    clearTimeout(timer);
  }
}

/** What a timer can count. */
const LONGEST_MS = 2 ** 31 - 1;

function standingOf({ outcome, reason }: FormationAnswer): Standing {
  if (outcome === 'formed') return { kind: 'reached' };
  return { kind: 'coming', reason: reason === null ? `it was not formed: ${outcome}` : `${outcome}: ${reason}` };
}
