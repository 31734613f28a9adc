import type {
  ByteCount,
  ByteOffset,
  ErrorCode,
  Milliseconds,
  PairNumber,
  TrackIndex,
} from '../../foundation/foundation.js';
import type { FormationAnswer, GroupRequests, SystemRef } from '../../group/group.js';
import type { Pace, PairMode, PairStatus } from '../../pair/pair.js';
import type { ApplyAnswer, SessionRequests, SessionWireRequests } from '../../session/session.js';
import type { GroupWireRequests } from '../groups/wire.js';
import type { HalfRequests } from '../halves/requests.js';
import type { PairListing, PortListing, SystemListing, VolumeListing, VolumeTotals } from '../listing-rows.js';

export * from '../listing-rows.js';

import type { SessionPairRequests } from '../sessions/wire.js';
import type { SplitRequests } from '../splits/wire.js';

/** Names the pairs of a system: all pairs of the volumes that `primary` (a name, number or glob) matches, or the one with `secondary`. */
export interface PairSelector {
  readonly primary: string;
  readonly secondary?: string | undefined;
  /** The system of the secondary where it is another one, by its name. */
  readonly secondarySystem?: string | undefined;
  /** The system of the primary: the half of the secondary is meant, which lies here and which its primary has forgotten. */
  readonly primarySystem?: string | undefined;
}

export interface PacingInput {
  readonly pace?: Pace | undefined;
  readonly rateBytesPerSecond?: ByteCount | undefined;
}

export interface PairCreateRow extends PacingInput {
  /** A name, a number or a glob; a glob needs `auto`. */
  readonly primary: string;
  /** A name, a number, or `auto`. */
  readonly secondary: string;
  /** Where the secondary lies when it is another system. */
  readonly secondarySystem?: { readonly id: string; readonly name: string; readonly path: string } | undefined;
  /** Of a pair of mode journal: a volume of the secondary's system, by name or number, or `auto`, which keeps the last checkpoint while differences come (H20). */
  readonly backup?: string | undefined;
  readonly split?: boolean | undefined;
  readonly virtual?: boolean | undefined;
}

/** One row of a pair action's result. */
export interface PairActionRow {
  /** `SYSTEM:VOLUME`, here and in every result. */
  readonly primary: string;
  readonly secondary: string;
  readonly before: PairStatus;
  readonly after: PairStatus;
  readonly outcome: 'done' | 'nothing';
  /** Tracks that the operation leaves to copy. */
  readonly tracks: number;
  readonly bytes: ByteCount;
  /** Bytes written at the losing side that vanish. */
  readonly bytesLost: ByteCount;
  readonly number: PairNumber;
  /** Of a pair that is suspended: what its copying did not bring over, and does not for now. */
  readonly uncopiedTracks?: number | undefined;
  readonly uncopiedBytes?: ByteCount | undefined;
  /** What a person should know beside it; half a sentence. */
  readonly note?: string | undefined;
}

export interface PairPlanRow {
  readonly primary: string;
  readonly secondary: string;
  readonly from: PairStatus;
  readonly to: PairStatus;
  /** `primary -> secondary`, `secondary -> primary`, or `none`. */
  readonly direction: string;
  readonly tracks: number;
  readonly bytes: ByteCount;
  readonly bytesLost: ByteCount;
  /** What the command lacks to be carried out: a flag, or that comparing finds both volumes equal. Absent where nothing stands in its way. */
  readonly refusedUnless?: RefusedUnless | undefined;
}

export type RefusedUnless = '--discard' | '--force' | 'equal';

/** An action answers with rows, or, asked for a plan, with the plan and nothing changed. `copying` are the pairs with work left for a copier. */
export interface PairActionAnswer {
  readonly pairs: readonly PairActionRow[];
  readonly plan?: readonly PairPlanRow[] | undefined;
  readonly copying: readonly PairNumber[];
  /** Halves of deleted pairs whose systems could not be reached. */
  readonly leftBehind?: readonly string[] | undefined;
  /** Milliseconds that the gate of a split held the hosts' writes. */
  readonly pauseMs?: Milliseconds | undefined;
}

export interface CheckFinding {
  readonly severity: 'error' | 'warning' | 'repaired';
  readonly subject: string;
  readonly message: string;
}

export type FaultKind =
  | { readonly kind: 'volume-blocked'; readonly volume: string }
  | {
      readonly kind: 'io-error';
      readonly volume: string;
      readonly track?: TrackIndex | undefined;
      readonly on?: 'read' | 'write' | undefined;
    }
  | { readonly kind: 'no-space' }
  /** What the system reads as the order of events is shifted by so much; below 0 it is behind. */
  | { readonly kind: 'clock-skew'; readonly byMs: number }
  /** `peer` is the name of a system: nothing goes to it or comes from it. */
  | { readonly kind: 'link-down'; readonly peer: string }
  | {
      readonly kind: 'link-slow';
      readonly peer: string;
      readonly delayMs?: number | undefined;
      readonly bytesPerSecond?: number | undefined;
    }
  | { readonly kind: 'crash'; readonly step: string; readonly nth?: number | undefined };
/** `count`: how often it strikes before it clears itself; absent = until cleared. */
export type FaultRow = FaultKind & { readonly count?: number | undefined };

export interface Progress {
  readonly operation: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'tracks' | 'records';
  readonly pair?: { primary: string; secondary: string; status: PairStatus } | undefined;
  /** A formation that has ended (`cg.follow`). */
  readonly formation?: FormationAnswer | undefined;
  /** What a session's secondaries have come to (`session.apply` with `follow`). */
  readonly applied?: ApplyAnswer | undefined;
}

interface Action {
  readonly plan?: boolean | undefined;
}

/**
 * Every request that a controller answers: what goes in, what comes out. `data` beside it is raw bytes. All names of volumes inside
 * are without the system. Errors come back as ToolkitErrors with the same code on either side of a link.
 */
export interface Requests
  extends HalfRequests,
    GroupRequests,
    GroupWireRequests,
    SplitRequests,
    SessionRequests,
    SessionWireRequests,
    SessionPairRequests {
  'system.show': { input: Record<string, never>; output: { system: SystemListing } };
  /** A controller that was opened for another system's sake lets go, for one that comes to serve. */
  'system.yield': { input: Record<string, never>; output: { yields: boolean } };
  /** The first that a controller says to another system's: from which folder it speaks for its own. */
  'system.greet': { input: { readonly from: SystemRef }; output: Record<string, never> };
  'system.check': {
    input: { repair: boolean; deep: boolean };
    output: { findings: readonly CheckFinding[] };
  };
  'volume.create': {
    input: {
      name: string;
      sizeBytes: ByteCount;
      /** `CU:LDEV`; with count the first of them. */
      number?: string | undefined;
      trackSizeBytes?: ByteCount | undefined;
      reserve?: boolean | undefined;
      /** Absolute folder for the image. */
      pool?: string | undefined;
      emulation?: string | undefined;
      count?: number | undefined;
    };
    output: { volumes: readonly VolumeListing[] };
  };
  'volume.list': { input: Record<string, never>; output: { volumes: readonly VolumeListing[]; totals: VolumeTotals } };
  /** One piece of a host write, at most MESSAGE_MAX_BYTES, in `data`; durable before the answer where `durable`. */
  'volume.write': {
    input: { volume: string; offsetBytes: ByteOffset; durable: boolean };
    output: { bytes: ByteCount };
  };
  /** The bytes come back as data. */
  'volume.read': {
    input: { volume: string; offsetBytes: ByteOffset; lengthBytes: ByteCount };
    output: { bytes: ByteCount };
  };
  /** `file` is absolute. A shorter file leaves zeros; holes stay holes. */
  'volume.import': {
    input: { volume: string; file: string; create: boolean; overwrite: boolean };
    output: { volume: VolumeListing; bytes: ByteCount; allocatedTracks: number };
  };
  'volume.export': {
    input: { volume: string; file: string };
    output: { bytes: ByteCount; writtenBytes: ByteCount };
  };
  /** Exit 3 `not-alone` while the image alone is not the volume. */
  'volume.path': { input: { volume: string }; output: { path: string } };
  'volume.reserve': {
    input: { volumes: readonly string[] };
    output: { volumes: readonly VolumeListing[]; changed: number };
  };
  'volume.unreserve': {
    input: { volumes: readonly string[] };
    output: { volumes: readonly VolumeListing[]; changed: number };
  };
  'volume.delete': { input: { volumes: readonly string[] }; output: { deleted: readonly string[] } };
  'volume.format': {
    input: { volumes: readonly string[]; force: boolean };
    output: { volumes: readonly VolumeListing[] };
  };
  'volume.scrub': {
    input: { volumes: readonly string[]; accept: boolean };
    output: {
      volumes: readonly {
        system: string;
        name: string;
        checkedTracks: number;
        badTracks: readonly TrackIndex[];
        accepted: boolean;
      }[];
    };
  };
  'pair.create': {
    input: Action & {
      pairs: readonly PairCreateRow[];
      mode?: PairMode | undefined;
      overwrite?: boolean | undefined;
      noCopy?: boolean | undefined;
      verify?: boolean | undefined;
      /** For pairs between systems: no return by itself after a lost link; sync pairs of one session suspend together. */
      manual?: boolean | undefined;
      session?: string | undefined;
      /** Of pairs of mode journal: the system that holds the configuration table of `session`, as the asker found it. */
      sessionHome?: SystemRef | undefined;
    };
    output: PairActionAnswer;
  };
  /** All selected pairs are frozen under one gate, all or none. Waiting for a time of day is the caller's. */
  'pair.split': {
    input: Action &
      PacingInput & { pairs: readonly PairSelector[]; virtual?: boolean | undefined; readOnly?: boolean | undefined };
    output: PairActionAnswer;
  };
  'pair.resync': {
    input: Action &
      PacingInput & {
        pairs: readonly PairSelector[];
        reverse?: boolean | undefined;
        discard?: boolean | undefined;
        /** Also over what a group or a session recovered. */
        force?: boolean | undefined;
      };
    output: PairActionAnswer;
  };
  'pair.suspend': {
    input: Action & { pairs: readonly PairSelector[]; allowWrite?: boolean | undefined; force?: boolean | undefined };
    output: PairActionAnswer;
  };
  'pair.delete': {
    input: Action & { pairs: readonly PairSelector[]; unreserve?: boolean | undefined; force?: boolean | undefined };
    output: PairActionAnswer;
  };
  /** At the system of the secondaries, alone. `force`: also one that is a mix. */
  'pair.takeover': {
    input: Action & { volumes: readonly string[]; force?: boolean | undefined };
    output: PairActionAnswer;
  };
  'pair.rotate': {
    input: Action & PacingInput & { primary: string; keep?: number | undefined; discard?: boolean | undefined };
    output: PairActionAnswer;
  };
  /** What a volume is copied from, through pairs of this system: the volumes here, itself first, and the one above them elsewhere. */
  'pair.above': {
    input: { volume: number };
    output: {
      numbers: readonly number[];
      above: { readonly system: SystemRef; readonly number: number } | null;
      takenOver: boolean;
    };
  };
  'pair.pace': { input: PacingInput & { pairs: readonly PairSelector[] }; output: PairActionAnswer };
  'pair.list': { input: Record<string, never>; output: { pairs: readonly PairListing[] } };
  /**
   * Waits until all selected pairs have one of the statuses. The controller copies meanwhile, at its own pace. `verdict` is `reached`
   * (0), `timed-out` (20), `suspended` (21) or `unreachable` (22). `timeoutMs` 0 is a test; absent waits for ever.
   */
  'pair.wait': {
    input: { pairs: readonly PairSelector[]; statuses: readonly PairStatus[]; timeoutMs?: Milliseconds | undefined };
    output: { verdict: 'reached' | 'timed-out' | 'suspended' | 'unreachable'; pairs: readonly PairListing[] };
  };
  'pair.verify': {
    input: { pairs: readonly PairSelector[]; repair: boolean };
    output: {
      pairs: readonly {
        primary: string;
        secondary: string;
        same: boolean;
        comparedTracks: number;
        /** Known to differ, or marked meanwhile: not compared. */
        leftOutTracks: number;
        differingTracks: readonly TrackIndex[];
        truncated: boolean;
        repaired: number;
        status: PairStatus;
        pace: Pace;
      }[];
    };
  };
  'port.create': {
    input: { name: string; listen: string; tlsDir?: string | undefined; insecure?: boolean | undefined };
    output: { ports: readonly PortListing[] };
  };
  'port.list': { input: Record<string, never>; output: { ports: readonly PortListing[] } };
  /** `force`: also with volumes on it, which hosts reach there no more; `detached` names them. */
  'port.delete': {
    input: { name: string; force?: boolean | undefined };
    output: { ports: readonly PortListing[]; detached: readonly string[] };
  };
  /** Without `lun` the lowest free number. */
  'volume.attach': {
    input: { volume: string; port: string; lun?: number | undefined };
    output: { ports: readonly PortListing[]; lun: number };
  };
  'volume.detach': { input: { volume: string; port: string }; output: { ports: readonly PortListing[] } };
  /** Copies until nothing is left that copying could do. `suspended`: a pair was, or became, suspended. */
  'copier.drain': {
    input: { timeoutMs?: Milliseconds | undefined; rateBytesPerSecond?: ByteCount | undefined };
    output: { verdict: 'drained' | 'suspended' | 'timed-out'; pairs: readonly PairListing[] };
  };
  'fault.set': { input: FaultRow; output: { faults: readonly FaultRow[] } };
  'fault.clear': { input: { kind?: string | undefined }; output: { faults: readonly FaultRow[] } };
  'fault.list': { input: Record<string, never>; output: { faults: readonly FaultRow[] } };
}

export type RequestCode = keyof Requests;

/** Beside a request: bytes in, a signal to stop waiting, progress out. */
export interface RequestExtras {
  readonly data?: Uint8Array | undefined;
  /** See `Message.giveBack`. */
  readonly giveBack?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Answered<Code extends RequestCode> {
  readonly output: Requests[Code]['output'];
  readonly data?: Uint8Array | undefined;
}

/** A controller as its users see it, in this process or behind a link: the same code either way. */
export interface SystemClient {
  request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Answered<Code>>;
  /** Where this process is the controller: ends what was begun, cools the maps, lets go. */
  close(): Promise<void>;
}

export interface FailureOnTheWire {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: Record<string, unknown> | undefined;
}
