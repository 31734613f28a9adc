import type { ByteCount } from '../../foundation/foundation.js';
import type { LinkMark, PairStatus, PeerVolume } from '../../pair/pair.js';
import type { TransferRequests } from '../../transfer/transfer.js';

/** What the primary's system asks the secondary's, beside copying: that its half of a pair be made and go. */
export interface HalfRequests extends TransferRequests {
  /** Makes the secondary's half, or finds the one that an interrupted creation of the same primary left. */
  'remote.create': {
    input: {
      readonly pair: string;
      readonly mark: LinkMark;
      readonly mode: 'sync' | 'async' | 'journal';
      readonly primary: PeerVolume;
      readonly sizeBytes: ByteCount;
      readonly trackSizeBytes: ByteCount;
      readonly emulation: string;
      /** The pairs that the primary has already: a half of none of these is what an interrupted creation left. */
      readonly known: readonly string[];
      /** A name, a number, or `auto`. */
      readonly secondary: string;
      readonly overwrite: boolean;
      readonly noCopy: boolean;
      readonly manual: boolean;
      readonly session: string | null;
      /** Of a journal pair: its session's id, and the backup volume of its secondary: a name, a number, or `auto`. */
      readonly journal?: { readonly session: string; readonly backup: string | null } | undefined;
      /** Only judges and answers; nothing is made. */
      readonly plan: boolean;
    };
    output: {
      readonly volume: number;
      readonly name: string;
      readonly allocatedTracks: number;
      /** It is the primary of other pairs. */
      readonly leads: boolean;
    };
  };
  /** To the primary's system: what the primary's half of a pair is now; simplex where it is none any more. */
  'remote.leading': {
    input: { readonly pair: string };
    output: { readonly status: PairStatus | 'simplex'; readonly displaced: boolean };
  };
  /** To the primary's system: its secondary was made a primary under this term. */
  'remote.displace': {
    input: { readonly pair: string; readonly term: number };
    output: { readonly displaced: boolean };
  };
  /** The half goes. `missingTracks`: how many the secondary lacks then; its image is incomplete. */
  'remote.drop': {
    input: {
      readonly pair: string;
      readonly mark: LinkMark;
      readonly unreserve: boolean;
      readonly missingTracks: number;
    };
    output: { readonly dropped: boolean };
  };
}
