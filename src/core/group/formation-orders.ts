import type { FormationEnd, FormationState, Order, Step, StepFailure, StepReport } from './formation-words.js';
import type { FormationRecord, NumberedGroup } from './record.js';

export function everyone({ plan }: FormationState): readonly string[] {
  return plan.parts.map(({ system }) => system.id);
}

export function ordersOf(state: FormationState, step: Step, to: readonly string[]): Order[] {
  const { sequence, term, coordinationLimitMs, drainLimitMs, thenStopSending, parts } = state.plan;
  return to.map((id): Order => {
    const relationshipIds = parts.find(({ system }) => system.id === id)?.relationshipIds ?? [];
    switch (step) {
      case 'coordinate':
        return { kind: step, to: id, sequence, term, coordinationLimitMs, drainLimitMs, relationshipIds };
      case 'commit':
      case 'revert':
        return { kind: step, to: id, sequence, term, relationshipIds };
      case 'prepare':
        return { kind: step, to: id, group: groupOf(state) };
      case 'thaw': {
        const stopSending = thenStopSending && state.phase === 'thawing' && state.end.outcome === 'formed';
        return { kind: step, to: id, sequence, term, stopSending };
      }
      default:
        return { kind: step, to: id, sequence, term };
    }
  });
}

export function groupOf({ plan: { sequence, term, memberList, practice }, timeMs }: FormationState): NumberedGroup {
  return { sequence, term, timeMs: timeMs ?? 0, memberList, ...(practice ? { practice } : {}) };
}

export function recordOf(
  state: FormationState,
  decision: FormationRecord['decision'],
  phase: FormationRecord['phase'],
): FormationRecord {
  return { ...groupOf(state), decision, phase };
}

export function endOf(
  state: FormationState,
  outcome: FormationEnd['outcome'],
  failure: StepFailure | null,
): FormationEnd {
  const reports = Object.values(state.reports);
  const numbers = (key: keyof StepReport): number[] => reports.flatMap((report) => report[key] ?? []);
  const longest = (key: 'pauseMs' | 'drainMs'): number | null =>
    numbers(key).length === 0 ? null : Math.max(...numbers(key));
  const tracks = numbers('tracks');
  return {
    sequence: state.plan.sequence,
    outcome,
    settled: true,
    failure: outcome === 'formed' ? null : failure,
    timeMs: state.timeMs,
    pauseMs: longest('pauseMs'),
    drainMs: longest('drainMs'),
    tracks: tracks.length === 0 ? null : tracks.reduce((sum, count) => sum + count, 0),
  };
}
