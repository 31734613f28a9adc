import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from './file-faults.js';
import { formatOwner, type OwnerIdentity, parseOwner } from './owner-record.js';

const LOCK_NAME = 'owner.lock';
const RECORD_NAME = 'owner';
const LEFTOVER = /^owner\.lock\.(?<kind>new|dead|gone)\.[0-9a-f]{32}$/;
const TAKER = /^owner\.lock\.taker\.[0-9a-f]{32}$/;
/** What cannot be judged by who left it goes when it is so old: no taker is stopped for so long. */
const LEFTOVER_KEPT_MS = 24 * 3_600_000;

/** What lies at a lock's path. */
export type LockFinding =
  | { readonly kind: 'free' }
  | { readonly kind: 'owned'; readonly owner: OwnerIdentity }
  /** Nothing of ours: a file, a link, or a folder without a readable record. */
  | { readonly kind: 'strange'; readonly what: string };

export function lockPathOf(systemPath: string): string {
  return join(systemPath, LOCK_NAME);
}

export function inspectLock(lockPath: string): LockFinding {
  const found = lstatSync(lockPath, { throwIfNoEntry: false });
  if (found === undefined) return { kind: 'free' };
  if (!found.isDirectory()) return { kind: 'strange', what: 'no folder' };
  let text: string;
  try {
    text = readlinkSync(join(lockPath, RECORD_NAME));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return withoutRecord(lockPath);
    if (code === 'EINVAL' || code === 'ENOTDIR') return { kind: 'strange', what: 'a folder whose record is no link' };
    throw error;
  }
  const owner = parseOwner(text);
  return owner === undefined
    ? { kind: 'strange', what: 'a folder whose record cannot be read' }
    : { kind: 'owned', owner };
}

/** Gone meanwhile, or an empty folder (which is no lock: publishing replaces it), or one with something else in it. */
function withoutRecord(lockPath: string): LockFinding {
  try {
    if (readdirSync(lockPath).every((name) => name === RECORD_NAME)) return { kind: 'free' };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'free' };
    throw error;
  }
  return { kind: 'strange', what: 'a folder without a record' };
}

/** Whether the lock is this owner's now. */
export function isOwnedBy(lockPath: string, nonce: string): boolean {
  const found = inspectLock(lockPath);
  return found.kind === 'owned' && found.owner.nonce === nonce;
}

/** Makes the lock appear with its record in one step. Throws EEXIST where a lock is. */
export function publishLock(lockPath: string, owner: OwnerIdentity): void {
  const prepared = `${lockPath}.new.${owner.nonce}`;
  mkdirSync(prepared, { mode: 0o700 });
  try {
    // A link's text is metadata: after a power loss it is whole or not there, never empty.
    symlinkSync(formatOwner(owner), join(prepared, RECORD_NAME));
    renameSync(prepared, lockPath);
  } catch (error) {
    removeLock(prepared);
    if (systemCode(error) === 'ENOTEMPTY') throw Object.assign(error as Error, { code: 'EEXIST' });
    throw error;
  }
}

/** Removes this owner's lock, and nobody else's: who lives is never taken over, so nothing changes after the check. */
export function releaseLock(lockPath: string, nonce: string): void {
  if (!isOwnedBy(lockPath, nonce)) return;
  const gone = `${lockPath}.gone.${nonce}`;
  renameSync(lockPath, gone);
  removeLock(gone);
}

/**
 * Takes away a dead owner's lock by renaming it to its tombstone. Whoever judged the same owner and comes late fails at the tombstone,
 * so he cannot take away the lock of the next owner. The tombstone stays as long as such a taker may be on his way: each makes himself
 * known before he looks at the lock for the last time, and one who looks later finds the next owner's record there.
 */
export function buryLock(lockPath: string, dead: OwnerIdentity, taker: OwnerIdentity): void {
  const known = `${lockPath}.taker.${taker.nonce}`;
  symlinkSync(formatOwner(taker), known);
  try {
    // It may have let go before it ended, while it was judged; then the lock there is another's. One that died with it keeps it.
    if (isOwnedBy(lockPath, dead.nonce)) raiseTombstone(lockPath, dead);
  } finally {
    unlinkSync(known);
  }
}

/** The last step of a takeover, for a taker who is known to the others. */
export function raiseTombstone(lockPath: string, dead: OwnerIdentity): void {
  try {
    renameSync(lockPath, `${lockPath}.dead.${dead.nonce}`);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Removes whatever lies at a lock's path and is no lock. */
export function discardStrange(lockPath: string, nonce: string): void {
  const gone = `${lockPath}.gone.${nonce}`;
  renameSync(lockPath, gone);
  rmSync(gone, { recursive: true, force: true });
}

/**
 * Removes what killed processes left. Only an owner calls this: his lock is in place, so a taker who makes himself known from now on
 * looks at it and not at a dead one's. Those who did before keep the tombstones, as long as they live. Nothing here may fail an
 * acquisition.
 */
export function collectLeftovers(
  systemPath: string,
  isDead: (owner: OwnerIdentity) => boolean,
  nowMs = Date.now(),
): void {
  try {
    const names = readdirSync(systemPath);
    const takers = names.filter((name) => TAKER.test(name)).map((name) => join(systemPath, name));
    const areGone = takers.map((path) => removeTaker(path, isDead, nowMs)).every((gone) => gone);
    for (const name of names) {
      const kind = LEFTOVER.exec(name)?.groups?.kind;
      const path = join(systemPath, name);
      if (kind === undefined) continue;
      const isOver = kind === 'dead' ? areGone : isLeftByDead(path, isDead);
      if (isOver || isOld(path, nowMs)) removeLock(path);
    }
  } catch {
    // Someone else collects too, or may not: it is tried again with the next acquisition.
  }
}

/** Whether that taker is on his way no more. */
function removeTaker(path: string, isDead: (owner: OwnerIdentity) => boolean, nowMs: number): boolean {
  let text: string;
  try {
    text = readlinkSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw error;
  }
  const owner = parseOwner(text);
  if (!(owner && isDead(owner)) && !isOld(path, nowMs)) return false;
  rmSync(path, { force: true });
  return true;
}

/** A lock about to be published, or about to be deleted, whose process ended in the middle. */
function isLeftByDead(path: string, isDead: (owner: OwnerIdentity) => boolean): boolean {
  const found = inspectLock(path);
  return found.kind === 'owned' && isDead(found.owner);
}

function isOld(path: string, nowMs: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && nowMs - found.ctimeMs > LEFTOVER_KEPT_MS;
}

function removeLock(path: string): void {
  try {
    unlinkSync(join(path, RECORD_NAME));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  rmdirSync(path);
}
