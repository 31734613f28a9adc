import { failure } from '../foundation/foundation.js';
import type { FormationEnd, FormationPlan, StepFailure } from './formation-words.js';
import type { GroupFailure, GroupMember, MasterTable } from './record.js';
import { partsOf } from './settle.js';

/** A formation about to begin: the table to make durable first, then the plan to carry out. */
export interface Begun {
  readonly table: MasterTable;
  readonly plan: FormationPlan;
}

export interface Beginning {
  readonly name: string;
  /** A single formation is refused while a member waits for its first duplex; a running group goes on with the others. */
  readonly single: boolean;
  readonly thenStopSending?: boolean | undefined;
}

/** Gives the next formation its number. Throws where none may begin now. */
export function beginNext(table: MasterTable, { name, single, thenStopSending = false }: Beginning): Begun {
  demandOwn(table, name);
  if (table.last?.phase === 'open') {
    const hint = 'It is settled first, as soon as every remote of it can be reached.';
    throw failure('undecided', `Formation ${table.last.sequence} of group ${name} is not settled.`, hint);
  }
  const members = readyMembers(table, name, single);
  const sequence = table.sequence + 1;
  const memberList = members.map(({ relationshipId, secondary }) => ({ relationshipId, secondary }));
  const { term, policy, practice } = table;
  const drill = practice ? { practice } : {};
  const last = { sequence, term, timeMs: 0, memberList, ...drill, decision: 'none', phase: 'open' } as const;
  const plan: FormationPlan = {
    sequence,
    term,
    coordinationLimitMs: policy.coordinationLimitMs,
    drainLimitMs: policy.drainLimitMs,
    parts: partsOf(members),
    memberList,
    thenStopSending,
    ...drill,
  };
  return { table: { ...table, sequence, last }, plan };
}

/** The table after a formation, or after settling one. Its record is written by the machine's own orders. */
export function afterEnd(table: MasterTable, end: FormationEnd, nowMs: number): MasterTable {
  if (end.outcome !== 'formed') {
    const failedCount = table.failedCount + 1;
    return { ...table, failedCount, lastFailure: failureRow(end.failure, nowMs) ?? table.lastFailure };
  }
  const { sequence, timeMs, pauseMs, drainMs, tracks } = end;
  const { practice: _, ...undrilled } = table;
  return {
    ...(table.last?.practice ? undrilled : table),
    formedCount: table.formedCount + 1,
    lastFormed: {
      sequence,
      timeMs: timeMs ?? nowMs,
      pauseMs: pauseMs ?? 0,
      drainMs: drainMs ?? 0,
      tracks: tracks ?? 0,
    },
  };
}

function failureRow(found: StepFailure | null, timeMs: number): GroupFailure | null {
  return found === null ? null : { ...found, timeMs };
}

function demandOwn({ handedOver }: MasterTable, name: string): void {
  if (!handedOver) return;
  throw failure('not-master', `Group ${name} has another master now.`, 'copyset cg status names it.');
}

function readyMembers({ members }: MasterTable, name: string, single: boolean): readonly GroupMember[] {
  const ready = members.filter(({ joined }) => joined === 'member');
  const waiting = members.filter(({ joined }) => joined === 'waiting');
  const [first] = waiting;
  if (first && (single || ready.length === 0)) {
    const more = waiting.length > 1 ? ` and ${waiting.length - 1} more` : '';
    throw failure(
      'member-not-ready',
      `${addressOf(first.primary)}${more} of group ${name} was not yet copied to its remote.`,
      `It takes part from its first duplex on: copyset pair wait ${addressOf(first.primary)} --status duplex.`,
    );
  }
  if (ready.length > 0) return ready;
  throw failure('member-not-ready', `Group ${name} has no members.`, `copyset cg add ${name} adds one.`);
}

function addressOf({ system, name }: GroupMember['primary']): string {
  return `${system.name}:${name}`;
}
