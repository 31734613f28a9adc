import { type Checkpoint, sameCheckpoint, timeOf } from '../../../src/core/sequence/sequence.js';
import {
  type ActiveTable,
  counting,
  enterStream,
  joinSystem,
  mustRecord,
  type RoundReport,
  resignSystem,
} from '../../../src/core/session/session.js';
import { hold, type Pair, type Primary, type Rec, type Receive, type Secondary, type Steps } from './model-words.js';
import type { World } from './model-world.js';

/** What comes is durable before it is answered. What does not go on from the end is not taken. */
export function receive(self: Secondary, from: Primary, first: number, batch: readonly Rec[]): number {
  const stream = streamFrom(self, from);
  if (first <= stream.records.length + 1) stream.records.push(...batch.slice(stream.records.length + 1 - first));
  return stream.records.length;
}

function streamFrom(self: Secondary, from: Primary): Receive {
  const stream = self.streams.find((one) => one.from === from);
  if (stream === undefined) throw new Error('a primary sends where it is coupled');
  return stream;
}

/** A direct copy counts only behind the withdraw that it belongs to. */
export function direct(pair: Pair, block: number, value: number, place: number): boolean {
  if (pair.secondary.releasing !== null && pair.secondary.applied !== pair.secondary.releasing) return false;
  const stream = streamFrom(pair.secondary, pair.primary);
  if (stream.voidBefore.get(pair.id) !== place || pair.mode === 'journalled') return false;
  const content = pair.secondary.content.get(pair.id);
  if (content) content[block] = value;
  return true;
}

export function reportOf(self: Secondary): RoundReport {
  const { releasing, applied, resetTo, active } = self;
  return {
    system: self.ref.id,
    tableTerm: active.term,
    releasing,
    applied,
    resetTo,
    streams: self.streams.map((stream) => ({
      primary: stream.from.ref.id,
      held: stream.withdrawing ? [] : heldIn(stream, applied),
      degraded: stream.records.findLast((one) => one.kind === 'checkpoint')?.whole === false,
      returning: self.backups.size > 0 ? 'backup' : 'no',
    })),
  };
}

function heldIn(stream: Receive, applied: Checkpoint | null): readonly Checkpoint[] {
  return stream.records.flatMap((one) =>
    one.kind === 'checkpoint' &&
    one.whole &&
    one.seq >= stream.heldFrom &&
    one.checkpoint.number > (applied?.number ?? 0)
      ? [one.checkpoint]
      : [],
  );
}

interface Told {
  readonly report: RoundReport;
  readonly active: ActiveTable;
}

/** The asker's table is durable here before the answer, unless another is newer. */
function collectAt(world: World, self: Secondary, table: ActiveTable): Told {
  record(world, self, table);
  return { report: reportOf(self), active: self.active };
}

function record(world: World, self: Secondary, told: ActiveTable): boolean {
  const { kind } = world.rules.judgeTable(self.active, told);
  if (kind === 'adopt') self.active = told;
  return kind === 'adopt' || kind === 'same';
}

/** Undefined where a newer table came up. */
function* collect(world: World, self: Secondary): Steps<readonly RoundReport[] | undefined> {
  const { active } = self;
  const reports: RoundReport[] = [];
  for (const other of world.secondaries) {
    if (other === self) continue;
    const told = yield* world.ask(other, () => collectAt(world, other, active));
    if (told === undefined) continue;
    if (told.active.term > self.active.term) record(world, self, told.active);
    reports.push(told.report);
  }
  if (self.active !== active) return undefined;
  return [...reports, reportOf(self)];
}

/** One round of the master: collect, decide, carry out. */
export function* round(world: World, self: Secondary): Steps {
  if (self.busy || world.rules.secondaryMaster(self.active.rows)?.id !== self.ref.id) return;
  self.busy = {};
  const { active } = self;
  const reports = yield* collect(world, self);
  yield;
  if (reports !== undefined && self.active === active) yield* carryOut(world, self, reports);
  self.busy = null;
}

function* carryOut(world: World, self: Secondary, reports: readonly RoundReport[]): Steps {
  const { active } = self;
  const decision = world.rules.decideRound({ active, reports });
  switch (decision.kind) {
    case 'release':
    case 'finish': {
      world.counts.releases++;
      const { checkpoint, to } = decision;
      const order = (system: Secondary) => release(system, active.term, checkpoint);
      // The master's own comes first: nobody else knows of it before it is durable here.
      if (to.includes(self.ref.id)) order(self);
      for (const other of others(world, self, to)) yield* world.ask(other, () => order(other));
      return;
    }
    case 'reset': {
      const { checkpoint, to } = decision;
      const order = (system: Secondary) => reset(world, system, active.term, checkpoint);
      if (to.includes(self.ref.id)) order(self);
      for (const other of others(world, self, to)) yield* world.ask(other, () => order(other));
      return;
    }
    case 'enter': {
      const table = decision.streams.reduce((made, one) => enterStream(made, one, one.number), active);
      const rows = { term: active.term + 1, rows: table.rows };
      if (yield* spread(world, self, rows)) world.counts.enters++;
      return;
    }
    default:
      return;
  }
}

function others(world: World, self: Secondary, ids: readonly string[]): readonly Secondary[] {
  return world.secondaries.filter((one) => one !== self && ids.includes(one.ref.id));
}

/** Everybody else first, the maker last. */
function* spread(world: World, self: Secondary, table: ActiveTable, leaving?: string): Steps<boolean> {
  const before = self.active;
  for (const other of others(world, self, mustRecord(table.rows, self.ref.id, leaving)))
    if ((yield* world.ask(other, () => record(world, other, table))) !== true) return false;
  return self.active === before && record(world, self, table);
}

/** A person takes a system out, or brings it back; made on top of the newest table that anybody has. */
export function* changeTable(world: World, self: Secondary, system: { id: string }, how: 'resign' | 'join'): Steps {
  if (self.busy) return;
  self.busy = {};
  const newest = yield* newestOf(world, self, how === 'resign' ? system.id : undefined);
  if (newest) {
    record(world, self, newest);
    const table = how === 'resign' ? resignSystem(newest, system.id, 0) : joinSystem(newest, system.id);
    const leaving = how === 'resign' ? system.id : undefined;
    const done = table !== newest && (yield* spread(world, self, table, leaving));
    if (done) world.counts[how === 'resign' ? 'resigns' : 'joins']++;
  }
  self.busy = null;
}

/** Undefined where a system that stays was not heard. */
function* newestOf(world: World, self: Secondary, leaving: string | undefined): Steps<ActiveTable | undefined> {
  let newest = self.active;
  for (const other of world.secondaries) {
    if (other === self || other.ref.id === leaving) continue;
    const told = yield* world.ask(other, () => other.active);
    if (told === undefined) return undefined;
    if (told.term > newest.term) newest = told;
  }
  return newest;
}

function release(self: Secondary, term: number, checkpoint: Checkpoint): void {
  if (term !== self.active.term) return;
  const standing = Math.max(self.releasing?.number ?? 0, self.applied?.number ?? 0, self.resetTo);
  if (checkpoint.number <= standing) return;
  for (const row of ownRows(self, checkpoint.number)) {
    const stream = self.streams.find(({ from }) => from.ref.id === row.primary.id);
    const holds = stream?.records.some(
      (one) =>
        one.kind === 'checkpoint' &&
        one.whole &&
        one.seq >= stream.heldFrom &&
        sameCheckpoint(one.checkpoint, checkpoint),
    );
    hold(holds === true, `checkpoint ${checkpoint.number} was released to a system that does not hold it`);
  }
  self.releasing = checkpoint;
}

function reset(world: World, self: Secondary, term: number, checkpoint: Checkpoint): void {
  const { releasing, applied } = self;
  if (term !== self.active.term || applied === null || !sameCheckpoint(applied, checkpoint)) return;
  if (releasing !== null && !sameCheckpoint(releasing, checkpoint)) return;
  if (releasing !== null) world.counts.resets++;
  self.releasing = null;
  self.resetTo = checkpoint.number;
}

function ownRows(self: Secondary, number: number) {
  return counting(self.active.rows, number).filter(({ secondary }) => secondary.id === self.ref.id);
}

/** The update in progress: record after record, from the start again after a crash; durable as a whole at its end. */
export function* apply(self: Secondary): Steps {
  const { releasing } = self;
  if (releasing === null || (self.applied !== null && sameCheckpoint(self.applied, releasing))) return;
  yield* applyUpTo(self, releasing);
}

export function* applyUpTo(self: Secondary, target: Checkpoint): Steps {
  const done: (() => void)[] = [];
  for (const row of ownRows(self, target.number)) {
    const stream = self.streams.find(({ from }) => from.ref.id === row.primary.id);
    if (!stream) continue;
    const upTo = stream.records.findIndex((one) => stampOf(one) > timeOf(target));
    const part = stream.records.slice(stream.applied, upTo < 0 ? undefined : upTo);
    for (const one of part) {
      yield;
      if (one.kind === 'write' && !isVoid(stream, one)) self.content.get(one.pair)?.splice(one.block, 1, one.value);
    }
    done.push(() => {
      stream.applied += part.length;
      for (const one of part) if (one.kind === 'enter' && !isVoid(stream, one)) self.entered.add(one.pair);
      for (const pair of stream.from.pairs) if (pair.secondary === self) self.backups.delete(pair.id);
    });
  }
  for (const one of done) one();
  self.applied = target;
}

/** A checkpoint's record counts by the checkpoint's own time. */
function stampOf(one: Rec): bigint {
  return one.kind === 'checkpoint' ? timeOf(one.checkpoint) : one.time;
}

function isVoid(stream: Receive, one: Rec & { readonly pair: string }): boolean {
  return one.seq < (stream.voidBefore.get(one.pair) ?? 0);
}

/** Before the first direct copy: nothing is held of the stream any more, and what was released is applied. */
export function* withdraw(world: World, pair: Pair, place: number): Steps<boolean> {
  const self = pair.secondary;
  const stream = streamFrom(self, pair.primary);
  const mine = {};
  yield;
  if (!self.up || stream.withdrawing) return false;
  stream.withdrawing = mine;
  const may = yield* mayWithdraw(world, self);
  // A crash forgot it.
  if (stream.withdrawing !== mine) return false;
  stream.withdrawing = null;
  if (!may) return false;
  if (world.rules.withdrawVoids) stream.heldFrom = Math.max(stream.heldFrom, place);
  stream.voidBefore.set(pair.id, place);
  const content = self.content.get(pair.id);
  if (self.entered.has(pair.id) && !self.backups.has(pair.id)) self.backups.set(pair.id, [...(content ?? [])]);
  world.counts.withdraws++;
  return true;
}

/** The secondary asks its master, which collects anew between two rounds. */
function* mayWithdraw(world: World, self: Secondary): Steps<boolean> {
  const master = world.secondaries.find(({ ref }) => ref.id === world.rules.secondaryMaster(self.active.rows)?.id);
  const ask = self.active;
  if (!master?.up || master.busy || world.chance.in(10)) return false;
  if (world.rules.secondaryMaster(master.active.rows)?.id !== master.ref.id) return false;
  const { active } = master;
  const mine = {};
  master.busy = mine;
  const reports = yield* collect(world, master);
  if (master.busy !== mine) return false;
  master.busy = null;
  if (reports === undefined || self.active !== ask || self.active.term !== active.term) return false;
  return world.rules.judgeWithdraw({ active, reports }, self.ref.id).kind === 'go';
}
