import { failure } from '../../foundation/foundation.js';
import type { SystemRef } from '../../group/group.js';
import type { HalfRecord } from '../../pair/pair.js';
import { type Anchor, type ClockMark, digitsOf, judgeAnchors, judgeClock, timeAt } from '../../sequence/sequence.js';
import type { ConfigTable, PrimaryTable, SessionSheet } from '../../session/session.js';
import { isLoss } from '../../transfer/transfer.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { halvesOf } from './receive.js';
import { isDegradedAtPrimary } from './reports.js';
import { atPrimary, atSecondary } from './sheets.js';
import { demandSessionTerm, partsOf, primariesOf, sessionGone, systemsOf, withPrimary } from './tables.js';

type Input<Code extends keyof Requests> = Requests[Code]['input'];

/** Starts the session at all its primaries; secondaries join by it, unless they are to be started themselves (DESIGN.md 6). */
export async function startSession(controller: Controller, name: string): Promise<'done' | 'nothing'> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.demand(name);
  const own = sheet.primary?.config.some(({ system }) => system.id === peers.self.id);
  if (!own && sheet.home.id !== peers.self.id) return enableHere(controller, sheet);
  if (await runsEverywhere(controller, sheet)) return 'nothing';
  const run = sheet.primary?.state === 'running' ? sheet.run : sheet.run + 1;
  await agreeAnchor(controller, sheet.id, () => tellRun(controller, sheet.id, run));
  controller.step('session.started');
  controller.notify();
  return 'done';
}

/**
 * One that was cut short may have reached this system and not the one that began it, which comes last: each is asked. Throws `link-lost`
 * where one that has to run cannot be.
 */
async function runsEverywhere(controller: Controller, sheet: SessionSheet): Promise<boolean> {
  if (sheet.primary?.state !== 'running' || !isAnchored(controller, sheet)) return false;
  const stamping = new Set(sheet.primary.config.map(({ system }) => system.id));
  for (const system of primariesOf(controller, sheet)) {
    if (system.id === controller.peers.self.id) continue;
    const { state, anchor } = await lookAt(controller, sheet, system);
    if (state === 'stopped' || (anchor === null && stamping.has(system.id))) return false;
  }
  return true;
}

/**
 * Everybody knows the run before anybody is active in it. Who resigned and is not there hears of it when it joins; of a run that goes on all
 * have heard.
 */
async function tellRun(controller: Controller, id: string, run: number): Promise<void> {
  const { sessions, peers } = controller;
  const isNew = run > (sessions.sheets.byId(id)?.run ?? 0);
  await sessions.sheets.update(id, (present) => ({ ...present, run: Math.max(run, present.run) }));
  const sheet = sessions.sheets.byId(id);
  if (!sheet) throw sessionGone();
  const parts = { ...partsOf(sheet), keepsPolicy: sheet.home.id !== peers.self.id };
  const rows = (sheet.primary?.config ?? []).filter(({ resignedAt }) => resignedAt === null);
  const needed = new Set(
    [sheet.home, ...rows.flatMap(({ system, coupled }) => [system, ...coupled])].map((one) => one.id),
  );
  for (const system of systemsOf(controller, sheet))
    await peers.ask(system, 'session.put', parts).catch((error: unknown) => {
      if (!isLoss(error) || (isNew && needed.has(system.id))) throw error;
    });
}

/** This system comes last: as long as it is not told, whoever asks again has the others told once more. */
function selfLast({ peers }: Controller, systems: readonly SystemRef[]): readonly SystemRef[] {
  const self = peers.self.id;
  return [...systems.filter(({ id }) => id !== self), ...systems.filter(({ id }) => id === self)];
}

async function enableHere({ sessions }: Controller, { id, secondary }: SessionSheet): Promise<'done' | 'nothing'> {
  if (!secondary || secondary.enabled) return 'nothing';
  await sessions.sheets.update(
    id,
    atSecondary((table) => ({ ...table, enabled: true })),
  );
  return 'done';
}

/** Stops it at all its primaries: no checkpoint is issued, and hosts' writes are marked. What is held can still be applied. */
export async function stopSession(controller: Controller, name: string): Promise<'done' | 'nothing'> {
  const { sessions, peers } = controller;
  const sheet = sessions.sheets.demand(name);
  if (!sheet.primary) throw failure('session-refuses', `Session ${name} is stopped at one of its primaries.`);
  if (sheet.primary.state === 'stopped') return 'nothing';
  for (const system of selfLast(controller, primariesOf(controller, sheet)))
    await peers.ask(system, 'session.halt', { session: sheet.id, term: sheet.term });
  return 'done';
}

export async function haltHere(
  controller: Controller,
  input: Input<'session.halt'>,
): Promise<Answered<'session.halt'>> {
  const { sessions } = controller;
  await sessions.sheets.update(input.session, (sheet) => {
    demandSessionTerm(controller, sheet, input.term);
    return atPrimary((table) => ({ ...table, state: 'stopped' }))(sheet);
  });
  controller.step('session.halted');
  controller.notify();
  return { output: {} };
}

/** Whether this host's clock is a sequence clock of the session now: without one nothing is recorded, whatever the order. */
export function isAnchored({ ports }: Controller, { primary }: SessionSheet): boolean {
  return primary?.anchor?.boot === ports.clock.bootId();
}

/**
 * All primaries have one anchor, above all that any of them ever stamped or saw (H24), and the session runs at each. Throws
 * `clock-unbounded` where their clocks are not one. `before` is done once that is settled, before any of them runs.
 */
export async function agreeAnchor(
  controller: Controller,
  id: string,
  before: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { sessions, ports, peers } = controller;
  const sheet = sessions.sheets.byId(id);
  if (!sheet) throw sessionGone();
  const systems = primariesOf(controller, sheet);
  const inClock = new Set(sheet.primary?.config.map(({ system }) => system.id));
  const marks: (ClockMark & { readonly readNs: bigint })[] = [];
  for (const system of systems) {
    if (!inClock.has(system.id)) continue;
    const { clock, mark, readNs } = await lookAt(controller, sheet, system);
    if (sheet.order === 'clock' && !clock.trusted) throw clockRefused(sheet.name, system.name);
    marks.push({ ...mark, readNs });
  }
  const verdict = judgeAnchors(marks, ports.clock.sequenceNs(), ports.clock.nowMs());
  if (sheet.order === 'clock' && verdict.kind === 'differ')
    throw clockRefused(sheet.name, systems.find((one) => verdict.systems.includes(one.id))?.name ?? '?');
  if (sheet.order === 'clock' && verdict.kind === 'ahead')
    throw failure(
      'session-refuses',
      `The clocks of session ${sheet.name} are behind what was stamped before.`,
      'Try again in a moment.',
    );
  // Without a clock order each system stamps by its own; the arrival at the gates is the order.
  const agreed = 'anchor' in verdict ? verdict.anchor : null;
  await before();
  for (const system of selfLast(controller, systems)) {
    const own = marks.find((mark) => mark.system === system.id);
    const anchor = agreed ?? (own ? ownAnchor(own, ports.clock.nowMs()) : UNANCHORED);
    await peers.ask(system, 'session.active', { session: id, term: sheet.term, from: peers.self, anchor });
  }
}

/** A system that stamps nothing is active without one. */
const UNANCHORED: Anchor = { boot: 'none', offsetNs: '0', agreedAtMs: 0 };

/** One in use stays; another is above all that was ever stamped there. */
function ownAnchor({ anchor, boot, mark, readNs }: ClockMark & { readonly readNs: bigint }, nowMs: number): Anchor {
  if (anchor?.boot === boot) return anchor;
  const agreedAtMs = Math.trunc(nowMs);
  const wallNs = BigInt(agreedAtMs) * 1_000_000n;
  const above = BigInt(mark) + 1n;
  return { boot, offsetNs: ((above > wallNs ? above : wallNs) - readNs).toString(), agreedAtMs };
}

/** What a system says of its clock, and whether it read it between the question and the answer. */
export async function lookAt(controller: Controller, { id, term, primary }: SessionSheet, system: SystemRef) {
  const { ports, peers } = controller;
  const ownBoot = ports.clock.bootId();
  const askedNs = ports.clock.sequenceNs();
  const config = primary ? { term: primary.configTerm, rows: primary.config } : undefined;
  const input = { session: id, term, from: peers.self, anchor: null, config };
  const output = await peers.ask(system, 'session.active', input);
  const answeredNs = ports.clock.sequenceNs();
  const { clock: mark, seen, state } = output;
  const readNs = BigInt(output.readNs);
  await adoptConfig(controller, id, { term: output.configTerm, rows: output.config });
  const clock = judgeClock({ ownBoot, askedNs, answeredNs, theirBoot: mark.boot, readNs });
  // One of an earlier boot stamps nothing.
  const anchor = mark.anchor?.boot === mark.boot ? mark.anchor : null;
  return { system: system.id, state, seen, anchor, clock, mark, readNs };
}

/** Who could not be reached when the configuration changed hears of it from whoever knows, so that it does not issue beside another (H22). */
async function adoptConfig(controller: Controller, id: string, config: ConfigTable): Promise<void> {
  const { sessions } = controller;
  if (config.term <= (sessions.sheets.byId(id)?.primary?.configTerm ?? config.term)) return;
  await sessions.sheets.update(id, (sheet) => withPrimary(controller, sheet, { config }));
}

/** Answers at a primary. With an anchor it runs from now on; without one it only says how its clock stands. */
export async function activeHere(
  controller: Controller,
  input: Input<'session.active'>,
): Promise<Answered<'session.active'>> {
  const { sessions, ports, peers } = controller;
  const present = sessions.sheets.byId(input.session);
  if (!present?.primary) throw failure('session-not-found', 'No primary of the session lies here.');
  demandSessionTerm(controller, present, input.term);
  const { anchor, config } = input;
  if (config) await adoptConfig(controller, input.session, config);
  const readNs = clockHere(controller, present);
  if (anchor) {
    await sessions.sheets.update(
      input.session,
      atPrimary((table) => ({ ...table, state: 'running', anchor })),
    );
    controller.step('session.active');
    controller.notify();
  }
  const { primary } = sessions.sheets.byId(input.session) ?? present;
  const own = primary ?? present.primary;
  const mark = digitsOf(highestTime(controller, present));
  return {
    output: {
      state: own.state,
      clock: { system: peers.self.id, boot: ports.clock.bootId(), anchor: own.anchor, mark },
      readNs: digitsOf(readNs),
      seen: own.seen,
      configTerm: own.configTerm,
      config: own.config,
      away: awayFrom(controller, present.id, own),
    },
  };
}

/** A pair that follows and tracks still, as after a start, is in its stream in a moment: nothing has to come as differences before. */
function awayFrom(controller: Controller, id: string, { state, streams }: PrimaryTable): readonly string[] {
  const isAway = (half: HalfRecord) =>
    isDegradedAtPrimary([half]) && (state === 'stopped' || half.state.status !== 'duplex');
  const systems = streams.map(({ secondary }) => secondary.id);
  return systems.filter((system) => halvesOf(controller, id, 'primary', system).some(isAway));
}

/** The host's clock, never below what the last record was stamped with: one that was ahead is seen to have been. */
function clockHere({ sessions, ports }: Controller, { id, primary }: SessionSheet): bigint {
  const nowNs = ports.clock.sequenceNs();
  const anchor = primary?.anchor;
  if (anchor?.boot !== ports.clock.bootId()) return nowNs;
  const stampedNs = sessions.lastStamped(id) - timeAt(anchor, 0n);
  if (stampedNs > nowNs) return stampedNs;
  return nowNs;
}

/** Nothing here was ever stamped or seen above this. */
function highestTime({ sessions, ports }: Controller, { id, primary }: SessionSheet): bigint {
  const issued = BigInt(primary?.issued?.time ?? '0');
  const anchor = primary?.anchor;
  // What was stamped in this boot was stamped by now.
  const now = anchor?.boot === ports.clock.bootId() ? timeAt(anchor, ports.clock.sequenceNs()) : 0n;
  const stamped = now === 0n ? sessions.lastStamped(id) : 0n;
  return issued > stamped ? issued : stamped;
}

export function clockRefused(session: string, system: string): Error {
  return failure(
    'clock-unbounded',
    `The clock of ${system} is not the one of the other primaries of session ${session}, so no order by time can be kept.`,
    'Make the session with --order arrival: its checkpoints close the gates of all primaries for a moment.',
  );
}
