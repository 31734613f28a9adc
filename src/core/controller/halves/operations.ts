import { failure, isToolkitError, type PairNumber, type ToolkitError } from '../../foundation/foundation.js';
import { mapCounts, suspendPairs } from '../../hostio/hostio.js';
import {
  type HalfRecord,
  isHalf,
  isJournalled,
  isReturning,
  missingTracks,
  operationAnswer,
  type PairRecord,
  type PairState,
} from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { markOfTerm } from './halves.js';
import { demandLead } from './roles.js';

export const RESTORING: PairState = { status: 'resync-reverse', backup: null };

type Resync = 'resync' | 'resync-reverse';

/**
 * What comes before a resync or a restore of remote pairs that is not refused: the secondary shuts its host out, durably, and its map
 * of writes is taken over here before it is emptied there (H16). Nothing is held here meanwhile (H26). A secondary that was shut out
 * in vain, because the operation is refused after all, is told the pair's present state again.
 */
export async function closeSecondaries(
  controller: Controller,
  records: readonly PairRecord[],
  operation: Resync,
  discard: boolean,
): Promise<void> {
  for (const record of records.filter(isHalf)) {
    if (operationAnswer(record.state, operation) !== 'does' && !record.remote.displaced) continue;
    if (operation === 'resync-reverse' && record.remote.displaced) await startReturn(controller, record, discard);
    else await closeSecondary(controller, record, operation, discard);
  }
}

async function closeSecondary(
  controller: Controller,
  record: HalfRecord,
  operation: Resync,
  discard: boolean,
): Promise<void> {
  const link = controller.halves.link(record.number);
  const { secondaryTracks } = await demandLead(controller, record, (shown) => {
    if (operation === 'resync' && shown.secondaryTracks > 0 && !discard)
      throw discardNeeded(controller, record, 'secondary', shown.secondaryTracks);
  });
  if (operation === 'resync' && secondaryTracks > 0 && !discard)
    throw discardNeeded(controller, record, 'secondary', secondaryTracks);
  await link.announce(operation === 'resync' ? { status: 'resync' } : RESTORING);
  controller.step('half.closed');
  await link.gather('secondary');
}

/** The secondary goes on serving its hosts; what the former primary has and it has not is lost. */
async function startReturn(controller: Controller, record: HalfRecord, discard: boolean): Promise<void> {
  if (isReturning(record)) return;
  const { outOfSync, changed } = mapCounts(controller.catalog, record);
  if (outOfSync + changed > 0 && !discard) throw discardNeeded(controller, record, 'primary', outOfSync + changed);
  await demandLead(controller, record);
}

/** Journalled pairs among these are suspended first: what their secondaries may lack is in their maps then, and can be judged. */
export async function leaveStreams({ fabric }: Controller, records: readonly PairRecord[]): Promise<void> {
  const pairs = records.filter(isJournalled).map(({ number }) => fabric.pair(number));
  if (pairs.length > 0) await suspendPairs(fabric, pairs, { reason: 'command', message: 'by a person', lost: false });
}

/** What the secondaries of a resync hold that it would take away, for a plan: nothing is changed anywhere. */
export async function tracksWrittenThere(controller: Controller, record: PairRecord): Promise<number> {
  if (!isHalf(record)) return 0;
  const shown = await controller.halves.link(record.number).show();
  return shown.secondaryTracks;
}

/**
 * The secondary's half goes first: were it to stay behind alone, nobody would know of it. With `force` the pair is deleted here even
 * where the secondary cannot be reached; answers which halves stay behind.
 */
export async function dropSecondaries(
  controller: Controller,
  records: readonly PairRecord[],
  options: { unreserve: boolean; force: boolean },
): Promise<string[]> {
  const left: string[] = [];
  for (const record of records.filter(isHalf)) {
    const { remote } = record;
    if (remote.side === 'secondary') continue;
    // A synchronous pair's host would wait for a half that is gone, and take its session down with it.
    const pair = controller.fabric.pair(record.number);
    const suspension = { reason: 'command', message: 'it is being deleted', lost: false } as const;
    if (pair.alongside !== null) await suspendPairs(controller.fabric, [pair], suspension);
    const missing = remote.displaced
      ? 0
      : missingTracks(record.state, 'secondary', mapCounts(controller.catalog, record));
    const limitMs = controller.halves.limitMs(record);
    try {
      // A displaced primary that deletes the pair leaves its secondary the volume that it is.
      const term = remote.displaced ? (await controller.halves.link(record.number).show()).term : remote.term;
      const mark = markOfTerm(controller, term);
      const order = { pair: remote.id, mark, unreserve: options.unreserve, missingTracks: missing };
      await controller.peers.request(remote.peer.system, 'remote.drop', order, { limitMs });
    } catch (error) {
      if (!options.force) throw unreachable(controller, record, error);
      left.push(controller.address(record.secondary));
    }
  }
  return left;
}

/** Pairs whose secondary's half is gone: a deletion was interrupted, and nothing is left to be missing there. */
export async function secondariesGone(
  controller: Controller,
  records: readonly PairRecord[],
): Promise<ReadonlySet<PairNumber>> {
  const gone = new Set<PairNumber>();
  for (const { number, remote } of records) {
    if (remote?.side !== 'primary') continue;
    const shown = controller.halves.link(number).show();
    await shown.catch((error: unknown) => {
      if (isToolkitError(error, 'pair-not-found')) gone.add(number);
    });
  }
  return gone;
}

/** The group or the session that recovered a pair's secondary, if one did, and its verbs. */
export function recoveredBy(controller: Controller, { remote }: PairRecord) {
  if (!remote?.displaced) return undefined;
  const session = remote.journal && controller.sessions.sheets.byId(remote.journal.session);
  if (session) return { kind: 'session', name: session.name, verb: 'checkpoint' };
  return remote.group === null ? undefined : { kind: 'group', name: remote.group, verb: 'cg' };
}

/** What a group or a session recovered is one instant over all its volumes; one pair that is copied over it leaves a mix. */
export function demandUnrecovered(controller: Controller, record: PairRecord): void {
  const by = recoveredBy(controller, record);
  if (!by || !record.remote) return;
  const { peer } = record.remote;
  throw failure(
    'force-needed',
    `${controller.address(record.primary)} would be copied over ${peer.system.name}:${peer.name}, which ${by.kind} ${by.name} recovered.`,
    `copyset ${by.verb} failback ${by.name} --wait brings back what was recovered; --force overwrites it, at this pair alone.`,
  );
}

/** Flags and verbs that a pair between two systems cannot have. */
export function demandRemoteAble(record: PairRecord, what: string): void {
  if (!record.remote) return;
  throw failure(
    'mode-not-here',
    `${what} is for pairs inside one storage system; the secondary of this one lies in ${record.remote.peer.system.name}.`,
    'Leave it out.',
  );
}

/** A split that goes on after its remote secondary was opened to hosts would not be one instant: nothing is filled over a link. */
export function demandUnopened(controller: Controller, { state, remote, secondary }: PairRecord): void {
  if (!remote || state.status !== 'suspended' || !state.allowWrite) return;
  throw failure(
    'status-refuses',
    `${controller.address(secondary)} was opened to hosts with --allow-write and is no point in time any more.`,
    'Make it follow its primary again with `pair resync`, then split it anew.',
  );
}

function unreachable(controller: Controller, record: HalfRecord, error: unknown): unknown {
  if (!isLoss(error)) return error;
  const pair = `${controller.address(record.primary)} ${controller.address(record.secondary)}`;
  return failure(
    error.code,
    `${error.message} Its half of the pair would stay behind.`,
    `Give --force to delete this half alone; once ${record.remote.peer.system.name} is back, copyset pair delete ${pair} --force ends the other.`,
  );
}

function discardNeeded(
  controller: Controller,
  record: HalfRecord,
  side: 'primary' | 'secondary',
  tracks: number,
): Error {
  const bytesLost = tracks * (controller.catalog.volumes.get(record.primary)?.trackSizeBytes ?? 0);
  const since = record.remote.displaced ? 'and not at the other side' : 'since the split';
  return failure(
    'discard-needed',
    `${bytesLost} bytes written at ${controller.address(record[side])} ${since} would vanish.`,
    'Look at it with --plan; give --discard to lose them.',
    { details: { bytesLost } },
  );
}

function isLoss(error: unknown): error is ToolkitError {
  return isToolkitError(error, 'link-lost') || isToolkitError(error, 'peer-missing') || isToolkitError(error, 'busy');
}
