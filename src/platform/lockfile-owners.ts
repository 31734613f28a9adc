import { realpathSync, statSync } from 'node:fs';
import type { LockOptions } from 'proper-lockfile';
import { assert, failure } from '../core/foundation/foundation.js';
import { FileError, type Grant, type GrantAnswer, type OwnerRecord, type Owners } from '../core/ports/ports.js';
import { fileError, systemCode } from './file-faults.js';
import {
  buryLock,
  collectLeftovers,
  discardStrange,
  inspectLock,
  isOwnedBy,
  lockPathOf,
  publishLock,
  releaseLock,
} from './owner-lock.js';
import type { OwnerIdentity } from './owner-record.js';
import { judge, processState, surroundings } from './proof-of-death.js';
import { monotonicMs } from './system-clock.js';
import { randomHex } from './system-random.js';

/** How often the library looks whether the lock is still ours, and the least time between looks of `Grant.lost`. */
const LOOK_MS = 1_000;
const LOOK_LEAST_MS = 50;
/** Rounds of one acquisition: each ends in an answer unless the lock changed hands in its middle. */
const ROUNDS_MAX = 100;

type Done<T> = (error: Error | null, value?: T) => void;

/**
 * The file functions that the library locks with. Publishing, checking and releasing are ours (owner-lock.ts); the library
 * keeps the registry of held locks, the regular look at them, and the call when one is lost. It takes nothing over by age:
 * to its question how old a lock is, the answer is always "as you left it" or "just now".
 */
class LockFiles {
  readonly #owner: OwnerIdentity;
  #markedAt = new Date();

  constructor(owner: OwnerIdentity) {
    this.#owner = owner;
  }

  mkdir(path: string, done: Done<void>): void {
    answer(done, () => publishLock(path, this.#owner));
  }

  rmdir(path: string, done: Done<void>): void {
    answer(done, () => releaseLock(path, this.#owner.nonce));
  }

  /**
   * The library calls this when the process ends. The lock stays: threads of this process may still be writing, and only
   * its proved death lets the next owner in.
   */
  rmdirSync(): void {}

  stat(path: string, done: Done<{ mtime: Date }>): void {
    answer(done, () => {
      const found = inspectLock(path);
      if (found.kind === 'owned' && found.owner.nonce === this.#owner.nonce) return { mtime: this.#markedAt };
      if (found.kind === 'free' || found.kind === 'strange')
        throw Object.assign(new Error('no lock'), { code: 'ENOENT' });
      return { mtime: new Date() };
    });
  }

  utimes(path: string, _accessed: Date, modified: Date, done: Done<void>): void {
    answer(done, () => {
      if (!isOwnedBy(path, this.#owner.nonce)) throw Object.assign(new Error('not our lock'), { code: 'ENOENT' });
      this.#markedAt = modified;
    });
  }
}

function answer<T>(done: Done<T>, call: () => T): void {
  let value: T;
  try {
    value = call();
  } catch (error) {
    process.nextTick(done, error);
    return;
  }
  process.nextTick(done, null, value);
}

class LockGrant implements Grant {
  readonly #lockPath: string;
  readonly #nonce: string;
  readonly #listeners: (() => void)[] = [];
  #unlock: (() => Promise<void>) | undefined;
  #state: 'held' | 'lost' | 'released' = 'held';
  #lookedMs = monotonicMs();

  constructor(lockPath: string, nonce: string) {
    this.#lockPath = lockPath;
    this.#nonce = nonce;
  }

  get lost(): boolean {
    const nowMs = monotonicMs();
    if (this.#state === 'held' && nowMs - this.#lookedMs >= LOOK_LEAST_MS) {
      this.#lookedMs = nowMs;
      if (!this.#isOurs()) this.markLost();
    }
    return this.#state === 'lost';
  }

  onLost(listener: () => void): void {
    if (this.#state === 'lost') listener();
    else this.#listeners.push(listener);
  }

  async release(): Promise<void> {
    if (this.#state === 'released') return;
    if (this.#state === 'held') this.#state = 'released';
    const unlock = this.#unlock;
    this.#unlock = undefined;
    try {
      await unlock?.();
    } catch (error) {
      // A lock that was lost is no longer in the library's registry.
      const code = systemCode(error);
      if (code !== 'ERELEASED' && code !== 'ENOTACQUIRED') throw fileError(error, 'release', this.#lockPath);
    }
  }

  /** What cannot be read may be anyone's: then it is lost, and nothing more is written. */
  #isOurs(): boolean {
    try {
      return isOwnedBy(this.#lockPath, this.#nonce);
    } catch {
      return false;
    }
  }

  acquired(unlock: () => Promise<void>): void {
    this.#unlock = unlock;
  }

  markLost(): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

async function acquire(systemPath: string, purpose: string): Promise<GrantAnswer> {
  const system = canonicalFolder(systemPath);
  const lockPath = lockPathOf(system);
  let last: OwnerIdentity | undefined;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const found = look(lockPath);
    if (found === undefined) {
      const grant = await tryLock(system, lockPath, purpose);
      if (grant !== undefined) {
        collectLeftovers(system, isProvedDead);
        return { kind: 'granted', grant };
      }
      continue;
    }
    last = found;
    const verdict = judge(found);
    if (verdict === 'alive') return { kind: 'held', owner: publicPart(found) };
    if (verdict === 'foreign') return { kind: 'foreign', owner: publicPart(found) };
    attempt(lockPath, () => buryLock(lockPath, found, ownIdentity(purpose)));
  }
  if (last === undefined) throw new FileError('io', 'own', systemPath);
  return { kind: 'held', owner: publicPart(last) };
}

/** Undefined when someone was quicker. */
async function tryLock(system: string, lockPath: string, purpose: string): Promise<Grant | undefined> {
  // Loading it costs as much as a whole small command, and most commands need no lock.
  const { default: lockfile } = await import('proper-lockfile');
  const owner = ownIdentity(purpose);
  const grant = new LockGrant(lockPath, owner.nonce);
  const options: LockOptions = {
    lockfilePath: lockPath,
    realpath: false,
    retries: 0,
    stale: 2 ** 31 - 2,
    update: LOOK_MS,
    fs: new LockFiles(owner),
    onCompromised: () => grant.markLost(),
  };
  try {
    grant.acquired(await lockfile.lock(system, options));
    return grant;
  } catch (error) {
    if (systemCode(error) === 'ELOCKED') return undefined;
    // Something else took the path between our look and the rename.
    if (inspectLock(lockPath).kind === 'strange') return undefined;
    throw fileError(error, 'own', system);
  }
}

function ownIdentity(purpose: string): OwnerIdentity {
  const self = processState('self');
  // Without a start time others would take this process for dead.
  assert(self !== undefined && Number.isSafeInteger(self.start), 'the start time of this process can be read');
  return {
    ...surroundings(),
    pid: process.pid,
    start: self.start,
    nonce: randomHex(16),
    purpose,
  };
}

/** The record at the lock's path, or undefined when the lock is free. */
function look(lockPath: string): OwnerIdentity | undefined {
  const found = attempt(lockPath, () => inspectLock(lockPath));
  if (found.kind === 'owned') return found.owner;
  if (found.kind === 'free') return undefined;
  throw failure(
    'metadata-damaged',
    `${lockPath} is not a lock of this program: ${found.what}.`,
    'If no process works on the system, remove it: copyset system check --break-lock',
    { details: { path: lockPath } },
  );
}

function current(systemPath: string): OwnerRecord | undefined {
  const owner = look(lockPathOf(systemPath));
  return owner === undefined || judge(owner) === 'dead' ? undefined : publicPart(owner);
}

function breakLock(systemPath: string): OwnerRecord | undefined {
  const lockPath = lockPathOf(canonicalFolder(systemPath));
  return attempt(lockPath, () => {
    const found = inspectLock(lockPath);
    if (found.kind === 'strange') discardStrange(lockPath, randomHex(16));
    if (found.kind !== 'owned') return undefined;
    buryLock(lockPath, found.owner, ownIdentity('break-lock'));
    return publicPart(found.owner);
  });
}

function isProvedDead(owner: OwnerIdentity): boolean {
  return judge(owner) === 'dead';
}

function publicPart({ host, pid, purpose }: OwnerIdentity): OwnerRecord {
  return { host, pid, purpose };
}

/** One name for each system, however it was reached: the library keeps its registry by name. */
function canonicalFolder(systemPath: string): string {
  const path = attempt(systemPath, () => realpathSync(systemPath));
  if (!attempt(path, () => statSync(path)).isDirectory()) throw new FileError('not-regular', 'own', systemPath);
  return path;
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, 'own', path);
  }
}

/** The Owners port by proper-lockfile, with the lock's publishing and takeover made safe (docs/decisions/0011). */
export function lockfileOwners(): Owners {
  return { acquire, current, breakLock };
}
