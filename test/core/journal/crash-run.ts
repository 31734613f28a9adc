import { expect } from 'vitest';
import { type Journal, type NewRecord, recordBytes } from '../../../src/core/journal/journal.js';
import { Rng, SimFiles, WorldStopped } from '../../simulation/world/world.js';
import { create, dataOf, ISSUER, newJournal, open, PAIR } from './stage.js';

/** What the journal was told, and what it promised. */
class Model {
  /** By sequence, from 1 on. The last one may be in the middle of its append. */
  readonly appended: NewRecord[] = [];
  /** So many appends returned. */
  returned = 0;
  durable = 0;
  trimmed = 0;
}

/** How many crashes there were, and how many found a tail cut, records lost, segments used again: what a run must have met. */
export interface Met {
  crashes: number;
  torn: number;
  lost: number;
  trimmed: number;
}

/** Lives of one journal: each appends, makes durable and trims at random, and ends in a crash at one of its store calls. */
export async function crashRun(seed: number, lives: number, met: Met): Promise<void> {
  const rng = new Rng(seed);
  let files = new SimFiles();
  await create(files, 'boot-0');
  const near = seed % 2 === 0 ? await newJournal(new SimFiles(), 1e9) : undefined;
  const model = new Model();
  let boot = 0;
  for (let life = 0; life < lives; life++) {
    files.process.stopAtCall(files.process.calls + 1 + rng.below(rng.pick([8, 40, 160])));
    await stopped(() => live(files, rng, model, `boot-${boot}`, near));
    const kind = rng.pick(['kill', 'power'] as const);
    files = files.crash(rng.next(), kind);
    // A part of a machine may lose power alone: then the open segment goes on behind the cut.
    if (kind === 'power' && rng.chance(0.5)) boot += 1;
    await check(files, kind, model, `boot-${boot}`, met);
    if (near === undefined) model.appended.length = model.returned;
    met.crashes += 1;
  }
}

async function stopped(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof WorldStopped)) throw error;
  }
}

async function live(files: SimFiles, rng: Rng, model: Model, bootId: string, near: Journal | undefined): Promise<void> {
  const { journal } = open(files, bootId);
  const under: Promise<void>[] = [];
  for (;;) {
    const step = rng.below(10);
    if (step < 6) await (near ? receiveSome(journal, rng, model, near) : appendSome(journal, rng, model));
    else if (step < 8) under.push(settled(madeDurable(journal, model)));
    else if (step === 8) under.push(settled(trimSome(journal, rng, model)));
    else await Promise.all(under.splice(0));
    if (!files.process.alive) return;
  }
}

/** A process that ended leaves promises behind that nobody waits for. */
function settled(work: Promise<void>): Promise<void> {
  return work.catch((error: unknown) => {
    if (!(error instanceof WorldStopped) && (error as { cause?: unknown }).cause instanceof WorldStopped) return;
    if (!(error instanceof WorldStopped)) throw error;
  });
}

function anyRecord(rng: Rng, time: bigint, dataMaxBytes: number): NewRecord {
  const kind = rng.pick(['write', 'write', 'write', 'enter', 'leave', 'checkpoint', 'confirm'] as const);
  if (kind === 'confirm') return { kind, time, number: rng.below(100) };
  if (kind === 'checkpoint')
    return { kind, time, upTo: time - 1n, number: rng.below(100), issuer: ISSUER, term: 3, whole: rng.chance(0.5) };
  if (kind !== 'write') return { kind, time, pair: PAIR };
  const lengthBytes = rng.below(rng.pick([64, 2_000, dataMaxBytes]) + 1);
  return { kind, time, pair: PAIR, offset: rng.below(2 ** 30), data: dataOf(rng.below(256), lengthBytes) };
}

async function appendSome(journal: Journal, rng: Rng, model: Model): Promise<void> {
  let time = journal.lastTime;
  for (let count = 1 + rng.below(4); count > 0; count--) {
    time += BigInt(1 + rng.below(1000));
    const record = anyRecord(rng, time, journal.dataMaxBytes);
    await demandRoom(journal, recordBytes(record.kind === 'write' ? record.data.length : 12));
    model.appended.push(record);
    journal.append(record);
    model.returned += 1;
  }
}

/** The records come from a journal of another system, which has them all. */
async function receiveSome(journal: Journal, rng: Rng, model: Model, near: Journal): Promise<void> {
  while (near.nextSequence < journal.nextSequence + 4) {
    const record = anyRecord(rng, near.lastTime + 1n, journal.dataMaxBytes);
    await demandRoom(near, recordBytes(near.dataMaxBytes));
    near.append(record);
    model.appended.push(record);
  }
  const { bytes } = near.read(journal.nextSequence, rng.below(20_000));
  if (journal.roomFor(bytes.length) === 'full') await journal.trim(journal.nextSequence - 1);
  while (journal.roomFor(bytes.length) === 'unprepared') await journal.prepare();
  journal.appendEncoded(bytes);
  model.returned = journal.nextSequence - 1;
}

async function demandRoom(journal: Journal, bytes: number): Promise<void> {
  if (journal.roomFor(bytes) === 'full') await journal.trim(journal.nextSequence - 1);
  if (journal.roomFor(bytes) === 'unprepared') await journal.prepare();
}

async function madeDurable(journal: Journal, model: Model): Promise<void> {
  const upTo = journal.nextSequence - 1;
  await journal.durable();
  model.durable = Math.max(model.durable, upTo);
}

async function trimSome(journal: Journal, rng: Rng, model: Model): Promise<void> {
  const first = journal.firstSequence;
  const upTo = first - 1 + rng.below(journal.nextSequence - first + 1);
  model.trimmed = Math.max(model.trimmed, upTo);
  await journal.trim(upTo);
}

async function check(files: SimFiles, kind: 'kill' | 'power', model: Model, bootId: string, met: Met): Promise<void> {
  const { journal, tail } = open(files, bootId);
  const there = journal.nextSequence - 1;
  expect(there).toBeGreaterThanOrEqual(kind === 'kill' ? model.returned : model.durable);
  expect(there).toBeLessThanOrEqual(model.appended.length);
  expect(journal.firstSequence).toBeLessThanOrEqual(model.trimmed + 1);
  const expected = model.appended.slice(journal.firstSequence - 1, there);
  const found = [...journal.records(journal.firstSequence)];
  expect(found.map(({ sequence }) => sequence)).toEqual(expected.map((_, index) => journal.firstSequence + index));
  expect(found.map(textOf)).toEqual(expected.map(textOf));
  if (tail === 'torn') met.torn += 1;
  if (there < model.returned) met.lost += 1;
  if (journal.firstSequence > 1) met.trimmed += 1;
  model.returned = there;
  model.trimmed = Math.min(model.trimmed, there);
  await journal.close();
}

/** All that a record says but its number, quick to compare. */
function textOf(record: NewRecord): string {
  const data = record.kind === 'write' ? Buffer.from(record.data).toString('latin1') : '';
  const { kind, time, pair, upTo, number, issuer, term, whole, offset } = record as unknown as Record<string, unknown>;
  return [kind, time, pair, upTo, number, issuer, term, whole, offset, data].join(' ');
}
