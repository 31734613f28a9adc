import { failure } from '../../foundation/foundation.js';
import type { FailbackRow, SystemRef } from '../../group/group.js';
import { mapCounts } from '../../hostio/hostio.js';
import { type HalfRecord, isHalf } from '../../pair/pair.js';
import { type SessionSheet, sessionEvent } from '../../session/session.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { bringBack, failbackRow, type JointWayBack, partsOf, tracksAtPrimaries } from '../halves/way-back.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { goHome } from './coming-home.js';
import { unique } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

interface Way extends JointWayBack {
  readonly sheet: SessionSheet;
  readonly systems: readonly SystemRef[];
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
    () =>
      bringBack(controller, way, {
        wait: input.wait,
        signal: extras.signal,
        goHome: () => goHome(controller, way.sheet, neededOf(way)),
      }),
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
  for (const system of systems) {
    const { pairs } = await controller.peers.ask(system, 'session.taken', { session: sheet.id });
    for (const { id: pair, primary } of pairs) returning.push({ pair, primary });
  }
  return { of: sheet.id, sheet, systems, parts: partsOf(returning) };
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
      tracks: mapCounts(controller.catalog, half).secondary,
      trackSizeBytes: controller.catalog.volumes.get(half.secondary)?.trackSizeBytes ?? 0,
    }));
  return { output: { pairs } };
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
