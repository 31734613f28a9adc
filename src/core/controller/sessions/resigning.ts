import { failure, isToolkitError } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import {
  type ActiveTable,
  type ConfigTable,
  isOf,
  joinPrimary,
  joinSystem,
  resignPrimary,
  resignSystem,
  type SecondaryTable,
  type SessionSheet,
  secondaryMaster,
} from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { changeTable } from './joining.js';
import { advanceSession } from './rounds.js';
import { partsOf, unique } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];
type Outcome = 'done' | 'nothing';

/**
 * Takes a system out of the session: its streams count no more, and what it issued is not gone by. Only this removes one, however long it
 * cannot be reached (H22). Every other secondary has it durably before anything is released without it.
 */
export async function resignSystemOf(controller: Controller, input: Input<'session.resign'>): Promise<Outcome> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.demand(input.session);
  const maker = makerOf(controller, sheet, input.system);
  if (maker.id !== peers.self.id) return (await peers.ask(maker, 'session.resign', input, FAR_MS)).outcome;
  const { secondary } = sheet;
  if (!secondary) throw noSecondary(controller, sheet.name);
  demandMember(secondary, sheet.name, input.system);
  // Updates in progress are finished while the system still counts, as far as the others can be reached.
  await advanceSession(controller, sheet.id).catch((error: unknown) => {
    if (!isToolkitError(error)) throw error;
  });
  const outcome = await changing(
    controller,
    sheet.id,
    (table) => {
      const shows = sessions.sheets.byId(sheet.id)?.secondary?.applied?.number ?? 0;
      return resignSystem(table, input.system.id, shows);
    },
    (table) => {
      const shown = sessions.sheets.byId(sheet.id)?.secondary?.applied?.number ?? 0;
      return resignPrimary(table, input.system.id, shown);
    },
    input.system,
  );
  controller.step('session.resigned');
  controller.notify();
  return outcome;
}

/** The system takes part again; it counts from the first whole checkpoint on that it sends (H21). */
export async function joinSystemOf(controller: Controller, input: Input<'session.join'>): Promise<Outcome> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.demand(input.session);
  const maker = makerOf(controller, sheet, undefined);
  if (maker.id !== peers.self.id) return (await peers.ask(maker, 'session.join', input, FAR_MS)).outcome;
  const { secondary } = sheet;
  if (!secondary) throw noSecondary(controller, sheet.name);
  demandMember(secondary, sheet.name, input.system);
  const isResigned = ({ rows }: ActiveTable) => rows.some((row) => isOf(row, input.system.id) && row.resigned !== null);
  const outcome = await changing(
    controller,
    sheet.id,
    (table) => (isResigned(table) ? joinSystem(table, input.system.id) : table),
    (table) => joinPrimary(table, input.system.id),
    undefined,
  );
  controller.step('session.joined');
  controller.notify();
  return outcome;
}

const FAR_MS = 30_000;

/** Both tables, one change after the other: of a resignation and a return the later one counts in both. One that was cut short is made again. */
async function changing(
  controller: Controller,
  id: string,
  next: Parameters<typeof changeTable>[2],
  nextConfig: (table: ConfigTable) => ConfigTable,
  leaving: SystemRef | undefined,
): Promise<Outcome> {
  const { sessions } = controller;
  const release = await sessions.rounds(id).acquire();
  try {
    const before = sessions.sheets.byId(id)?.secondary?.tableTerm ?? 0;
    await changeTable(controller, id, next, leaving?.id);
    const isConfigChanged = await changeConfig(controller, id, nextConfig, leaving);
    const isChanged = (sessions.sheets.byId(id)?.secondary?.tableTerm ?? 0) > before;
    return isChanged || isConfigChanged ? 'done' : 'nothing';
  } finally {
    release();
  }
}

/** Who changes the table: its master, or, where that one is to resign, the next. */
function makerOf(controller: Controller, sheet: SessionSheet, leaving: SystemRef | undefined): SystemRef {
  const rows = (sheet.secondary?.table ?? []).filter((row) => !leaving || !isOf(row, leaving.id));
  const master = secondaryMaster(rows);
  if (master) return master;
  // The last of its streams: the counterpart changes its own table.
  const left = (sheet.secondary?.table ?? []).map(({ secondary }) => secondary);
  const other = unique(controller, left).find(({ id }) => id !== leaving?.id);
  if (other) return other;
  const coupled = sheet.primary?.config.flatMap((row) => row.coupled) ?? [];
  const known = unique(controller, coupled).find(({ id }) => id !== leaving?.id && id !== controller.peers.self.id);
  if (known) return known;
  throw noSecondary(controller, sheet.name);
}

/** At the home and at the primaries that can be reached; the others hear of it when they are back, and are not gone by until then. */
async function changeConfig(
  controller: Controller,
  id: string,
  next: (table: ConfigTable) => ConfigTable,
  leaving: SystemRef | undefined,
): Promise<boolean> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.byId(id);
  const table = sheet?.secondary?.table ?? [];
  if (!sheet) return false;
  const asked = unique(controller, [sheet.home, ...table.map(({ primary }) => primary)]);
  const systems = asked.filter((system) => system.id !== leaving?.id);
  let latest: ConfigTable | undefined;
  for (const system of systems) {
    const parts = { ...partsOf({ ...sheet, primary: null }), keepsPolicy: true };
    const primary = await reached(peers.ask(system, 'session.put', parts));
    const config = primary?.sheet.primary;
    if (config && config.configTerm > (latest?.term ?? -1)) latest = { term: config.configTerm, rows: config.config };
  }
  if (!latest) return false;
  const config = next(latest);
  if (config.term === latest.term) return false;
  const told = { session: id, term: sheet.term, configTerm: config.term, rows: config.rows };
  for (const system of systems) await reached(peers.ask(system, 'session.resigned', told));
  return true;
}

async function reached<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isLoss(error)) return undefined;
    throw error;
  }
}

function demandMember({ table }: SecondaryTable, session: string, system: SystemRef): void {
  if (table.some((row) => isOf(row, system.id))) return;
  throw failure(
    'session-refuses',
    `Storage system ${system.name} takes no part in session ${session}.`,
    `copyset checkpoint status ${session} shows its systems.`,
  );
}

function noSecondary({ place }: Controller, session: string): Error {
  return failure('session-refuses', `${place.name} knows no secondary of session ${session} that could record it.`);
}
