import type { PairRecord } from '../../pair/pair.js';
import type { Controller } from '../open-controller.js';
import { pairEvent } from '../sessions/history.js';

interface PairDeed {
  readonly operation: 'copy' | 'link' | 'suspend';
  readonly code: string;
  readonly message: string | null;
}

/** What happened to a pair by itself. */
export function notePair(controller: Controller, before: PairRecord, after: PairRecord, deed: PairDeed): void {
  const { operation, code, message } = deed;
  controller.record({
    code,
    phase: 'end',
    operation,
    primary: controller.address(after.primary),
    secondary: controller.address(after.secondary),
    before: before.state.status,
    after: after.state.status,
    tracks: null,
    seconds: null,
    message,
    actor: 'copier',
    id: controller.ports.random.id(`${operation} ${after.number}`),
    session: pairEvent(controller, before, after, message),
  });
}
