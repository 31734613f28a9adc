import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import { isHalf, type JournalHalf, newJournalHalf, type PairRecord } from '../../pair/pair.js';
import { matchesVolume, quoted, type VolumeRecord } from '../../volume/volume.js';
import type { PairCreateRow, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { pickSecondary } from '../pairs/create.js';
import { findVolume } from '../volumes/finding.js';
import type { HalfRequests } from './requests.js';

/** What the creation of a journal pair adds to that of any pair between systems. */

type Input = Requests['pair.create']['input'];
type Wish = HalfRequests['remote.create']['input']['journal'];

/** What is asked of both halves; undefined for pairs of other modes. A plan couples no systems. */
export async function journalWish(controller: Controller, input: Input, row: PairCreateRow): Promise<Wish> {
  if (input.mode !== 'journal') return undefined;
  const backup = row.backup ?? null;
  const session = input.plan ? await sessionId(controller, input) : await enlisted(controller, input, row);
  return { session, backup };
}

/** Refused are a volume whose writes go into another stream already, and flags that a journal pair cannot have. */
export function demandJournalPrimary(controller: Controller, { number }: VolumeRecord, input: Input): void {
  if (input.mode !== 'journal') return;
  const other = controller.catalog
    .pairsOf(number)
    .flatMap((pair) => controller.catalog.pairs.get(pair) ?? [])
    .find((pair) => pair.primary === number && pair.remote?.journal);
  if (!other) return;
  throw failure(
    'status-refuses',
    `${controller.address(number)} is already the primary of a journal pair, to ${controller.address(other.secondary)}.`,
    'A volume is the primary of one journal pair at most; its writes are in one order.',
  );
}

/** A pair that is there keeps its mode and its session. */
export function demandSameMode(controller: Controller, existing: PairRecord, input: Input): void {
  const { mode, remote } = existing;
  const wanted = input.mode ?? mode;
  const session =
    mode === 'journal' ? controller.sessions.sheets.byId(remote?.journal?.session ?? '')?.name : remote?.session;
  if (wanted === mode && (input.session === undefined || input.session === session)) return;
  const pair = `${controller.address(existing.primary)} -> ${controller.address(existing.secondary)}`;
  const of = session == null ? 'no session' : `session ${session}`;
  const is = mode === 'journal' || wanted === mode ? `mode ${mode} in ${of}` : `mode ${mode}`;
  throw failure('status-refuses', `${pair} is there, of ${is}.`, 'Delete the pair first; neither is changed.');
}

/** Nor does it change the backup volume, which its secondary's system knows. `auto` is content with any. */
export async function demandSameBackup(
  controller: Controller,
  existing: PairRecord,
  { backup }: PairCreateRow,
): Promise<void> {
  if (backup === undefined) return;
  const { backup: present } = await controller.halves.link(existing.number).show();
  if (present && (backup === 'auto' || matchesVolume(backup, present))) return;
  const pair = `${controller.address(existing.primary)} -> ${controller.address(existing.secondary)}`;
  throw failure(
    'status-refuses',
    `${pair} is there, ${present ? `with the backup ${present.name}` : 'without a backup'}.`,
    'Delete the pair first, and make it anew with that --backup.',
  );
}

/** The secondary's part, with its backup volume chosen. `left` is what an interrupted creation left. */
export function secondaryJournal(
  controller: Controller,
  wish: Wish,
  secondary: VolumeRecord,
  left: PairRecord | undefined,
): JournalHalf | undefined {
  if (!wish) return undefined;
  const { backup, session } = wish;
  if (backup === null) return newJournalHalf(session);
  const taken = backupsTaken(controller, left);
  if (backup === 'auto') {
    const picked = pickSecondary(controller, secondary, true, new Set([...taken, secondary.number]));
    return newJournalHalf(session, picked.number);
  }
  const volume = findVolume(controller, backup);
  demandBackup(controller, volume, secondary, taken);
  return newJournalHalf(session, volume.number);
}

function demandBackup(
  controller: Controller,
  volume: VolumeRecord,
  secondary: VolumeRecord,
  taken: ReadonlySet<number>,
): void {
  const address = controller.address(volume.number);
  const isLike = volume.sizeBytes === secondary.sizeBytes && volume.trackSizeBytes === secondary.trackSizeBytes;
  const isFree = controller.catalog.pairsOf(volume.number).length === 0 && !taken.has(volume.number);
  if (isLike && isFree && volume.number !== secondary.number && volume.emulation === secondary.emulation) return;
  throw failure(
    isLike ? 'secondary-taken' : 'sizes-differ',
    `${address} cannot keep ${controller.address(secondary.number)} while differences come back: it ${isLike ? 'is in use' : 'is not like it'}.`,
    'A backup volume is unpaired and has the size, track size and emulation of the secondary; `auto` takes a reserved one.',
  );
}

function backupsTaken({ catalog }: Controller, left: PairRecord | undefined): ReadonlySet<number> {
  const taken = [...catalog.pairs.values()].filter(isHalf).filter((half) => half.number !== left?.number);
  return new Set(taken.flatMap(({ remote }) => remote.journal?.backup ?? []));
}

async function enlisted(controller: Controller, input: Input, row: PairCreateRow): Promise<string> {
  const { peers } = controller;
  const secondary = row.secondarySystem;
  if (!secondary) throw failure('usage', 'The secondary lies in this system.');
  const asked = { session: named(input), primary: peers.self, secondary };
  return (await peers.ask(homeOf(controller, input), 'session.enlist', asked)).sheet.id;
}

async function sessionId(controller: Controller, input: Input): Promise<string> {
  const name = named(input);
  const { sheets } = await controller.peers.ask(homeOf(controller, input), 'session.list', {});
  const sheet = sheets.find((one) => one.name === name);
  if (!sheet) throw unknown(name);
  return sheet.id;
}

function homeOf({ sessions }: Controller, input: Input): SystemRef {
  const home = sessions.sheets.named(named(input))?.home ?? input.sessionHome;
  if (!home) throw unknown(named(input));
  return home;
}

function named({ session }: Input): string {
  if (session !== undefined) return session;
  throw failure('usage', 'A journal pair belongs to a checkpoint session.', 'Name it with --session NAME.');
}

function unknown(name: string): Error {
  return failure(
    'session-not-found',
    `There is no checkpoint session ${quoted(name)}.`,
    'Make it first: copyset checkpoint create NAME --at SYSTEM.',
  );
}
