import type { PairListing, SystemListing, VolumeListing } from '../../core/controller/controller.js';
import { failure, isToolkitError } from '../../core/foundation/foundation.js';
import { type GroupListing, listGroups, type SystemView } from '../../core/group/group.js';
import { listSessions, type SessionListing, type SessionView } from '../../core/session/session.js';
import type { SystemCopy } from '../copies.js';
import { refOf } from '../group-finding.js';
import { mergeHalves } from '../halves.js';
import { nowMs } from '../now.js';
import type { Toolkit } from '../open-toolkit.js';

/** Everything below the roots, as it is now, or, of systems that nobody owns, as their files tell. */
export interface Overview {
  readonly nowMs: number;
  readonly systems: readonly SystemListing[];
  /** One row for each pair, also of those between systems. */
  readonly pairs: readonly PairListing[];
  readonly volumes: readonly VolumeListing[];
  readonly groups: readonly GroupListing[];
  readonly sessions: readonly SessionListing[];
  /** Systems that could not be read, and why. */
  readonly unread: readonly Unread[];
  /** Folders that hold one of these systems once more. */
  readonly copies: readonly SystemCopy[];
}

interface Unread {
  readonly system: string;
  readonly message: string;
  /** More than one folder holds it, and nobody can tell which counts. */
  readonly isCopied: boolean;
}

interface Seen {
  readonly system: SystemListing;
  readonly pairs: readonly PairListing[];
  readonly volumes: readonly VolumeListing[];
  readonly view: SystemView;
  readonly sessions: SessionView;
}

/** Reads all systems below the roots without owning one. Throws `system-not-found` where there is none: nothing to watch is never well. */
export async function gather(toolkit: Toolkit): Promise<Overview> {
  const { places, copies, troubles } = await toolkit.discover();
  const unread = troubles.map(({ path, error }) => unreadAs(path, error));
  if (places.length + unread.length === 0)
    throw failure(
      'system-not-found',
      'There is no storage system here.',
      'Name the folder that holds them with --root or COPYSET_ROOT; is its file system mounted?',
    );
  const seen = await Promise.all(
    places.map((place) =>
      toolkit
        .read(place, async (reader): Promise<Seen> => {
          const { system } = (await reader.request('system.show')).output;
          const { pairs } = (await reader.request('pair.list')).output;
          const { volumes } = (await reader.request('volume.list')).output;
          const { sheets, members } = (await reader.request('cg.list')).output;
          const told = (await reader.request('session.list')).output;
          const seen = { system: refOf(place), asOfMs: nowMs() };
          return { system, pairs, volumes, view: { ...seen, sheets, members }, sessions: { ...seen, ...told } };
        })
        .catch((error: unknown) => {
          unread.push(unreadAs(place.name, error));
          return undefined;
        }),
    ),
  );
  const read = seen.filter((one) => one !== undefined);
  const atMs = nowMs();
  return {
    nowMs: atMs,
    systems: read.map(({ system }) => system),
    pairs: mergeHalves(read.flatMap(({ pairs }) => pairs)),
    volumes: read.flatMap(({ volumes }) => volumes),
    groups: listGroups(
      read.map(({ view }) => view),
      atMs,
    ),
    sessions: listSessions(
      read.map(({ sessions }) => sessions),
      atMs,
    ),
    unread,
    copies,
  };
}

function unreadAs(system: string, error: unknown): Unread {
  const message = error instanceof Error ? error.message : String(error);
  return { system, message, isCopied: isToolkitError(error, 'system-copied') };
}
