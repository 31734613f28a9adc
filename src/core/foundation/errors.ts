/**
 * Every operating error has one of these codes. They are part of the stable interface: scripts branch on them and on the
 * exit code that `src/cli/exit-codes.ts` gives each. The comment says what the user met.
 */
export const ERROR_CODES = [
  // The command's words (exit 2).
  'usage', // a flag or argument is missing, unknown or does not fit
  'bad-name', // a name breaks the rules for names
  'bad-size', // a size that cannot be
  'bad-range', // an offset or length past the end of the volume
  'bad-time', // a time that cannot be read, or lies in the past
  'bad-plan', // a plan file that is not one, or contradicts itself
  'bad-topology', // a topology file that is not one, or contradicts itself
  // The state does not allow it (exit 3).
  'status-refuses', // the pair's status does not allow this operation
  'volume-paired', // the volume is part of a pair
  'volume-attached', // hosts reach the volume through a port
  'volume-reserved', // the volume is kept as a copy target
  'not-writable', // no host may write the volume now
  'not-readable', // no host may read the volume now
  'incomplete', // the volume lacks tracks that it cannot read from elsewhere
  'not-alone', // the image alone is not the volume: tracks are read from elsewhere
  'volume-blocked', // a fault blocked the volume
  'sizes-differ', // sizes, emulation or track size of the two volumes differ
  'self-pair', // a volume paired with itself
  'cycle', // the pair would close a circle of copies
  'secondary-taken', // the secondary is already S of another pair
  'jump-refused', // another pair depends on the tracks that would change at once
  'holds-data', // the secondary was written; --overwrite is missing
  'discard-needed', // bytes would vanish; --discard is missing
  'force-needed', // something would be lost, cut off or left incomplete; --force is missing
  'already-exists', // the name or number is in use
  'not-empty', // the system still has volumes or pairs
  'point-in-time-lost', // the split's point in time could not be kept
  'read-only', // the system lies on a read-only file system
  'not-fixture', // faults are injected on --fixture systems only
  'system-copied', // two folders hold one system: one is a copy of the other, and only one of them may be used
  'system-file', // the named file belongs to a storage system and is not overwritten
  'network-file-system', // the file system is not local to this host
  'mode-not-here', // a mode or flag that this pair's systems cannot have
  'topology-differs', // what is there cannot be made to agree with the topology file
  'no-candidate', // no reserved, unpaired volume fits
  'in-group', // the volume or pair belongs to a consistency group
  'not-master', // asked of a system that is not the group's master
  'group-refuses', // the group's state does not allow this operation
  'group-paused', // the group is paused; it forms nothing
  'member-not-ready', // a member of the group was never duplex yet, or is suspended
  'session-refuses', // the checkpoint session's state does not allow this operation
  'clock-unbounded', // the systems' clocks differ by more than a write takes; the order of writes would not be kept
  'not-primary-master', // asked of a system that does not issue the session's checkpoints
  // Not there (exit 4).
  'system-not-found',
  'volume-not-found',
  'pair-not-found',
  'port-not-found',
  'group-not-found',
  'session-not-found',
  'file-not-found',
  'nothing-matches', // a glob that matches nothing
  // In use (exit 5).
  'busy', // another process owns the system and does not answer in time
  'held-elsewhere', // the owner is on another host or in another pid namespace
  'inhibited', // a group or a split was prepared here and not settled; it is asked for
  'group-forming', // a formation of the group is under way
  'ownership-lost', // someone removed this process's lock
  // Data (exit 6).
  'check-code', // a track's data does not fit its check code
  'metadata-damaged', // a document, map or log that cannot be trusted
  'format-too-new', // written by a newer copyset
  'not-regular', // a link, FIFO or folder where a file must be
  'io-error', // the storage below failed
  // Groups that cannot be told apart from damage (exit 7).
  'groups-disagree', // the remotes hold no group that all of them could be brought to
  'no-group-formed', // no group was ever formed
  'no-checkpoint', // no checkpoint that all secondaries of the session could show
  // Peer (exit 8).
  'link-lost', // the other process or system went away
  'displaced', // the volume's secondary was made a primary meanwhile; a person decides which one counts
  'term-superseded', // the sender was replaced by a takeover, a recovery or another master
  'undecided', // a formation or a split over several systems was decided, and a system has not answered
  'outcome-unknown', // sent, but no answer came; it is not sent again
  'peer-missing', // a named system's folder is not there
  // Room (exit 9).
  'no-space', // the file system is full
  'limit-reached', // one of the documented limits
  'save-full', // the save area for old contents is full
  'journal-full', // the journal's limit is reached
  'file-too-large', // the file system cannot hold a file of that size
  'input-too-long', // more data than the volume holds
  // Formation (exit 10).
  'formation-failed', // no group was formed; the last one stands
  'split-void', // a split over several systems was not one instant; every pair goes on as before
  // Ends (others).
  'interrupted', // the user stopped it (130)
  'bug', // a fault of ours (1)
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ToolkitErrorParts {
  readonly code: ErrorCode;
  /** One sentence for a person, naming what was affected. */
  readonly message: string;
  /** What the person can do now. */
  readonly hint?: string | undefined;
  /** What was affected, for programs. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** An operating error. Recognised by its code, never by its text. */
export class ToolkitError extends Error {
  override readonly name = 'ToolkitError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(parts: ToolkitErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.hint = parts.hint;
    this.details = parts.details ?? {};
  }
}

/** A clause as a sentence: it begins with a capital, unless it begins with an address, and ends with one full stop. */
export function sentence(clause: string): string {
  const [first = ''] = clause.split(' ');
  const begun = /^[a-z]+,?$/.test(first) ? clause.charAt(0).toUpperCase() + clause.slice(1) : clause;
  return begun.endsWith('.') ? begun : `${begun}.`;
}

/** `1 track`, `2 tracks`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? `${count} ${noun}` : `${count} ${noun}s`;
}

/** Makes a ToolkitError; short, because it is written often. */
export function failure(
  code: ErrorCode,
  message: string,
  hint?: string,
  more?: { details?: Record<string, unknown>; cause?: unknown },
): ToolkitError {
  return new ToolkitError({ code, message, hint, details: more?.details, cause: more?.cause });
}

export function isToolkitError(error: unknown, code?: ErrorCode): error is ToolkitError {
  return error instanceof ToolkitError && (code === undefined || error.code === code);
}
