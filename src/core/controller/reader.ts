import { Catalog, pairMapKey } from '../catalog/catalog.js';
import { isToolkitError } from '../foundation/foundation.js';
import type { MemberReport } from '../group/group.js';
import { LinkError } from '../ports/ports.js';
import { connectClient } from './control/control-client.js';
import type { Answered, Requests } from './control/requests.js';
import { readFaults } from './faults.js';
import { GroupSheets } from './groups/sheets.js';
import { Listing } from './listing.js';
import { showDoubt } from './recovery.js';
import { sessionsFromFiles } from './sessions/reading.js';
import type { Ports, SystemPlace } from './system-place.js';

export type ReadingCode =
  | 'system.show'
  | 'volume.list'
  | 'pair.list'
  | 'port.list'
  | 'fault.list'
  | 'cg.list'
  | 'session.list';

/** Answers listings without owning the system. */
export interface SystemReader {
  request<Code extends ReadingCode>(code: Code): Promise<Answered<Code>>;
  close(): Promise<void>;
}

/** How long a running controller may take to answer a listing before the files are read instead. */
const ANSWER_WITHIN_MS = 1_000;
const TRIES = 5;

/**
 * Asks a running controller if one answers soon, else reads the files as they are, without the lock ("as of"): a controller that is
 * stopped, or just leaving, holds up no listing.
 */
export async function openReader(ports: Ports, place: SystemPlace): Promise<SystemReader> {
  const owner = ports.owners.current(place.path);
  const client = owner ? await ifSoon(ports, () => connectClient(ports, place)) : undefined;
  let catalog = client ? undefined : readCatalog(ports, place);
  let doubts: ReadonlyMap<number, number> | undefined;
  const fromFiles = <Code extends ReadingCode>(code: Code): Answered<Code> => {
    catalog ??= readCatalog(ports, place);
    const opened = catalog;
    doubts ??= owner ? new Map() : showDoubt(catalog);
    const known = doubts;
    const listing = new Listing(place, catalog, ports.files, () => ports.clock.nowMs(), {
      doubtfulTracks: (pair) => known.get(pair) ?? 0,
    });
    const answers: { readonly [Each in ReadingCode]: () => Requests[Each]['output'] } = {
      'system.show': () => ({ system: listing.system(owner) }),
      'volume.list': () => ({ volumes: listing.volumes(), totals: listing.totals() }),
      'pair.list': () => ({ pairs: listing.pairs() }),
      'port.list': () => ({ ports: listing.ports() }),
      'cg.list': () => ({ sheets: new GroupSheets(opened).all(), members: reportsFromFiles(opened) }),
      'session.list': () => sessionsFromFiles(opened),
      'fault.list': () => ({ faults: readFaults(ports.files, place.path) }),
    };
    return { output: answers[code]() };
  };
  return {
    request: async (code) => (client && (await ifSoon(ports, () => client.request(code, {})))) ?? fromFiles(code),
    close: async () => {
      catalog?.close();
      await client?.close();
    },
  };
}

/** A controller that starts its log anew between two of our reads makes them disagree; then they are read again. */
function readCatalog(ports: Ports, place: SystemPlace): Catalog {
  for (let tries = 1; ; tries += 1) {
    try {
      return Catalog.open(ports.files, ports.random, place.path, { readOnly: true });
    } catch (error) {
      if (tries >= TRIES) throw error;
    }
  }
}

/** Undefined where no answer comes in time, or the controller goes away. */
async function ifSoon<T>(ports: Ports, ask: () => Promise<T>): Promise<T | undefined> {
  const stop = new AbortController();
  const late = ports.clock.sleep(ANSWER_WITHIN_MS, stop.signal).then(() => undefined);
  try {
    return await Promise.race([ask(), late]);
  } catch (error) {
    if (error instanceof LinkError || isToolkitError(error)) return undefined;
    throw error;
  } finally {
    stop.abort();
  }
}

/** While nobody owns the system nothing forms and nothing is measured. */
function reportsFromFiles(catalog: Catalog): MemberReport[] {
  return new GroupSheets(catalog).all().flatMap(({ name, subordinate }) =>
    (subordinate?.members ?? []).map(({ relationshipId, pairId }) => {
      const half = [...catalog.pairs.values()].find(({ remote }) => remote?.id === pairId);
      const outOfSyncTracks = half ? catalog.countOf(pairMapKey(half.number, 'outOfSync')) : 0;
      const measured = { pauseMs: null, drainMs: null, lastFailure: null };
      return { group: name, relationshipId, state: 'idle' as const, outOfSyncTracks, ...measured };
    }),
  );
}
