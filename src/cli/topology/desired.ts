import type { SystemWishes } from '../../core/controller/controller.js';
import type { PolicyChange } from '../../core/group/group.js';
import type { Pace, PairMode } from '../../core/pair/pair.js';
import type { SessionPolicyChange } from '../../core/session/session.js';

/** What a topology file asks for, with every size, span and path settled. */
export interface DesiredTopology {
  readonly systems: readonly DesiredSystem[];
  readonly pairs: readonly DesiredPair[];
  readonly groups: readonly DesiredGroup[];
  readonly sessions: readonly DesiredSession[];
}

/** Where something stands in the file: keys and indexes from the top. */
export type Place = readonly (string | number)[];

export interface DesiredSystem {
  readonly place: Place;
  readonly name: string;
  readonly wishes: SystemWishes;
  readonly volumes: readonly DesiredVolume[];
  readonly ports: readonly DesiredPort[];
}

export interface DesiredVolume {
  readonly place: Place;
  readonly system: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** `CU:LDEV` in capitals. */
  readonly number: string | undefined;
  readonly trackSizeBytes: number | undefined;
  readonly emulation: string | undefined;
  readonly reserve: boolean | undefined;
  /** Absolute. */
  readonly pool: string | undefined;
  readonly image: string | undefined;
}

export interface DesiredPort {
  readonly place: Place;
  readonly system: string;
  readonly name: string;
  readonly listen: string;
  /** Absolute. */
  readonly tlsDir: string | undefined;
  readonly insecure: boolean;
  readonly luns: readonly { readonly lun: number; readonly volume: string }[];
}

/** The statuses that a pair can be brought to. */
export type EndStatus = 'duplex' | 'split' | 'suspended';

export interface DesiredPair {
  readonly place: Place;
  readonly primary: string;
  readonly secondary: string;
  readonly mode: PairMode;
  readonly status: EndStatus | undefined;
  readonly virtual: boolean;
  readonly pace: Pace | undefined;
  /** 0: no cap. */
  readonly rateBytesPerSecond: number | undefined;
  readonly manual: boolean;
  readonly session: string | undefined;
  readonly backup: string | undefined;
}

export interface DesiredMember {
  readonly place: Place;
  readonly primary: string;
  readonly secondary: string;
  /** An address, or `auto`. */
  readonly backup: string;
}

export interface DesiredGroup {
  readonly place: Place;
  readonly name: string;
  readonly master: string;
  readonly policy: PolicyChange;
  readonly members: readonly DesiredMember[];
  readonly started: boolean | undefined;
}

export interface DesiredSession {
  readonly place: Place;
  readonly name: string;
  /** The system that holds its configuration table; undefined where neither the file nor a pair says. */
  readonly at: string | undefined;
  readonly order: 'clock' | 'arrival' | undefined;
  readonly policy: SessionPolicyChange;
  readonly enableAtSecondary: boolean | undefined;
  readonly started: boolean | undefined;
}
