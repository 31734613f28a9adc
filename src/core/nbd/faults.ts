import { AssertionFailure, type ErrorCode, isToolkitError } from '../foundation/foundation.js';
import { FileError } from '../ports/ports.js';
import { ERROR, type NbdError } from './protocol.js';

/** What a client is told when a request fails. */
export interface Fault {
  readonly error: NbdError;
  /** For people; sent where the client takes structured replies. */
  readonly message: string;
}

/** Codes that are not EIO: the host may not, or there is no room. */
const BY_CODE: { readonly [code in ErrorCode]?: NbdError } = {
  'not-writable': ERROR.EPERM,
  'not-readable': ERROR.EPERM,
  'volume-reserved': ERROR.EPERM,
  'status-refuses': ERROR.EPERM,
  'read-only': ERROR.EPERM,
  incomplete: ERROR.EPERM,
  'bad-range': ERROR.EINVAL,
  'no-space': ERROR.ENOSPC,
  'limit-reached': ERROR.ENOSPC,
  'file-too-large': ERROR.ENOSPC,
  'ownership-lost': ERROR.ESHUTDOWN,
};

/** "Error values" for why a device failed. A broken assertion is not answered: it stops the process. */
export function faultOf(reason: unknown): Fault {
  if (reason instanceof AssertionFailure) throw reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  if (isToolkitError(reason)) return { error: BY_CODE[reason.code] ?? ERROR.EIO, message };
  if (reason instanceof FileError) {
    if (reason.fault === 'no-space' || reason.fault === 'too-large') return { error: ERROR.ENOSPC, message };
    if (reason.fault === 'read-only' || reason.fault === 'permission') return { error: ERROR.EPERM, message };
  }
  return { error: ERROR.EIO, message };
}
