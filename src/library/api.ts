/**
 * What a program sees of copyset. These types are the contract: keys may be added, none goes or changes its meaning outside a major
 * version. They stand on their own, so that the package ships them as they are.
 */

/** Bytes, or text with a unit: `512`, `64KiB`, `1GiB`. */
export type Size = number | string;

export interface OpenOptions {
  /** The folder that holds the systems, or several; `COPYSET_ROOT` or the current folder unless given. */
  readonly root?: string | readonly string[] | undefined;
  /** Makes the system where there is none, with these settings. */
  readonly create?: boolean | SystemSettings | undefined;
}

/** As the flags of `system create`. */
export interface SystemSettings {
  readonly site?: string | undefined;
  readonly trackSize?: Size | undefined;
  readonly journalLimit?: Size | undefined;
  readonly saveLimit?: Size | undefined;
  readonly linkLimitMs?: number | undefined;
  /** `none` leaves flushes out: right for tests. */
  readonly durability?: 'power' | 'none' | undefined;
  readonly sharedMount?: boolean | undefined;
  /** Faults may be injected; COPYSET_SEED and COPYSET_NOW fix ids and times. */
  readonly fixture?: boolean | undefined;
}

/** A storage system that this program uses. It is kept from other processes' serving it until `close`; they are answered meanwhile. */
export interface StorageSystem extends AsyncDisposable {
  readonly name: string;
  readonly id: string;
  /** Its folder; absolute. */
  readonly path: string;

  createVolume(name: string, settings: VolumeSettings): Promise<VolumeInfo>;
  /** All volumes, in the order of their numbers. */
  volumes(): Promise<readonly VolumeInfo[]>;
  /** By name or number. Throws `volume-not-found`. */
  volume(volume: string): Promise<VolumeInfo>;
  deleteVolume(volume: string): Promise<void>;
  /** Keeps it as a copy target, or no more. */
  reserveVolume(volume: string, reserve?: boolean): Promise<VolumeInfo>;
  /** Fills a volume from an image file. */
  importVolume(volume: string, file: string, options?: ImportOptions): Promise<VolumeInfo>;
  /** Writes a volume's image, as its hosts see it, to a file. */
  exportVolume(volume: string, file: string): Promise<void>;

  /** Writes as a host does; durable when it resolves. */
  write(volume: string, data: Uint8Array | string, options?: { readonly offset?: Size | undefined }): Promise<void>;
  /** Reads as a host does. */
  read(
    volume: string,
    range?: { readonly offset?: Size | undefined; readonly length?: Size | undefined },
  ): Promise<Uint8Array>;

  /** Pairs whose primary is in this system. */
  pairs(): Promise<readonly PairInfo[]>;
  /** The pair of these two volumes; SECONDARY is a volume of this system, or `SYSTEM:VOLUME`. Throws `pair-not-found`. */
  pair(primary: string, secondary: string): Promise<Pair>;
  createPair(primary: string, secondary: string, options?: PairSettings): Promise<Pair>;
  /** Freezes several pairs of this system at one instant, all or none. */
  split(pairs: readonly Pair[], options?: SplitOptions): Promise<void>;

  /** A consistency group with this system as its master. */
  createGroup(name: string, policy?: GroupPolicySettings): Promise<Group>;
  /** A group by its name, whoever is its master. Throws `group-not-found`. */
  group(name: string): Promise<Group>;

  /** A checkpoint session whose configuration table this system holds. It is made stopped. */
  createSession(name: string, settings?: SessionSettings): Promise<Session>;
  /** A checkpoint session by its name, whoever holds its table. Throws `session-not-found`. */
  session(name: string): Promise<Session>;

  /** Copies until nothing is left that copying could do. */
  drain(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;

  /** Injects a fault; only where the system was made with `fixture`. */
  setFault(fault: Fault): Promise<void>;
  /** Clears all faults, or those of one kind. */
  clearFaults(kind?: Fault['kind']): Promise<void>;

  /** Lets the system go. Safe to call again. */
  close(): Promise<void>;
}

export interface VolumeSettings {
  readonly size: Size;
  /** `CU:LDEV`; the next free one unless given. */
  readonly number?: string | undefined;
  readonly trackSize?: Size | undefined;
  readonly reserve?: boolean | undefined;
  /** Folder for the image. */
  readonly pool?: string | undefined;
  readonly emulation?: string | undefined;
}

export interface ImportOptions {
  /** Makes the volume, of the size of the file, where there is none. */
  readonly create?: boolean | undefined;
  /** The volume may hold data; it is lost. */
  readonly overwrite?: boolean | undefined;
}

export interface VolumeInfo {
  /** `SYSTEM:VOLUME`. */
  readonly address: string;
  readonly system: string;
  readonly name: string;
  readonly number: string;
  readonly sizeBytes: number;
  readonly trackSizeBytes: number;
  readonly tracks: number;
  readonly allocatedTracks: number;
  readonly reserved: boolean;
  readonly status: 'normal' | 'blocked' | 'format' | 'correct' | 'copying' | 'unknown';
  readonly emulation: string;
  /** Of the image; absolute. The image alone is the volume only where `imageComplete`. */
  readonly path: string;
  readonly imageComplete: boolean;
  readonly pairCount: number;
  /** The primary's address where the volume is a secondary, else null. */
  readonly secondaryOf: string | null;
  readonly readable: boolean;
  readonly writable: boolean;
}

export type PairMode = 'local' | 'sync' | 'async' | 'journal';
export type Pace = 'slow' | 'medium' | 'fast' | 'hold';
export type PairStatus =
  | 'simplex'
  | 'pending'
  | 'duplex'
  | 'sp-pending'
  | 'split'
  | 'resync'
  | 'resync-reverse'
  | 'suspended';

export interface PairSettings {
  /** `local` inside a system, else `async` unless given. */
  readonly mode?: PairMode | undefined;
  /** Split at once: the secondary shows the primary as it is now. */
  readonly split?: boolean | undefined;
  /** Split at once and copy only what is about to be overwritten. */
  readonly virtual?: boolean | undefined;
  /** The secondary may hold data; it is lost. */
  readonly overwrite?: boolean | undefined;
  /** The volumes are equal already. */
  readonly noCopy?: boolean | undefined;
  readonly pace?: Pace | undefined;
  /** Bytes per second at most. */
  readonly rate?: Size | undefined;
  readonly manual?: boolean | undefined;
  /** Of a journal pair: its checkpoint session. Sync pairs made with the same name suspend together. */
  readonly session?: string | undefined;
}

export interface SplitOptions {
  readonly virtual?: boolean | undefined;
  /** Hosts may only read the secondary. */
  readonly readOnly?: boolean | undefined;
}

export interface WaitOptions {
  /** Throws `wait-timed-out` then; for ever unless given. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A primary and a secondary. Copying goes on while this program waits for it, or in a copier or server. */
export interface Pair {
  /** `SYSTEM:VOLUME`. */
  readonly primary: string;
  readonly secondary: string;
  show(): Promise<PairInfo>;
  /**
   * Copies until the pair has the status, or one of several. Throws `wait-timed-out`, `wait-suspended`, or `wait-unreachable` where the
   * status cannot come any more.
   */
  wait(status: PairStatus | readonly PairStatus[], options?: WaitOptions): Promise<PairInfo>;
  /** The secondary stands still at this moment. It is whole once the status is `split`. */
  split(options?: SplitOptions): Promise<void>;
  /** Copies only what differs; `reverse` brings the primary back to what the secondary holds. */
  resync(options?: {
    readonly reverse?: boolean | undefined;
    readonly discard?: boolean | undefined;
    /** Also over what a group or a session recovered at the secondary. */
    readonly force?: boolean | undefined;
  }): Promise<void>;
  suspend(options?: { readonly allowWrite?: boolean | undefined; readonly force?: boolean | undefined }): Promise<void>;
  setPace(pacing: { readonly pace?: Pace | undefined; readonly rate?: Size | undefined }): Promise<void>;
  /** Compares all that is said to be equal. */
  verify(): Promise<{ readonly same: boolean; readonly differingTracks: readonly number[] }>;
  delete(options?: { readonly force?: boolean | undefined; readonly unreserve?: boolean | undefined }): Promise<void>;
}

export interface PairInfo {
  readonly primary: string;
  readonly secondary: string;
  readonly mode: PairMode;
  readonly status: PairStatus;
  readonly percentIdentical: number;
  readonly tracks: number;
  readonly outOfSyncTracks: number;
  readonly outOfSyncBytes: number;
  /** Written at the primary, and at the secondary, since the split. */
  readonly changedTracks: number;
  readonly secondaryChangedTracks: number;
  readonly pace: Pace;
  readonly rateBytesPerSecond: number | null;
  /** ISO times, or null. */
  readonly pointInTime: string | null;
  readonly splitAt: string | null;
  readonly virtual: boolean;
  readonly readOnly: boolean;
  readonly imageComplete: boolean;
  /** Why it is suspended, else null. */
  readonly reason: string | null;
}

export interface GroupPolicySettings {
  readonly intervalMs?: number | undefined;
  readonly coordinationLimitMs?: number | undefined;
  readonly drainLimitMs?: number | undefined;
  readonly holdLimitMs?: number | undefined;
  readonly rate?: Size | undefined;
}

/** A consistency group. */
export interface Group {
  readonly name: string;
  /** Makes the pair where there is none. Addresses are `SYSTEM:VOLUME`; `auto` takes a reserved volume that fits. */
  add(primary: string, secondary: string, options: { readonly backup: string }): Promise<void>;
  remove(primary: string): Promise<void>;
  /** One formation, to its end. What came of it is the outcome; it does not throw for a void one. */
  start(): Promise<Formation>;
  /** No formation until `resume`; with `consistent` one is formed first, and nothing is paused where it is not formed. */
  pause(options?: {
    readonly stop?: 'sending' | 'writes' | undefined;
    readonly consistent?: boolean | undefined;
  }): Promise<void>;
  resume(): Promise<void>;
  /** Splits all pairs of the group at one instant, or none. Throws `split-void`. */
  split(): Promise<void>;
  /**
   * Needs only the remote systems, which are named: makes their volumes primaries, all of one group. `plan` changes nothing. What was found
   * is the case; it does not throw for `none` and `disagree`, which do nothing.
   */
  recover(remotes: readonly string[], options?: RecoverOptions): Promise<Recovery>;
  /** Brings a recovered group back to its old primaries, by differences, or only begins where the time is over. */
  failback(options?: { readonly timeoutMs?: number | undefined }): Promise<'returned' | 'timed-out'>;
  show(): Promise<GroupInfo>;
  delete(): Promise<void>;
}

export interface RecoverOptions {
  readonly plan?: boolean | undefined;
  /** Of a group: secondaries that are given up. */
  readonly without?: readonly string[] | undefined;
}

export interface Recovery {
  /** The row of the recovery table that was found (DESIGN.md 5.2, 6). */
  readonly case: string;
  /** A sentence. */
  readonly verdict: string;
  /** The group, or the checkpoint, that the volumes show now; null where there is none. */
  readonly number: number | null;
  readonly time: string | null;
}

export interface SessionSettings {
  readonly order?: 'clock' | 'arrival' | undefined;
  readonly intervalMs?: number | undefined;
  /** A primary that is lost for so long resigns by itself; 0 is never. */
  readonly resignAfterMs?: number | undefined;
  readonly enableAtSecondary?: boolean | undefined;
}

/** A checkpoint session. Its pairs are made with `createPair` in mode `journal`. */
export interface Session {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Issues a checkpoint: everything that was written and completed before belongs to it. */
  mark(): Promise<{ readonly mark: string; readonly number: number; readonly time: string }>;
  /** Brings the secondaries to the last checkpoint that all of them hold. `to` is null where none was ever applied. */
  apply(): Promise<{ readonly from: number | null; readonly to: number | null }>;
  /** Waits until a mark is applied. It does not throw for what keeps it from that. */
  wait(
    mark: string,
    options?: { readonly timeoutMs?: number | undefined },
  ): Promise<'applied' | 'timed-out' | 'degraded' | 'other-run'>;
  /** Needs only the secondary systems, which are named. */
  recover(secondaries: readonly string[], options?: { readonly plan?: boolean | undefined }): Promise<Recovery>;
  failback(options?: { readonly timeoutMs?: number | undefined }): Promise<'returned' | 'timed-out'>;
  show(): Promise<SessionInfo>;
  delete(): Promise<void>;
}

export interface SessionInfo {
  readonly name: string;
  readonly state: 'stopped' | 'starting' | 'running' | 'degraded' | 'resigned' | 'recovered';
  readonly order: 'clock' | 'arrival';
  readonly issued: number | null;
  readonly applied: number | null;
  readonly appliedTime: string | null;
  readonly recoverable: boolean;
  /** How old the data would be that a recovery brings back now. */
  readonly exposureSeconds: number | null;
}

export interface Formation {
  readonly outcome: 'formed' | 'void' | 'failed' | 'undecided' | 'paused' | 'skipped';
  readonly sequence: number | null;
  /** The instant of the group; ISO time. */
  readonly time: string | null;
  readonly reason: string | null;
  readonly pauseMs: number | null;
  readonly drainMs: number | null;
  readonly tracks: number | null;
}

export interface GroupInfo {
  readonly name: string;
  readonly master: string;
  readonly state: 'running' | 'paused' | 'stopped' | 'failed';
  /** Of the last group formed. */
  readonly sequence: number | null;
  readonly time: string | null;
  readonly formed: number;
  readonly failed: number;
  readonly members: readonly {
    readonly primary: string;
    readonly secondary: string;
    readonly backup: string;
    readonly joined: boolean;
  }[];
}

/** `count`: how often it strikes before it clears itself; until cleared unless given. */
export type Fault = (
  | { readonly kind: 'volume-blocked'; readonly volume: string }
  | {
      readonly kind: 'io-error';
      readonly volume: string;
      readonly track?: number | undefined;
      readonly on?: 'read' | 'write' | undefined;
    }
  | { readonly kind: 'no-space' }
  | { readonly kind: 'link-down'; readonly peer: string }
  | {
      readonly kind: 'link-slow';
      readonly peer: string;
      readonly delayMs?: number | undefined;
      readonly bytesPerSecond?: number | undefined;
    }
) & { readonly count?: number | undefined };

export interface TopologyOptions {
  readonly root?: string | readonly string[] | undefined;
  /** Removes what the topology does not name. */
  readonly prune?: boolean | undefined;
  /** Also where data is lost; throws `force-needed` else. */
  readonly force?: boolean | undefined;
  /** Also until all pairs are copied, started groups were formed and started sessions show a checkpoint. */
  readonly wait?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One difference between a topology and what was there. */
export interface TopologyChange {
  readonly action: 'add' | 'change' | 'remove';
  readonly kind: string;
  readonly name: string;
  readonly detail: string;
  readonly loses: string | null;
}
