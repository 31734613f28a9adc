import { failure } from '../../foundation/foundation.js';
import type { FailbackRow, SystemRef } from '../../group/group.js';
import { mapCounts } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf } from '../../pair/pair.js';
import { type SessionSheet, sessionEvent } from '../../session/session.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { backupsRestored } from '../halves/restoring.js';
import { bringBack, failbackRow, type JointWayBack, partsOf, tracksAtPrimaries } from '../halves/way-back.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { backupOf } from './backup.js';
import { goHome } from './coming-home.js';
import { unique } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

interface Way extends JointWayBack {
  readonly sheet: SessionSheet;
  readonly systems: readonly SystemRef[];
  /** Secondaries that went back to their backups. */
  readonly kept: readonly { readonly system: SystemRef; readonly name: string; readonly backup: string }[];
}

/**
 * Brings a recovered session back: the differences go to the old primaries while the recovered side serves; when little is left it is shut
 * out at all its systems, the rest follows, and all pairs turn their roles back. Run again, it goes on where it stopped.
 */
export async function failBackSession(
  controller: Controller,
  input: Input<'session.failback'>,
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'session.failback'>> {
  const { session: name } = input;
  const way = await wayOf(controller, demandRecovered(controller, name));
  const pairs = await rowsOf(controller, way);
  const answer = { session: name, term: way.sheet.term, pairs };
  if (input.plan) return { output: { ...answer, outcome: 'planned' } };
  const subject = { operation: 'checkpoint failback', primary: name, before: 'recovered' };
  const outcome = await recorded(
    controller,
    context,
    [subject],
    async () => {
      const wish = { wait: input.wait, signal: extras.signal };
      // The next checkpoint applied gives the backups up.
      if (input.wait && !(await backupsRestored(controller, way.kept, wish))) return 'timed-out';
      return bringBack(controller, way, { ...wish, goHome: () => goHome(controller, way.sheet, neededOf(way)) });
    },
    (end) => ({ after: end, session: end === 'returned' ? sessionEvent(way.sheet, 'failback') : undefined }),
  );
  const term = controller.sessions.sheets.byId(way.sheet.id)?.term ?? way.sheet.term;
  return { output: { ...answer, term, outcome } };
}

function demandRecovered({ sessions, place }: Controller, name: string): SessionSheet {
  const sheet = sessions.sheets.demand(name);
  if (sheet.secondary?.recovered?.done) return sheet;
  throw failure(
    'session-refuses',
    `Session ${name} was not recovered at ${place.name}, so there is nothing to bring back.`,
    `copyset checkpoint status ${name} shows how it stands.`,
  );
}

/** Without these it is not home. */
function neededOf({ systems, parts, sheet }: Way): readonly SystemRef[] {
  return [...systems, ...parts.map(({ system }) => system), sheet.home];
}

/** The pairs whose secondaries were made primaries, at all the systems of the table. */
async function wayOf(controller: Controller, sheet: SessionSheet): Promise<Way> {
  const table = sheet.secondary?.table ?? [];
  const systems = unique(
    controller,
    table.filter(({ resigned }) => resigned === null).map(({ secondary }) => secondary),
  );
  const returning: { readonly pair: string; readonly primary: SystemRef }[] = [];
  const kept: { system: SystemRef; name: string; backup: string }[] = [];
  for (const system of systems) {
    const { pairs } = await controller.peers.ask(system, 'session.taken', { session: sheet.id });
    for (const { id: pair, primary, kept: on } of pairs) {
      returning.push({ pair, primary });
      if (on) kept.push({ system, ...on });
    }
  }
  return { of: sheet.id, sheet, systems, parts: partsOf(returning), kept };
}

/** Answers at a secondary: which of its halves were made primaries, and are not given back as a whole. */
export async function takenHere(
  controller: Controller,
  { session }: Input<'session.taken'>,
): Promise<Answered<'session.taken'>> {
  const halves = [...controller.catalog.pairs.values()].filter(
    (half): half is HalfRecord => isHalf(half) && half.remote.journal?.session === session,
  );
  const pairs = halves
    .filter(({ remote }) => remote.side === 'secondary')
    // One that was shut out already is on its way back.
    .filter(({ remote, state }) => remote.takenOver !== null || state.status === 'resync-reverse')
    .map((half) => ({
      id: half.remote.id,
      primary: half.remote.peer.system,
      primaryName: half.remote.peer.name,
      secondary: controller.address(half.secondary),
      kept: keptOn(controller, half),
      tracks: mapCounts(controller.catalog, half).secondary,
      trackSizeBytes: controller.catalog.volumes.get(half.secondary)?.trackSizeBytes ?? 0,
    }));
  return { output: { pairs } };
}

/** The names of the secondary and of the backup that it went back to. */
function keptOn(controller: Controller, half: HalfRecord): { name: string; backup: string } | undefined {
  const { volumes } = controller.catalog;
  const copy = backupOf(controller, half);
  const [secondary, backup] = [copy?.primary, copy?.secondary].map((number) => volumes.get(number ?? -1));
  return secondary && backup && { name: secondary.name, backup: backup.name };
}

async function rowsOf(controller: Controller, way: Way): Promise<FailbackRow[]> {
  const there = await tracksAtPrimaries(controller, way);
  const rows: FailbackRow[] = [];
  for (const system of way.systems) {
    const { pairs } = await controller.peers.ask(system, 'session.taken', { session: way.sheet.id });
    for (const { id, primary, primaryName, secondary, tracks, trackSizeBytes } of pairs) {
      const addresses = { primary: `${primary.name}:${primaryName}`, secondary };
      rows.push(failbackRow(addresses, tracks + (there.get(id) ?? 0), trackSizeBytes));
    }
  }
  return rows;
}
