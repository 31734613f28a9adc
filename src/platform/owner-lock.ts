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
const LEFTOVER = /^owner\.lock\.(?:new|dead|gone)\.[0-9a-f]{32}$/;
/** A tombstone stops a taker that was stopped since it judged the dead owner; none is stopped for so long. */
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
 * Takes away a dead owner's lock by renaming it to its tombstone, which stays. Whoever judged the same owner and comes
 * late fails at the tombstone, so he cannot take away the lock of the next owner.
 */
export function buryLock(lockPath: string, dead: OwnerIdentity): void {
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

/** Removes tombstones, and what killed processes left, when they are old. Nothing here may fail an acquisition. */
export function collectLeftovers(systemPath: string, nowMs = Date.now()): void {
  try {
    for (const name of readdirSync(systemPath)) {
      if (!LEFTOVER.test(name)) continue;
      const path = join(systemPath, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found !== undefined && nowMs - found.ctimeMs > LEFTOVER_KEPT_MS) removeLock(path);
    }
  } catch {
    // Someone else collects too, or may not: it is tried again with the next acquisition.
  }
}

function removeLock(path: string): void {
  try {
    unlinkSync(join(path, RECORD_NAME));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  rmdirSync(path);
}
