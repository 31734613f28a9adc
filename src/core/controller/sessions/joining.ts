import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import {
  type ActiveRow,
  type ActiveTable,
  addStream,
  mustRecord,
  type PrimaryTable,
  putPrimary,
  type SessionSheet,
  secondaryMaster,
} from '../../session/session.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { atPrimary, atSecondary } from './sheets.js';
import { agreeAnchor } from './start.js';
import {
  demandSecondary,
  demandSessionTerm,
  emptySecondary,
  partsOf,
  systemsOf,
  tellTable,
  withPrimary,
  withTable,
} from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** Answers at the session's home: two systems are coupled, as a pair between them is made. What was coupled before stays as it is. */
export async function enlist(
  controller: Controller,
  input: Input<'session.enlist'>,
): Promise<Answered<'session.enlist'>> {
  const { sessions } = controller;
  const { id, primary } = sessions.sheets.demand(input.session);
  if (!primary) throw notHome(controller, input.session);
  await sessions.sheets.update(
    id,
    atPrimary((table) => coupled(table, input.primary, input.secondary)),
  );
  controller.step('session.coupled');
  const known = await tellAll(controller, id);
  await extendTable(controller, id, known, [{ primary: input.primary, secondary: input.secondary }]);
  // A primary that comes to a running session starts with it.
  if (sessions.sheets.byId(id)?.primary?.state === 'running') await agreeAnchor(controller, id);
  const sheet = sessions.sheets.byId(id);
  if (!sheet) throw failure('session-not-found', 'The session was deleted meanwhile.');
  return { output: { sheet } };
}

function coupled(table: PrimaryTable, primary: SystemRef, secondary: SystemRef): PrimaryTable {
  const known = table.config.find(({ system }) => system.id === primary.id)?.coupled ?? [];
  const to = known.some(({ id }) => id === secondary.id) ? known : [...known, secondary];
  const { term, rows } = putPrimary({ term: table.configTerm, rows: table.config }, primary, to);
  return { ...table, configTerm: term, config: rows };
}

/** Every system of the session has its sheet, with the configuration table as it is here. Answers with the sheets there. */
export async function tellAll(controller: Controller, id: string): Promise<ReadonlyMap<string, SessionSheet>> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.primary) throw notHome(controller, sheet?.name ?? id);
  const known = new Map<string, SessionSheet>();
  for (const system of systemsOf(controller, sheet))
    known.set(system.id, (await peers.ask(system, 'session.put', partsOf(sheet))).sheet);
  return known;
}

/** The master of the table takes the streams in; the first secondary of a session makes the table. */
async function extendTable(
  controller: Controller,
  id: string,
  known: ReadonlyMap<string, SessionSheet>,
  add: readonly Pick<ActiveRow, 'primary' | 'secondary'>[],
): Promise<void> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.byId(id);
  if (!sheet) return;
  const tables = [...known.values()].flatMap(({ secondary }) => (secondary ? [secondary] : []));
  const latest = tables.reduce<(typeof tables)[number] | undefined>(
    (best, one) => (best && best.tableTerm >= one.tableTerm ? best : one),
    undefined,
  );
  const missing = add.filter((row) => !latest?.table.some((one) => isSameStream(one, row)));
  if (missing.length === 0) return;
  const master = (latest && secondaryMaster(latest.table)) ?? missing[0]?.secondary;
  if (master) await peers.ask(master, 'session.extend', { session: id, term: sheet.term, add: missing });
}

/** Answers at the secondary master, who alone changes the table. */
export async function extendHere(
  controller: Controller,
  input: Input<'session.extend'>,
): Promise<Answered<'session.extend'>> {
  const { sessions } = controller;
  const release = await sessions.rounds(input.session).acquire();
  try {
    demandSecondary(controller, input);
    await changeTable(controller, input.session, (table) =>
      input.add.reduce((rows, { primary, secondary }) => addStream(rows, primary, secondary), table),
    );
    return { output: { tableTerm: demandSecondary(controller, input).tableTerm } };
  } finally {
    release();
  }
}

export function isSameStream(a: Pick<ActiveRow, 'primary' | 'secondary'>, b: typeof a): boolean {
  return a.primary.id === b.primary.id && a.secondary.id === b.secondary.id;
}

/**
 * Changes the copy-active table under a higher term of it: durable here first, then at every other secondary of it but the one that leaves.
 * Throws where one cannot be reached; the rounds tell it later, and nothing is released before.
 */
export async function changeTable(
  controller: Controller,
  id: string,
  next: (table: ActiveTable) => ActiveTable,
  leaving?: string,
): Promise<void> {
  const { sessions } = controller;
  await sessions.sheets.update(
    id,
    atSecondary((table) => withTable(controller, table, next({ term: table.tableTerm, rows: table.table }))),
  );
  controller.step('session.table');
  const sheet = sessions.sheets.byId(id);
  if (!sheet?.secondary) return;
  const { tableTerm: term, table: rows } = sheet.secondary;
  // One that went is told where it can be, and orders nothing in any case.
  await tellTable(controller, sheet, { term, rows }, mustRecord(rows, controller.peers.self.id, leaving));
}

/** A system takes the parts of the session that concern it; what it knows beyond them stays. */
export async function putSession(
  controller: Controller,
  input: Input<'session.put'>,
): Promise<Answered<'session.put'>> {
  const { sessions } = controller;
  const { session: id, name, term, run, home, order, policy, keepsPolicy } = input;
  demandUnknown(controller, id, name);
  const fresh: SessionSheet = { version: 1, id, name, term, run, home, order, policy, primary: null, secondary: null };
  await sessions.sheets.update(
    id,
    (sheet) => {
      demandSessionTerm(controller, sheet, term);
      const kept = { ...sheet, term, policy: keepsPolicy ? sheet.policy : policy, run: Math.max(run, sheet.run) };
      return withSecondary(controller, withPrimary(controller, kept, input), input);
    },
    fresh,
  );
  controller.notify();
  const sheet = sessions.sheets.byId(id) ?? fresh;
  return { output: { sheet } };
}

/** Whose streams have resigned, so that another primary issues; durable here when it is answered. */
export async function resignedHere(
  controller: Controller,
  input: Input<'session.resigned'>,
): Promise<Answered<'session.resigned'>> {
  const { sessions } = controller;
  const config = { term: input.configTerm, rows: input.rows };
  await sessions.sheets.update(input.session, (sheet) => {
    demandSessionTerm(controller, sheet, input.term);
    return withPrimary(controller, sheet, { config });
  });
  controller.notify();
  return { output: { configTerm: sessions.sheets.byId(input.session)?.primary?.configTerm ?? 0 } };
}

function withSecondary(controller: Controller, sheet: SessionSheet, input: Input<'session.put'>): SessionSheet {
  const { config, active, policy } = input;
  const self = controller.peers.self.id;
  const isCoupled =
    config?.rows.some(({ coupled: to }) => to.some(({ id }) => id === self)) ||
    active?.rows.some(({ secondary }) => secondary.id === self);
  const present = sheet.secondary ?? (isCoupled ? emptySecondary(!policy.enableAtSecondary) : null);
  if (!present || !active || active.term <= present.tableTerm) return { ...sheet, secondary: present };
  return { ...sheet, secondary: withTable(controller, present, active) };
}

/** Two sessions of one name would be told apart by nobody. */
function demandUnknown({ sessions, place }: Controller, id: string, name: string): void {
  const other = sessions.sheets.named(name);
  if (!other || other.id === id) return;
  throw failure(
    'already-exists',
    `${place.name} takes part in another checkpoint session ${name}.`,
    'Give the new one another name, or delete the old one there.',
  );
}

function notHome({ place }: Controller, name: string): Error {
  return failure(
    'session-refuses',
    `${place.name} does not hold the configuration table of session ${name}.`,
    `copyset checkpoint status ${name} shows its home.`,
  );
}
