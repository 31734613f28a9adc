import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatOwner, type OwnerIdentity } from '../../src/platform/owner-record.js';
import { lockfileOwners } from '../../src/platform/platform.js';
import { surroundings } from '../../src/platform/proof-of-death.js';
import type { WorkerOrder, WorkerReport } from './lock-worker.js';

export interface TakeoverResult {
  readonly rounds: number;
  /** Rounds by how many contenders got the lock; only one owner in each is right. */
  readonly ownersPerRound: Readonly<Record<number, number>>;
  /** Owners that met another owner's witness. */
  readonly overlaps: number;
  readonly failures: readonly string[];
  /** What lies in the folder after one owner more. */
  readonly left: readonly string[];
  readonly elapsedMs: number;
}

const START_AHEAD_MS = 2;

/** A record of an owner that is dead for sure: its process has ended, and its start time is not that of a later one. */
export function deadOwner(parts: Partial<OwnerIdentity> = {}): OwnerIdentity {
  const pid = parts.pid ?? spawnSync('true').pid;
  const nonce = randomBytes(16).toString('hex');
  return { ...surroundings(), start: 1, nonce, purpose: 'dead', ...parts, pid };
}

/** Puts the lock of an owner in place as that owner would have left it. */
export function plantOwner(system: string, owner: OwnerIdentity): void {
  mkdirSync(join(system, 'owner.lock'));
  symlinkSync(formatOwner(owner), join(system, 'owner.lock', 'owner'));
}

class Contender {
  readonly child: ChildProcess;

  constructor() {
    this.child = fork(new URL('./lock-worker.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
  }

  async answer(): Promise<WorkerReport> {
    const [report] = (await once(this.child, 'message')) as [WorkerReport];
    return report;
  }

  async ask(order: WorkerOrder): Promise<WorkerReport> {
    const answer = this.answer();
    this.child.send(order);
    return answer;
  }

  async kill(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}

interface Campaign {
  readonly system: string;
  readonly contenders: Contender[];
  readonly ownersPerRound: Record<number, number>;
  readonly failures: string[];
  overlaps: number;
}

async function withContenders(count: number, work: (campaign: Campaign) => Promise<number>): Promise<TakeoverResult> {
  const system = mkdtempSync(join(tmpdir(), 'copyset-takeover-'));
  const contenders = Array.from({ length: count }, () => new Contender());
  const campaign: Campaign = { system, contenders, ownersPerRound: {}, failures: [], overlaps: 0 };
  try {
    await Promise.all(contenders.map((contender) => contender.answer()));
    const startMs = performance.now();
    const rounds = await work(campaign);
    const { ownersPerRound, overlaps, failures } = campaign;
    const elapsedMs = performance.now() - startMs;
    const left = await leftByAll(campaign);
    return { rounds, ownersPerRound, overlaps, failures, left, elapsedMs };
  } finally {
    for (const { child } of contenders) child.kill('SIGKILL');
    rmSync(system, { recursive: true, force: true });
  }
}

/** What they leave behind them when all are killed, and one owner comes after them. */
async function leftByAll({ system, contenders }: Campaign): Promise<readonly string[]> {
  await Promise.all(contenders.map((contender) => contender.kill()));
  rmSync(join(system, 'witness'), { force: true });
  const answer = await lockfileOwners().acquire(system, 'after all');
  if (answer.kind === 'granted') await answer.grant.release();
  return readdirSync(system);
}

/** All contenders try at the same instant. The answer: who got it. */
async function contend(campaign: Campaign): Promise<Contender[]> {
  const { system, contenders, ownersPerRound, failures } = campaign;
  const atMs = Date.now() + START_AHEAD_MS;
  const reports = await Promise.all(contenders.map((contender) => contender.ask({ do: 'take', system, atMs })));
  const winners = contenders.filter((_, index) => ['granted', 'overlap'].includes(reports[index]?.kind ?? ''));
  ownersPerRound[winners.length] = (ownersPerRound[winners.length] ?? 0) + 1;
  for (const report of reports) {
    if (report.kind === 'failed') failures.push(report.text ?? '');
    if (report.kind === 'overlap') campaign.overlaps += 1;
  }
  return winners;
}

/** After a round the lock is free; if not, that is a failure, and the next round starts afresh. */
function clear({ system, failures }: Campaign): void {
  for (const name of ['owner.lock', 'witness']) {
    if (!existsSync(join(system, name))) continue;
    failures.push(`${name} was left`);
    rmSync(join(system, name), { recursive: true });
  }
}

/** Rounds in which eight processes meet the lock of one dead owner at the same instant. */
export async function takeDeadOwnersLock(rounds: number, contenderCount = 8): Promise<TakeoverResult> {
  const { pid } = deadOwner();
  return withContenders(contenderCount, async (campaign) => {
    for (let round = 0; round < rounds; round += 1) {
      plantOwner(campaign.system, deadOwner({ pid }));
      const winners = await contend(campaign);
      for (const winner of winners) await winner.ask({ do: 'release', system: campaign.system, atMs: 0 });
      clear(campaign);
    }
    return rounds;
  });
}

/** Rounds in which the owner is killed with kill -9 and the others take over from it at once. */
export async function takeKilledOwnersLock(rounds: number, contenderCount = 4): Promise<TakeoverResult> {
  return withContenders(contenderCount, async (campaign) => {
    for (let round = 0; round < rounds; round += 1) {
      const winners = await contend(campaign);
      if (winners.length !== 1) break;
      const [winner] = winners as [Contender];
      await winner.kill();
      unlinkSync(join(campaign.system, 'witness'));
      const replacement = new Contender();
      campaign.contenders[campaign.contenders.indexOf(winner)] = replacement;
      await replacement.answer();
    }
    return rounds;
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const rounds = Number(process.argv[2] ?? 1_000);
  console.log('dead owner', await takeDeadOwnersLock(rounds));
  console.log('killed owner', await takeKilledOwnersLock(Math.ceil(rounds / 20)));
}
