import { failure } from '../../foundation/foundation.js';
import type { RequestExtras } from '../control/requests.js';
import type { Controller } from '../open-controller.js';

/** What a work that goes through a whole volume does between its pieces. */

export function demandGoing(extras: RequestExtras): void {
  if (extras.signal?.aborted)
    throw failure('interrupted', 'Stopped before the end.', 'Run it again; what was written so far is kept.');
}

/** Tells how far it is, and lets other requests in. */
export async function breathe(
  controller: Pick<Controller, 'ports'>,
  extras: RequestExtras,
  operation: string,
  done: number,
  total: number,
): Promise<void> {
  extras.onProgress?.({ operation, done, total, unit: 'bytes' });
  await controller.ports.clock.yieldTurn();
}
