/**
 * One contender of the lock campaigns (lock-takeover.ts). It is told what to do by messages, and says what came of it.
 */
import { closeSync, openSync, rmSync } from 'node:fs';
import type { Grant } from '../../src/core/ports/ports.js';
import { lockfileOwners } from '../../src/platform/platform.js';

/** `atMs` is a wall time at which all contenders begin together. */
export interface WorkerOrder {
  readonly do: 'take' | 'release';
  readonly system: string;
  readonly atMs: number;
}

export interface WorkerReport {
  readonly kind: 'ready' | 'granted' | 'held' | 'foreign' | 'released' | 'failed' | 'overlap';
  readonly text?: string;
}

const owners = lockfileOwners();
let grant: Grant | undefined;

function report(answer: WorkerReport): void {
  process.send?.(answer);
}

/** While it owns the system a contender holds a file that can be made only once: a second owner cannot miss the first. */
function witness(system: string): string {
  return `${system}/witness`;
}

async function take(order: WorkerOrder): Promise<void> {
  while (Date.now() < order.atMs) {
    // Spinning, so that all begin within the same instant.
  }
  const answer = await owners.acquire(order.system, `contender ${process.pid}`);
  if (answer.kind !== 'granted') {
    report({ kind: answer.kind });
    return;
  }
  grant = answer.grant;
  try {
    closeSync(openSync(witness(order.system), 'wx'));
  } catch {
    report({ kind: 'overlap' });
    return;
  }
  report({ kind: 'granted' });
}

async function release(order: WorkerOrder): Promise<void> {
  rmSync(witness(order.system), { force: true });
  await grant?.release();
  report({ kind: 'released' });
}

process.on('message', (order: WorkerOrder) => {
  const work = order.do === 'release' ? release(order) : take(order);
  work.catch((error: unknown) => report({ kind: 'failed', text: String(error) }));
});
process.on('disconnect', () => process.exit(0));
report({ kind: 'ready' });
