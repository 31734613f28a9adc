import type { Fault } from './faults.js';
import { NBD_LIMITS } from './limits.js';
import { CMD, CMD_FLAG, ERROR, type NbdError } from './protocol.js';
import { u16, u32, u64 } from './wire.js';

/** "Request message". The cookie is opaque: two signed halves, which the engine keeps without boxes. */
export interface Request {
  readonly flags: number;
  readonly command: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Reads the request after its magic number, which the caller has judged. */
export function readRequest(bytes: Uint8Array, at: number): Request {
  return {
    flags: u16(bytes, at + 4),
    command: u16(bytes, at + 6),
    cookieHigh: u32(bytes, at + 8) | 0,
    cookieLow: u32(bytes, at + 12) | 0,
    offsetBytes: u64(bytes, at + 16),
    lengthBytes: u32(bytes, at + 24),
  };
}

/** What holds for all requests of a connection. */
export interface RequestRules {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly structuredReplies: boolean;
  readonly hasContexts: boolean;
}

const fault = (error: NbdError, message: string): Fault => ({ error, message });
const UNKNOWN_COMMAND = fault(ERROR.EINVAL, 'this server does not know the command');
const UNKNOWN_FLAG = fault(ERROR.EINVAL, 'the command does not have this flag');
const READ_ONLY = fault(ERROR.EPERM, 'the export is read-only');
const READ_BEYOND = fault(ERROR.EINVAL, 'the range ends beyond the export');
const WRITE_BEYOND = fault(ERROR.ENOSPC, 'the range ends beyond the export');
const NOT_ZERO = fault(ERROR.EINVAL, 'offset and length of a flush are zero');
const NO_CONTEXT = fault(ERROR.EINVAL, 'no metadata context was selected');
const NO_LENGTH = fault(ERROR.EINVAL, 'the range is empty');
const TOO_LONG = fault(ERROR.EINVAL, 'the payload is larger than this server allows');
const READ_TOO_LONG = fault(ERROR.EOVERFLOW, 'the payload is larger than this server allows');
export const SHUTTING_DOWN = fault(ERROR.ESHUTDOWN, 'the server is being shut down');

/** The flags of each command beside FUA, which every command may carry. */
const FLAGS: { readonly [command: number]: number } = {
  [CMD.READ]: CMD_FLAG.DF,
  [CMD.WRITE]: 0,
  [CMD.FLUSH]: 0,
  [CMD.TRIM]: 0,
  [CMD.CACHE]: 0,
  [CMD.WRITE_ZEROES]: CMD_FLAG.NO_HOLE | CMD_FLAG.FAST_ZERO,
  [CMD.BLOCK_STATUS]: CMD_FLAG.REQ_ONE,
};

/** Why a request is refused before anything is done: command, flags, permission, range, size, in this order. */
export function refusalOf(request: Request, rules: RequestRules): Fault | undefined {
  const { command, flags, offsetBytes, lengthBytes } = request;
  const allowed = FLAGS[command];
  if (allowed === undefined) return UNKNOWN_COMMAND;
  if ((flags & ~(allowed | CMD_FLAG.FUA)) !== 0) return UNKNOWN_FLAG;
  if ((flags & CMD_FLAG.DF) !== 0 && !rules.structuredReplies) return UNKNOWN_FLAG;
  if (command === CMD.FLUSH) return offsetBytes === 0 && lengthBytes === 0 ? undefined : NOT_ZERO;
  if (rules.readOnly && (command === CMD.WRITE || command === CMD.WRITE_ZEROES || command === CMD.TRIM))
    return READ_ONLY;
  if (offsetBytes + lengthBytes > rules.sizeBytes)
    return command === CMD.WRITE || command === CMD.WRITE_ZEROES ? WRITE_BEYOND : READ_BEYOND;
  if (command === CMD.BLOCK_STATUS) return statusRefusal(lengthBytes, rules);
  return lengthBytes > NBD_LIMITS.payloadBytesMax ? sizeRefusal(command, rules) : undefined;
}

function statusRefusal(lengthBytes: number, rules: RequestRules): Fault | undefined {
  if (!rules.hasContexts) return NO_CONTEXT;
  return lengthBytes === 0 ? NO_LENGTH : undefined;
}

/** Only what has a payload can be too long: "the client MAY request an effect length larger than the maximum payload". */
function sizeRefusal(command: number, rules: RequestRules): Fault | undefined {
  if (command === CMD.READ && rules.structuredReplies) return READ_TOO_LONG;
  return command === CMD.READ || command === CMD.WRITE ? TOO_LONG : undefined;
}
