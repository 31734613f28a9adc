import { TRACK_SIZE_DEFAULT_BYTES } from '../foundation/foundation.js';
import type { BlockDevice, StatusRun } from '../ports/ports.js';
import { TRANSMISSION } from './protocol.js';

/** Something beside allocation that a client may ask about ranges: "Metadata querying". */
export interface StatusContext {
  /** Namespace, colon, leaf-name: `copyset:out-of-sync/EAST:db-copy`. */
  readonly name: string;
  /** Runs from `offsetBytes` on; at least one, at most `runsMax`, about `lengthBytes` together. */
  runs(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]>;
}

/** A device that hosts may reach, as it is at this moment. */
export interface Export {
  /** The canonical name, also where it was found by another one. */
  readonly name: string;
  /** For people. */
  readonly description: string;
  readonly sizeBytes: number;
  /** Track size: below it a write may cost a read. A power of two from 512 on. */
  readonly preferredBytes?: number;
  /** Whether a host may do this now. What it may at each later moment the device itself says with every call. */
  readonly readable: boolean;
  readonly writable: boolean;
  readonly contexts: readonly StatusContext[];
  /** Called once a negotiation has succeeded, never before; the device is closed when the connection ends. */
  open(): BlockDevice | Promise<BlockDevice>;
}

/** What there is to serve, asked anew with each option. Its functions never throw. */
export interface ExportSource {
  /** Names and descriptions of all that may be listed. */
  list(): Iterable<{ readonly name: string; readonly description: string }>;
  /** By any of its names; the empty name is the default export. Undefined for unknown and for forbidden ones alike. */
  find(name: string): Export | undefined;
}

/** "Transmission flags" of an export at this moment. */
export function transmissionFlags(found: Export, structuredReplies: boolean): number {
  const always =
    TRANSMISSION.HAS_FLAGS |
    TRANSMISSION.SEND_FLUSH |
    TRANSMISSION.SEND_FUA |
    TRANSMISSION.CAN_MULTI_CONN |
    TRANSMISSION.SEND_CACHE;
  const writing = found.writable
    ? TRANSMISSION.SEND_TRIM | TRANSMISSION.SEND_WRITE_ZEROES | TRANSMISSION.SEND_FAST_ZERO
    : TRANSMISSION.READ_ONLY;
  return always | writing | (structuredReplies ? TRANSMISSION.SEND_DF : 0);
}

export function preferredBytes(found: Export): number {
  return found.preferredBytes ?? TRACK_SIZE_DEFAULT_BYTES;
}
