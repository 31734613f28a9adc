import { failure, type Milliseconds } from '../../foundation/foundation.js';
import type { FailbackWish } from '../../group/group.js';
import type { Controller } from '../open-controller.js';
import type { SystemRef } from './peers.js';
import { RETURN_LIMIT_MS } from './returning.js';

const RESTORE_ROUND_MS: Milliseconds = 2_000;

/** A secondary that was recovered, and the volume there from which it may still be brought back. */
interface KeptSecondary {
  readonly system: SystemRef;
  readonly name: string;
  readonly backup: string;
}

/**
 * The recovered volumes hold all that they show: as long as tracks of them lie on their backups, these cannot be used again nor given up.
 * Whoever waits does that copying where nobody else does. False where the time is up.
 */
export async function backupsRestored(
  { peers, ports }: Controller,
  kept: Iterable<KeptSecondary>,
  { wait, signal }: { readonly wait: FailbackWish['wait']; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  const deadlineMs = ports.clock.monotonicMs() + (wait?.timeoutMs ?? Number.POSITIVE_INFINITY);
  for (const { system, name, backup } of kept)
    for (;;) {
      if (signal?.aborted)
        throw failure('interrupted', 'Stopped; the way back begins where it is when it is run again.');
      const leftMs = deadlineMs - ports.clock.monotonicMs();
      if (leftMs <= 0) return false;
      const pairs = [{ primary: name, secondary: backup }];
      const input = { pairs, statuses: ['split', 'duplex'] as const, timeoutMs: Math.min(leftMs, RESTORE_ROUND_MS) };
      const { verdict } = await peers.ask(system, 'pair.wait', input, RESTORE_ROUND_MS + RETURN_LIMIT_MS);
      if (verdict === 'reached') break;
      if (verdict === 'timed-out') continue;
      throw failure(
        'status-refuses',
        `${system.name}:${name} cannot be brought back whole from ${backup}: its pair is ${verdict}.`,
        `copyset pair show ${system.name}:${name} tells why; mend the cause and run the same failback again.`,
      );
    }
  return true;
}
