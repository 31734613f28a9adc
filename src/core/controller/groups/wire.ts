import type { TrackCount } from '../../foundation/foundation.js';
import type {
  GroupMember,
  GroupPolicy,
  GroupSheet,
  MasterTable,
  NamedVolume,
  NumberedGroup,
  Order,
  RecoveryVerdict,
  StepAnswer,
  Stopped,
  SystemRef,
  VolumeRef,
} from '../../group/group.js';
import type { PairStatus } from '../../pair/pair.js';

interface OfTerm {
  /** The group's id. */
  readonly group: string;
  readonly term: number;
}

/** An order for a subordinate, as it leaves the master. */
export type SystemOrder = Exclude<Order, { kind: 'record' }>;

/** What controllers ask of one another about groups. Repeating any of it does no harm; a lower term is refused (H5). */
export interface GroupWireRequests {
  /** The group as its master has it: a system keeps the tables of the roles that it has in it, and loses those it no longer has. */
  'group.put': {
    input: OfTerm & {
      readonly name: string;
      readonly master: SystemRef;
      readonly members: readonly GroupMember[];
      readonly policy: GroupPolicy;
      /** This system's part of the policy's rate. */
      readonly share: number | null;
      /** The highest number that the master ever tried: a system that joins anew freezes nothing up to it. */
      readonly sequence: number;
    };
    output: Record<string, never>;
  };
  /** The group is no more. */
  'group.drop': { input: OfTerm; output: Record<string, never> };
  /** The number of the formation that comes next, durable when answered, so that its first order has no flush to wait for. */
  'group.announce': { input: OfTerm & { readonly sequence: number }; output: Record<string, never> };
  /** One step of a formation, from the master to a subordinate. */
  'group.order': { input: OfTerm & { readonly order: SystemOrder }; output: { readonly answer: StepAnswer } };
  /** The virtual copies of a subordinate's members at one remote: all of them, or a refusal. */
  'group.copy': {
    input: OfTerm & {
      readonly step: 'prepare' | 'commit' | 'revert';
      readonly sequence: number;
      /** With `prepare`. */
      readonly numbered?: NumberedGroup | undefined;
      readonly relationshipIds: readonly number[];
    };
    output: Record<string, never>;
  };
  /** How the pairs of these members stand at the system of their primaries. */
  'group.probe': {
    input: { readonly pairs: readonly string[] };
    output: {
      readonly pairs: readonly { readonly id: string; readonly status: PairStatus; readonly outOfSync: TrackCount }[];
    };
  };
  /** What the members of this system hold back, for so long at most (H31). Null lets them go on. */
  'group.hold': {
    input: OfTerm & { readonly what: Stopped | null; readonly leaseMs: number };
    output: Record<string, never>;
  };
  /** The pair of a member, made where there is none. */
  'group.enlist': {
    input: {
      readonly groupName: string;
      readonly primary: string;
      readonly secondarySystem: SystemRef;
      readonly secondary: string;
    };
    output: {
      readonly pairId: string;
      readonly primary: { readonly number: number; readonly name: string };
      readonly paired: boolean;
    };
  };
  /** Makes a virtual-copy pair of a secondary that lies here, or finds the one there is. */
  'group.backup': {
    input: {
      readonly groupName: string;
      readonly secondary: string;
      readonly backup: string;
      /** Only tells whether it can be made. */
      readonly checkOnly?: true | undefined;
    };
    output: { readonly secondary: { number: number; name: string }; readonly backup: { number: number; name: string } };
  };
  /** The virtual-copy pair of a removed member goes. */
  'group.unback': { input: { readonly groupName: string; readonly secondary: number }; output: Record<string, never> };
  /** Asked of a master: it forms nothing any more, and tells its table. Refused while its last decision is open. */
  'group.handover': { input: OfTerm; output: { readonly master: MasterTable } };
  /** The drill copies of the members here: shown, paired so that the next formation can freeze them, or dropped. */
  'group.practice': {
    input: OfTerm & { readonly order: 'show' | 'reserve' | 'drop'; readonly to: NamedVolume | 'auto' };
    output: {
      readonly drills: readonly {
        readonly relationshipId: number;
        readonly volume: VolumeRef;
        readonly sequence: number | null;
        readonly lost: boolean;
      }[];
    };
  };
  /** Recovery: the term is durable here before anything is read. */
  'group.fence': { input: OfTerm; output: { readonly sheet: GroupSheet | null } };
  /** Recovery: the verdict is durable at every remote before it is carried out at any. */
  'group.verdict': { input: OfTerm & { readonly verdict: RecoveryVerdict }; output: Record<string, never> };
  /** The way back of a recovered group's pairs, step by step, at the system of their old primaries. */
  'group.return': {
    input: {
      readonly group: string;
      readonly step: 'look' | 'begin' | 'drain' | 'close' | 'finish';
      readonly pairs: readonly string[];
    };
    output: {
      /** Still to be fetched from the secondaries. */
      readonly leftTracks: TrackCount;
      /** Written by their hosts since they were last asked. */
      readonly gatheredTracks: TrackCount;
      readonly pairs: readonly { readonly id: string; readonly tracks: TrackCount }[];
    };
  };
  /** The group is back where it came from. */
  'group.home': { input: OfTerm; output: Record<string, never> };
  /** Recovery: what the verdict says is done here; the secondaries are primaries afterwards. */
  'group.carry': { input: OfTerm; output: { readonly restored: readonly string[] } };
}
