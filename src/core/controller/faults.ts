import * as v from 'valibot';
import { FAULT_TABLE } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import { type Clock, FileError, type Files, type OpenFile, type Random } from '../ports/ports.js';
import { type DocumentFormat, readDocument, replaceDocumentNow, writeDocument } from '../storage/storage.js';
import type { FaultRow } from './control/requests.js';

const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const count = v.optional(natural);

const faultsFormat: DocumentFormat<readonly FaultRow[]> = {
  format: 'copyset-faults',
  version: 1,
  schema: v.array(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('volume-blocked'), volume: v.string(), count }),
      v.strictObject({
        kind: v.literal('io-error'),
        volume: v.string(),
        track: v.optional(natural),
        on: v.optional(v.picklist(['read', 'write'])),
        count,
      }),
      v.strictObject({ kind: v.literal('no-space'), count }),
      v.strictObject({ kind: v.literal('clock-skew'), byMs: v.pipe(v.number(), v.finite()), count }),
      v.strictObject({ kind: v.literal('link-down'), peer: v.string(), count }),
      v.strictObject({
        kind: v.literal('link-slow'),
        peer: v.string(),
        delayMs: v.optional(natural),
        bytesPerSecond: v.optional(natural),
        count,
      }),
      v.strictObject({ kind: v.literal('crash'), step: v.string(), nth: v.optional(natural), count }),
    ]),
  ),
};

/** The named steps at which `fault set --kind crash` can end the process, in the order of an operation's course. */
export const CRASH_STEPS = [
  'region.activated',
  'save.written',
  'save.cleared',
  'fill.written',
  'fill.cleared',
  'supersede.written',
  'supersede.cleared',
  'copy.landed',
  'copy.flushed',
  'copy.cleared',
  'copy.completed',
  'aside.written',
  'aside.saved',
  'send.arrived',
  'send.settled',
  'send.cleared',
  'send.ended',
  'mirror.answered',
  'journal.appended',
  'journal.begun',
  'journal.left-over',
  'journal.entered',
  'journal.degraded',
  'journal.abandoned',
  'journal.renewed',
  'journal.redone',
  'journal.withdrawn',
  'checkpoint.gated',
  'checkpoint.placed',
  'stream.open',
  'stream.sent',
  'receive.landed',
  'receive.written',
  'receive.flushed',
  'fetch.landed',
  'half.made',
  'half.opened',
  'half.told',
  'half.closed',
  'half.collected',
  'half.taken',
  'half.merged',
  'formation.frozen',
  'formation.drained',
  'formation.prepare',
  'formation.decided',
  'formation.commit',
  'formation.revert',
  'formation.thawed',
  'group.prepare',
  'group.commit',
  'group.revert',
  'recovery.fenced',
  'recovery.judged',
  'group.fenced',
  'group.judged',
  'group.settled',
  'group.carried',
  'failback.closed',
  'failback.finished',
  'group.home',
  'half.taken-over',
  'half.returned',
  'split.ready',
  'split.gated',
  'split.logged',
  'split.prepared',
  'split.opened',
  'split.decided',
  'split.committed',
  'split.undone',
  'split.adopted',
  'session.created',
  'session.dropped',
  'session.coupled',
  'session.table',
  'session.active',
  'session.started',
  'session.halted',
  'session.issued',
  'stream.opened',
  'stream.renewed',
  'stream.remade',
  'stream.received',
  'stream.appended',
  'session.entered',
  'session.decided',
  'session.released',
  'session.flushed',
  'session.applied',
  'session.shown',
  'session.folding',
  'session.folded',
  'session.resetting',
  'session.reset',
  'session.withdrawing',
  'session.kept',
  'session.withdrawn',
  'session.resigned',
  'session.joined',
  'session.fenced',
  'session.judged',
  'session.settled',
  'session.carried',
  'session.home',
  'pair.gated',
  'pair.logged',
  'pair.durable',
  'volume.made',
  'volume.logged',
] as const;
/** The steps among them that only a pair between systems comes to. */
export const LINK_STEPS: readonly string[] = CRASH_STEPS.filter((step) =>
  /^(aside|send|mirror|receive|fetch|half)\./.test(step),
);
export type CrashStep = (typeof CRASH_STEPS)[number];

/** Which part of which volume an image file belongs to; a journal's belongs to none, and meets `no-space` alone. */
export interface FaultTarget {
  readonly volume: string | undefined;
  readonly trackSizeBytes: number;
}

/** The faults set on a fixture system. They are kept in a document and hold for every later command until cleared. */
export class Faults {
  rows: readonly FaultRow[];
  readonly #files: Files;
  readonly #folder: string;
  readonly #random: Random;
  readonly #die: (() => never) | null;
  readonly #reached = new Map<string, number>();
  #saving: Promise<void> = Promise.resolve();

  constructor(files: Files, folder: string, random: Random, die: (() => never) | null) {
    this.#files = files;
    this.#folder = folder;
    this.#random = random;
    this.#die = die;
    this.rows = readFaults(files, folder);
  }

  async set(row: FaultRow): Promise<void> {
    if (row.kind === 'crash' && !(CRASH_STEPS as readonly string[]).includes(row.step)) {
      throw failure('usage', `There is no crash step ${JSON.stringify(row.step)}.`, 'copyset fault steps lists them.');
    }
    const others = this.rows.filter((other) => !sameTarget(other, row));
    await this.#save([...others, row]);
  }

  async clear(kind: string | undefined): Promise<void> {
    await this.#save(kind === undefined ? [] : this.rows.filter((row) => row.kind !== kind));
  }

  /** A named step is reached; a crash fault on it ends the process as kill -9 would. */
  step(name: string): void {
    if (this.#die === null) return;
    for (const row of this.rows) {
      if (row.kind !== 'crash' || row.step !== name) continue;
      const times = (this.#reached.get(name) ?? 0) + 1;
      this.#reached.set(name, times);
      if (times < (row.nth ?? 1)) continue;
      this.#strikeOffNow(row);
      this.#die();
    }
  }

  /** The faults that strike an access to a volume's image, thrown as the file system would. */
  strike(target: FaultTarget, path: string, on: 'read' | 'write', offsetBytes: number, length: number): void {
    for (const row of this.rows) {
      if (row.kind === 'no-space' && on === 'write') this.#hit(row, new FileError('no-space', 'write', path));
      if (row.kind !== 'io-error' || row.volume !== target.volume || (row.on ?? on) !== on) continue;
      const first = Math.floor(offsetBytes / target.trackSizeBytes);
      const last = Math.floor((offsetBytes + length - 1) / target.trackSizeBytes);
      if (row.track === undefined || (row.track >= first && row.track <= last))
        this.#hit(row, new FileError('io', on, path));
    }
  }

  /** How far the order of events is shifted as this system sees it. */
  get skewNs(): bigint {
    let ns = 0n;
    for (const row of this.rows) if (row.kind === 'clock-skew') ns += BigInt(Math.round(row.byMs * 1e6));
    return ns;
  }

  /** What stands in the way of a message to or from a peer: throws `link-lost`, or takes its time. */
  async link(peer: string, clock: Clock, bytes: number): Promise<void> {
    for (const row of this.rows) {
      if (row.kind === 'link-down' && row.peer === peer) {
        this.#strikeOff(row);
        throw failure('link-lost', `The link to storage system ${peer} is down (fault link-down).`);
      }
      if (row.kind !== 'link-slow' || row.peer !== peer) continue;
      this.#strikeOff(row);
      await clock.sleep((row.delayMs ?? 0) + (row.bytesPerSecond ? (bytes * 1000) / row.bytesPerSecond : 0));
    }
  }

  /** Resolves when counts that struck are written down. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  #hit(row: FaultRow, error: FileError): never {
    this.#strikeOff(row);
    throw error;
  }

  #strikeOff(row: FaultRow): void {
    if (row.count !== undefined) {
      this.rows = withoutOne(this.rows, row);
      this.#saving = this.#saving.then(() => this.#save(this.rows));
    }
  }

  /** The process ends in this step: what it leaves in the page cache is what the next one reads. */
  #strikeOffNow(row: FaultRow): void {
    if (row.count === undefined) return;
    this.rows = withoutOne(this.rows, row);
    replaceDocumentNow(this.#files, `${this.#folder}/${FAULT_TABLE}`, faultsFormat, this.rows, this.#random);
  }

  async #save(rows: readonly FaultRow[]): Promise<void> {
    this.rows = rows;
    await writeDocument(this.#files, `${this.#folder}/${FAULT_TABLE}`, faultsFormat, rows, this.#random);
  }
}

export function readFaults(files: Files, folder: string): readonly FaultRow[] {
  const reading = readDocument(files, `${folder}/${FAULT_TABLE}`, faultsFormat);
  return reading.kind === 'present' ? reading.body : [];
}

/** The clock of a fixture system: the order of events is shifted while a fault says so. */
export function skewedClock(clock: Clock, faults: Faults): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    toldMs: (sinceMs) => clock.toldMs(sinceMs),
    sequenceNs: () => clock.sequenceNs() + faults.skewNs,
    bootId: () => clock.bootId(),
    sleep: (spanMs, signal) => clock.sleep(spanMs, signal),
    yieldTurn: () => clock.yieldTurn(),
  };
}

/** Files through which the images and journals of a fixture system are reached: every access asks the faults first. */
export function faultyFiles(files: Files, faults: Faults, targetOf: (path: string) => FaultTarget | undefined): Files {
  const wrapped: Files = Object.create(files) as Files;
  wrapped.open = (path, mode) => {
    const file = files.open(path, mode);
    const target = targetOf(path);
    return target ? faultyFile(file, faults, target) : file;
  };
  for (const name of METHODS)
    (wrapped as unknown as Record<string, unknown>)[name] = (files[name] as (...args: never[]) => unknown).bind(files);
  return wrapped;
}

const METHODS = [
  'status',
  'identity',
  'list',
  'makeFolder',
  'rename',
  'remove',
  'removeFolder',
  'flushFolder',
  'bulkBuffer',
  'freeBytes',
  'placement',
] as const satisfies readonly (keyof Files)[];

function faultyFile(file: OpenFile, faults: Faults, target: FaultTarget): OpenFile {
  return {
    path: file.path,
    sizeBytes: () => file.sizeBytes(),
    read(into, position) {
      faults.strike(target, file.path, 'read', position, into.length);
      return file.read(into, position);
    },
    write(source, position) {
      // A journal's segment has its room from the start: only making one, in bulk, can find none.
      if (target.volume !== undefined) faults.strike(target, file.path, 'write', position, source.length);
      file.write(source, position);
    },
    truncate: (size) => file.truncate(size),
    flush: () => file.flush(),
    async writeBulk(source, position) {
      faults.strike(target, file.path, 'write', position, source.length);
      await file.writeBulk(source, position);
    },
    async readBulk(into, position) {
      faults.strike(target, file.path, 'read', position, into.length);
      return file.readBulk(into, position);
    },
    close: () => file.close(),
  };
}

function withoutOne(rows: readonly FaultRow[], row: FaultRow): readonly FaultRow[] {
  const left = (row.count ?? 1) - 1;
  return rows.flatMap((other) => (other !== row ? [other] : left > 0 ? [{ ...row, count: left }] : []));
}

function sameTarget(a: FaultRow, b: FaultRow): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'crash' && b.kind === 'crash') return a.step === b.step;
  if ('volume' in a && 'volume' in b)
    return a.volume === b.volume && (a as { track?: number }).track === (b as { track?: number }).track;
  if ('peer' in a && 'peer' in b) return a.peer === b.peer;
  return true;
}
