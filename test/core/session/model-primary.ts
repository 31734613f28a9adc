import { type Checkpoint, type ClockMark, digitsOf } from '../../../src/core/sequence/sequence.js';
import { issuedIn, joinPrimary, primaryMaster, resignPrimary } from '../../../src/core/session/session.js';
import { direct, receive, withdraw } from './model-secondary.js';
import type { Pair, Primary, Steps, Transmit } from './model-words.js';
import { append, lastTime, streamOf, type World } from './model-world.js';

/** A host's write: it depends on every one before it, on whichever system. */
export function write(world: World, pair: Pair): void {
  const block = world.chance.below(pair.blocks.length);
  const time = pair.mode === 'journalled' ? world.stamp(pair.primary) : null;
  if (pair.mode === 'journalled' && time === null) return;
  const value = ++world.writes;
  if (time === null) pair.map.add(block);
  else append(streamOf(pair), { kind: 'write', time, pair: pair.id, block, value });
  world.nextWrite.set(pair.blocks[block] ?? 0, value);
  pair.blocks[block] = value;
}

/** What the journal still holds of the pair is marked before it is left: a superset of what the secondary lacks. */
export function degrade(world: World, pair: Pair, lost: Transmit['records'] = []): void {
  const stream = streamOf(pair);
  for (const record of [...stream.records, ...lost])
    if (record.kind === 'write' && record.pair === pair.id) pair.map.add(record.block);
  pair.mode = 'tracking';
  pair.wholeSince = null;
  world.counts.degrades++;
}

/** A power loss: what was not flushed is gone from the journal, and every pair tracks. */
export function losePower(world: World, primary: Primary): void {
  world.stop(primary);
  for (const stream of primary.streams) {
    const lost = stream.records.splice(stream.durable);
    for (const pair of primary.pairs)
      if (streamOf(pair) === stream && pair.mode === 'journalled') degrade(world, pair, lost);
  }
  for (const pair of primary.pairs) pair.wholeSince = null;
}

export function* send(world: World, stream: Transmit, from: Primary): Steps {
  stream.durable = stream.records.length;
  const batch = stream.records.slice(stream.sent, Math.min(stream.durable, stream.sent + 1 + world.chance.below(8)));
  const first = stream.sent + 1;
  const upTo = yield* world.ask(stream.to, () => receive(stream.to, from, first, batch));
  if (upTo !== undefined) stream.sent = upTo;
}

/** The pair comes back: what differs is copied directly, what is left goes as records, then the pair is entered. */
export function* comeBack(world: World, pair: Pair): Steps {
  const stream = streamOf(pair);
  if (pair.mode === 'journalled') return;
  const place = stream.records.length + 1;
  if (!(yield* withdraw(world, pair, place))) return;
  for (const block of [...pair.map]) {
    if (pair.map.size <= 1 && world.chance.in(2)) break;
    const value = pair.blocks[block] ?? 0;
    const done = yield* world.ask(pair.secondary, () => direct(pair, block, value, place), 'once');
    if (done === true && pair.blocks[block] === value) pair.map.delete(block);
  }
  yield;
  if (pair.map.size > 1 || world.anchorOf(pair.primary) === null) return;
  pair.mode = 'journalled';
  for (const block of [...pair.map]) {
    yield;
    const time = world.stamp(pair.primary);
    if (time === null) return;
    append(stream, { kind: 'write', time, pair: pair.id, block, value: pair.blocks[block] ?? 0 });
    stream.durable = stream.records.length;
    pair.map.delete(block);
  }
  const time = world.stamp(pair.primary);
  if (time === null) return;
  append(stream, { kind: 'enter', time, pair: pair.id });
  pair.entered = true;
  pair.wholeSince = time;
}

function wholeSinceOf(primary: Primary, stream: Transmit): bigint | null {
  const entered = primary.pairs.filter((pair) => streamOf(pair) === stream && pair.entered);
  if (entered.length === 0 || entered.some(({ wholeSince, map }) => wholeSince === null || map.size > 0)) return null;
  return entered.reduce((last, { wholeSince }) => (wholeSince && wholeSince > last ? wholeSince : last), 0n);
}

function place(world: World, primary: Primary, configTerm: number, checkpoint: Checkpoint): void {
  for (const stream of primary.streams) {
    const placed = stream.records.flatMap((one) => (one.kind === 'checkpoint' ? [one] : []));
    const seen = Math.max(0, ...placed.map((one) => one.checkpoint.number));
    const now = world.stamp(primary);
    const wholeSince = wholeSinceOf(primary, stream);
    const told = { configTerm, checkpoint };
    const last = placed.at(-1) ?? null;
    const verdict = world.rules.judgePlace({ configTerm: primary.table.configTerm, seen, last, now, wholeSince, told });
    if (verdict.kind !== 'place' || now === null) continue;
    append(stream, { kind: 'checkpoint', time: now, checkpoint, whole: verdict.placed.whole });
  }
  primary.table = { ...primary.table, seen: Math.max(primary.table.seen, checkpoint.number) };
}

/** The master draws a time, looks at all clocks, and issues. */
export function* issue(world: World, self: Primary): Steps {
  const time = world.stamp(self);
  const others = [];
  for (const other of world.primaries) {
    if (other === self) continue;
    const askedNs = world.stamp(self) ?? 0n;
    const told = yield* world.ask(other, () => ({
      seen: other.table.seen,
      anchor: world.anchorOf(other),
      readNs: world.stamp(other),
    }));
    const answeredNs = world.stamp(self) ?? 0n;
    if (told === undefined) continue;
    const boots = { ownBoot: world.bootName, theirBoot: world.bootName };
    const readNs = told.readNs ?? answeredNs;
    const clock = world.rules.judgeClock({ ...boots, askedNs, readNs, answeredNs });
    others.push({ system: other.ref.id, seen: told.seen, anchor: told.anchor, clock });
  }
  const verdict = world.rules.judgeIssue({ self: self.ref.id, order: 'clock', table: self.table, time, others });
  if (verdict.kind === 'untrusted') world.counts.voids++;
  if (verdict.kind !== 'issue') return;
  const { checkpoint } = verdict;
  self.table = issuedIn(self.table, checkpoint);
  const { configTerm } = self.table;
  place(world, self, configTerm, checkpoint);
  for (const other of world.primaries)
    if (other !== self && verdict.to.includes(other.ref.id))
      yield* world.ask(other, () => place(world, other, configTerm, checkpoint));
}

/** After a reboot, and at the start: one anchor for all, or none. */
export function* agree(world: World, self: Primary): Steps {
  if (primaryMaster(self.table.config)?.id !== self.ref.id) return;
  const marks: ClockMark[] = [markOf(world, self)];
  for (const other of world.primaries) {
    if (other === self) continue;
    const mark = yield* world.ask(other, () => markOf(world, other));
    if (mark === undefined) return;
    marks.push(mark);
  }
  const clockNs = world.clockNs(self);
  if (marks.some(({ boot }) => boot !== world.bootName)) return;
  const verdict = world.rules.judgeAnchors(marks, clockNs, world.wallMs());
  if (verdict.kind !== 'agree' && verdict.kind !== 'keep') return;
  const { anchor } = verdict;
  const adopt = (primary: Primary): void => {
    if (world.anchorOf(primary) !== null || anchor.boot !== world.bootName) return;
    primary.table = { ...primary.table, anchor };
    world.counts.anchors++;
  };
  adopt(self);
  for (const other of world.primaries) if (other !== self) yield* world.ask(other, () => adopt(other));
}

function markOf(world: World, primary: Primary): ClockMark {
  const issued = BigInt(primary.table.issued?.time ?? '0');
  const last = lastTime(primary);
  const mark = digitsOf(issued > last ? issued : last);
  return { system: primary.ref.id, boot: world.bootName, anchor: world.anchorOf(primary), mark };
}

/** A person takes a primary out of the configuration table, or brings it back. */
export function* changeConfig(world: World, self: Primary, system: Primary, how: 'resign' | 'join'): Steps {
  let newest = { term: self.table.configTerm, rows: self.table.config };
  const others = world.primaries.filter((one) => one !== self && (how === 'join' || one !== system));
  for (const other of others) {
    const told = yield* world.ask(other, () => ({ term: other.table.configTerm, rows: other.table.config }));
    if (told === undefined) return;
    if (told.term > newest.term) newest = told;
  }
  const change = how === 'resign' ? resignPrimary : (table: typeof newest, id: string) => joinPrimary(table, id);
  const changed = change(newest, system.ref.id, self.table.seen);
  for (const other of others) if ((yield* world.ask(other, () => record(world, other, changed))) !== true) return;
  if (record(world, self, changed)) world.counts.masters++;
}

function record(world: World, primary: Primary, told: { term: number; rows: Primary['table']['config'] }): boolean {
  const own = { term: primary.table.configTerm, rows: primary.table.config };
  const { kind } = world.rules.judgeTable(own, told);
  if (kind === 'adopt') primary.table = { ...primary.table, configTerm: told.term, config: told.rows };
  return kind === 'adopt' || kind === 'same';
}
