import { failure } from '../../foundation/foundation.js';
import { changeSessionPolicy, SESSION_POLICY_DEFAULT, type SessionReport } from '../../session/session.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { removeOrphans } from './dropping.js';
import { listedSession, sessionReport } from './reports.js';
import { demandSessionTerm, emptyPrimary, partsOf, systemsOf } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

const FIRST_TERM = 1;

/** Answers at the system that holds the configuration table from now on. */
export async function createSession(
  controller: Controller,
  { session, order, policy, enableAtSecondary }: Input<'session.create'>,
): Promise<Answered<'session.create'>> {
  const { sessions, ports, peers } = controller;
  if (sessions.sheets.named(session))
    throw failure('already-exists', `${controller.place.name} knows a checkpoint session ${session} already.`);
  const id = ports.random.id('session');
  const fresh = {
    version: 1 as const,
    id,
    name: session,
    term: FIRST_TERM,
    run: 0,
    home: peers.self,
    order,
    policy: { ...changeSessionPolicy(SESSION_POLICY_DEFAULT, policy), enableAtSecondary },
    primary: { ...emptyPrimary(), configTerm: 1 },
    secondary: null,
  };
  await sessions.sheets.update(id, (sheet) => sheet, fresh);
  controller.step('session.created');
  return { output: { session: await listedSession(controller, id) } };
}

/** Answers at the home system; the others learn of it, those out of reach with the next change. */
export async function setSessionPolicy(
  controller: Controller,
  { session, change }: Input<'session.policy'>,
): Promise<Answered<'session.policy'>> {
  const { sessions, peers } = controller;
  const { id, policy } = sessions.sheets.demand(session);
  const next = changeSessionPolicy(policy, change);
  const isSame = JSON.stringify(next) === JSON.stringify(policy);
  if (!isSame) await sessions.sheets.update(id, (sheet) => ({ ...sheet, policy: next }));
  const sheet = sessions.sheets.demand(session);
  // Said again, it reaches those that an order which was cut short did not.
  for (const system of systemsOf(controller, sheet)) await peers.ask(system, 'session.put', partsOf(sheet));
  controller.notify();
  return { output: { session: await listedSession(controller, id), outcome: isSame ? 'nothing' : 'done' } };
}

/** A session goes when no pair of it is left. */
export async function deleteSession(
  controller: Controller,
  { session }: Input<'session.delete'>,
): Promise<Answered<'session.delete'>> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.demand(session);
  const systems = systemsOf(controller, sheet);
  const others = systems.filter(({ id }) => id !== peers.self.id);
  for (const system of others) await peers.ask(system, 'session.drop', { session: sheet.id, term: sheet.term });
  await dropHere(controller, { session: sheet.id, term: sheet.term });
  return { output: { name: session, systems: systems.length } };
}

export async function dropHere(
  controller: Controller,
  input: Input<'session.drop'>,
): Promise<Answered<'session.drop'>> {
  const { sessions, streams, catalog, place } = controller;
  const sheet = sessions.sheets.byId(input.session);
  if (!sheet) return { output: {} };
  demandSessionTerm(controller, sheet, input.term);
  const pair = [...catalog.pairs.values()].find(({ remote }) => remote?.journal?.session === input.session);
  if (pair)
    throw failure(
      'session-refuses',
      `Session ${sheet.name} has pairs at ${place.name}.`,
      `Delete them first: copyset pair delete ${controller.address(pair.primary)}.`,
    );
  await sessions.sheets.update(input.session, () => null);
  controller.step('session.dropped');
  await sessions.forget(input.session);
  await streams.forget(input.session);
  await removeOrphans(controller);
  return { output: {} };
}

export async function listSessionsHere(controller: Controller): Promise<Answered<'session.list'>> {
  const sheets = controller.sessions.sheets.all();
  const reports: SessionReport[] = [];
  for (const sheet of sheets) reports.push(await sessionReport(controller, sheet));
  return { output: { sheets, reports } };
}
