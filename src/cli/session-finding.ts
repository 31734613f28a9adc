import type { SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import type { SystemRef } from '../core/group/group.js';
import {
  type LocatedSession,
  locateSession,
  locateSessions,
  primaryMaster,
  type SessionView,
  secondaryMaster,
} from '../core/session/session.js';
import { parseName } from '../core/volume/volume.js';
import { refOf } from './group-finding.js';
import { nowMs } from './now.js';
import { byId, type Toolkit } from './open-toolkit.js';

/** What all systems below the roots know of checkpoint sessions, read without owning one of them. */
export interface SessionViews {
  readonly views: readonly SessionView[];
  readonly places: readonly SystemPlace[];
  /** Sentences about systems that could not be read. */
  readonly troubles: readonly string[];
}

export async function readSessionViews(toolkit: Toolkit): Promise<SessionViews> {
  const { places, troubles } = await toolkit.discover();
  const told = troubles.map(({ error }) => `Not seen: ${error.message}`);
  const views = await Promise.all(
    places.map(async (place): Promise<SessionView[]> => {
      try {
        const { sheets, reports } = (await toolkit.read(place, (reader) => reader.request('session.list'))).output;
        return [{ system: refOf(place), sheets, reports, asOfMs: nowMs() }];
      } catch (error) {
        told.push(`Not seen: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    }),
  );
  return { views: views.flat(), places, troubles: told };
}

export interface FoundSession extends SessionViews {
  readonly session: LocatedSession;
}

/** The session of this name below the roots. Throws `session-not-found`. */
export async function findSession(toolkit: Toolkit, name: string): Promise<FoundSession> {
  parseName(name, 'session');
  const seen = await readSessionViews(toolkit);
  return { ...seen, session: locateSession(seen.views, name) };
}

/** The system that holds the configuration table. Throws `peer-missing` where it is not below the roots. */
export function homePlace(found: FoundSession): SystemPlace {
  const { session } = found;
  return placeOf(
    found,
    session.home,
    `which holds the configuration table of session ${session.name}`,
    `copyset checkpoint recover needs only the secondaries.`,
  );
}

/** The system that issues the checkpoints. Throws `session-refuses` where no pair was made yet. */
export function primaryMasterPlace(found: FoundSession): SystemPlace {
  const { session } = found;
  const master = primaryMaster(session.config);
  if (!master) throw noPairs(session);
  return placeOf(found, master, `which issues the checkpoints of session ${session.name}`, resignHint(session, master));
}

/** The system that releases them. Throws `session-refuses` where no pair was made yet. */
export function secondaryMasterPlace(found: FoundSession): SystemPlace {
  const { session } = found;
  const master = secondaryMaster(session.table);
  if (!master) throw noPairs(session);
  const office = `which releases the checkpoints of session ${session.name}`;
  return placeOf(found, master, office, resignHint(session, master));
}

/** Who stops the session: the system that issues its checkpoints, or its home while there is none. */
export function startedPlace(found: FoundSession): SystemPlace {
  return found.session.config.length === 0 ? homePlace(found) : primaryMasterPlace(found);
}

/** Who is asked to let a system go or come: a secondary that is reached, the master first, but not the one that goes. */
export function witnessPlace(found: FoundSession, subject: SystemRef): SystemPlace {
  const { session, places } = found;
  const master = secondaryMaster(session.table);
  const secondaries = session.table.map(({ secondary }) => secondary);
  const primaries = session.config.map(({ system }) => system);
  const wanted = [...(master ? [master] : []), ...secondaries, ...primaries].filter(({ id }) => id !== subject.id);
  const place = wanted.flatMap(({ id }) => places.find(({ info }) => info.id === id) ?? []).at(0);
  if (place) return place;
  throw failure(
    'peer-missing',
    `No other system of session ${session.name} is reached.`,
    'Name the folders that hold them with --root or COPYSET_ROOT.',
  );
}

/** A system of the session by the name that a person gives it; it may be lost. Throws `session-refuses`. */
export function memberOf({ session }: FoundSession, name: string): SystemRef {
  const systems = [
    ...session.config.flatMap(({ system, coupled }) => [system, ...coupled]),
    ...session.table.flatMap(({ primary, secondary }) => [primary, secondary]),
  ];
  const found = systems.find((system) => system.name === name || system.id === name);
  if (found) return found;
  const names = [...new Set(systems.map((system) => system.name))].sort().join(', ');
  throw failure(
    'session-refuses',
    `Storage system ${name} takes no part in session ${session.name}.`,
    names === '' ? 'It has no pairs yet.' : `Its systems are ${names}.`,
  );
}

/** A secondary that was made a primary. Throws `session-refuses` where none was. */
export function recoveredSessionPlace({ session, places }: FoundSession): SystemPlace {
  const [first] = byId(places.filter(({ info }) => session.recovered.some(({ id }) => id === info.id)));
  if (first) return first;
  throw failure(
    'session-refuses',
    `Session ${session.name} was not recovered at its secondaries, so there is nothing to bring back.`,
    `copyset checkpoint status ${session.name} shows how it stands.`,
  );
}

/** Throws `already-exists` where a system below the roots knows a session of this name. */
export async function demandNewSession(toolkit: Toolkit, name: string): Promise<void> {
  parseName(name, 'session');
  const { views } = await readSessionViews(toolkit);
  const known = locateSessions(views).find((session) => session.name === name);
  if (!known) return;
  throw failure(
    'already-exists',
    `There is a checkpoint session ${name} already, made at ${known.home.name}.`,
    `copyset checkpoint status ${name} shows it.`,
  );
}

function placeOf({ places }: FoundSession, system: SystemRef, office: string, hint: string): SystemPlace {
  const place = places.find(({ info }) => info.id === system.id);
  if (place) return place;
  throw failure('peer-missing', `Storage system ${system.name}, ${office}, is not reached.`, hint);
}

function resignHint({ name }: LocatedSession, { name: system }: SystemRef): string {
  return (
    `Where it is lost, copyset checkpoint resign ${name} ${system} lets the others go on without it; ` +
    `where its whole site is, copyset checkpoint recover ${name} needs only the secondaries.`
  );
}

function noPairs({ name }: LocatedSession): Error {
  return failure(
    'session-refuses',
    `Session ${name} has no pairs yet.`,
    `copyset pair create PRIMARY SECONDARY --mode journal --session ${name} makes one.`,
  );
}
