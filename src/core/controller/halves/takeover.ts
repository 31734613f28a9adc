import { failure, type Milliseconds, plural } from '../../foundation/foundation.js';
import { type HalfRecord, isHalf, isWholeAtSecondary, takeoverMissing } from '../../pair/pair.js';
import { answerChange, recorded } from '../control/recorded.js';
import type { Answered, PairActionRow, RequestExtras, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { isoTime } from '../pairs/listing.js';
import { findVolumes } from '../volumes/finding.js';
import { takeOverHalf } from './roles.js';

type Input = Requests['pair.takeover']['input'];

/** A former primary that is there is told at once; one that is not finds out when it is back. */
const TELLING_MS: Milliseconds = 1_000;

/** Makes secondaries that lie here primaries, their primaries' site being gone. Needs nobody but this system (H25). */
export async function takeOver(
  controller: Controller,
  input: Input,
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'pair.takeover'>> {
  const halves = halvesOf(controller, input);
  for (const half of halves) {
    demandLone(controller, half, input.force ?? false);
    demandWhole(controller, half, input.force ?? false);
  }
  if (input.plan) return { output: { pairs: [], plan: halves.map((half) => planOf(controller, half)), copying: [] } };
  const rows: PairActionRow[] = [];
  for (const half of halves) rows.push(await takeOverOne(controller, half, context));
  const output = { pairs: rows, copying: [] };
  await controller.catalog.change(() => [answerChange(context, output)]);
  await controller.catalog.durable();
  await Promise.all(halves.map((half) => tellPrimary(controller, half)));
  return { output };
}

async function takeOverOne(controller: Controller, half: HalfRecord, context: RequestContext): Promise<PairActionRow> {
  const row = {
    number: half.number,
    primary: controller.address(half.primary),
    secondary: controller.address(half.secondary),
    before: half.state.status,
    after: 'split',
    tracks: 0,
    bytes: 0,
    bytesLost: 0,
  } as const;
  if (half.remote.takenOver) return { ...row, outcome: 'nothing' };
  const { primary, secondary, before } = row;
  const note = knownWords(half);
  await recorded(
    controller,
    context,
    [{ operation: 'pair takeover', primary, secondary, before }],
    () => takeOverHalf(controller, half.remote.id),
    ({ state }) => ({ after: state.status, message: note }),
  );
  return { ...row, outcome: 'done', note };
}

async function tellPrimary(controller: Controller, { remote }: HalfRecord): Promise<void> {
  const { term } = controller.halves.find(remote.id).remote;
  await controller.peers
    .request(remote.peer.system, 'remote.displace', { pair: remote.id, term }, { limitMs: TELLING_MS })
    .catch(() => undefined);
}

function halvesOf(controller: Controller, { volumes }: Input): HalfRecord[] {
  return findVolumes(controller, volumes).map((volume) => {
    const pairs = controller.catalog.pairsOf(volume.number).flatMap((pair) => controller.catalog.pairs.get(pair) ?? []);
    const half = pairs.filter(isHalf).find(({ remote }) => remote.side === 'secondary');
    if (half) return half;
    const address = controller.address(volume.number);
    if (pairs.some(({ secondary }) => secondary === volume.number))
      throw failure(
        'mode-not-here',
        `The primary of ${address} lies in the same storage system.`,
        'Split the pair: copyset pair split.',
      );
    throw failure(
      'pair-not-found',
      `${address} is the secondary of no pair between storage systems.`,
      'copyset pair list shows the pairs.',
    );
  });
}

/** What a group or a session keeps together over several volumes is opened together, all of it (DESIGN.md 5.2, 6). */
function demandLone(controller: Controller, { secondary, remote }: HalfRecord, force: boolean): void {
  if (!force && !remote.takenOver && remote.group !== null)
    throw failure(
      'in-group',
      `${controller.address(secondary)} is a volume of consistency group ${remote.group}, whose volumes are opened at one group together.`,
      `copyset cg recover ${remote.group} --at SYSTEM[,SYSTEM] does that; --force opens this one alone, as it is now.`,
    );
  const sheet = remote.journal ? controller.sessions.sheets.byId(remote.journal.session) : undefined;
  if (force || remote.takenOver || !sheet) return;
  throw failure(
    'session-refuses',
    `${controller.address(secondary)} is a volume of checkpoint session ${sheet.name}, whose volumes are opened at one checkpoint together.`,
    `copyset checkpoint recover ${sheet.name} --at SYSTEM[,SYSTEM] does that; --force opens this one alone, and the session stands still until its pair is resynced or deleted.`,
  );
}

function demandWhole(controller: Controller, half: HalfRecord, force: boolean): void {
  if (force || half.remote.takenOver || isWholeAtSecondary(half.state)) return;
  const missing = takeoverMissing(half.state, half.remote.toldMissingTracks ?? 0);
  throw failure(
    'force-needed',
    `${controller.address(half.secondary)} is a mix: it was ${half.state.status} and lacked ${plural(missing, 'track')} ${asOf(half)}.`,
    'If there is nothing better, --force makes it a primary as it is; check what is on it before you trust it.',
    { details: { status: half.state.status, missingTracks: missing } },
  );
}

function knownWords(half: HalfRecord): string {
  const { state } = half;
  const primary = `${half.remote.peer.system.name}:${half.remote.peer.name}`;
  if (!isWholeAtSecondary(state)) {
    const missing = takeoverMissing(state, half.remote.toldMissingTracks ?? 0);
    return `it is a mix: it was ${state.status} and lacked ${plural(missing, 'track')} ${asOf(half)}`;
  }
  if (state.status === 'split') return `it held the point in time of ${isoTime(state.frozen.pointInTimeMs)}`;
  return `it was ${state.status} ${asOf(half)}; what ${primary} wrote since may be missing`;
}

function asOf({ remote }: HalfRecord): string {
  return remote.toldAtMs === null ? 'when its primary was last heard of' : `as of ${isoTime(remote.toldAtMs)}`;
}

function planOf(controller: Controller, half: HalfRecord) {
  return {
    primary: controller.address(half.primary),
    secondary: controller.address(half.secondary),
    from: half.state.status,
    to: 'split',
    direction: 'none',
    tracks: 0,
    bytes: 0,
    bytesLost: 0,
  } as const;
}
