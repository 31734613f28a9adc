import { MIB } from '../foundation/foundation.js';
import type { BlockDevice } from '../ports/ports.js';
import { type Fault, faultOf } from './faults.js';
import type { Output } from './output.js';
import type { Replies } from './replies.js';
import type { Request } from './request.js';

const PIECE_BYTES = MIB;

export interface LargeReadParts {
  readonly device: BlockDevice;
  readonly output: Output;
  readonly replies: Replies;
  readonly structuredReplies: boolean;
  /** Resolves when the client has taken enough; false when the connection is gone. */
  room(): Promise<boolean>;
}

/**
 * Answers a read that is too large to be held whole, piece by piece as the client takes it. Nothing else may be sent
 * meanwhile. False where the connection must be broken: after a simple reply's header there is no word for an error. In a
 * structured reply the chunk is filled up with zeroes and an error follows it.
 */
export async function readLarge(request: Request, parts: LargeReadParts): Promise<boolean> {
  const { output, replies } = parts;
  let fault: Fault | undefined;
  for (let done = 0; done < request.lengthBytes; done += PIECE_BYTES) {
    if (!(await parts.room())) return false;
    const headerBytes = done === 0 ? replies.dataHeaderBytes : 0;
    const lengthBytes = Math.min(PIECE_BYTES, request.lengthBytes - done);
    const buffer = output.hold(lengthBytes);
    const data = buffer.subarray(headerBytes, headerBytes + lengthBytes);
    fault ??= await readPiece(parts.device, data, request.offsetBytes + done);
    if (fault !== undefined) {
      if (done === 0 || !parts.structuredReplies) {
        output.release(buffer);
        if (done === 0) replies.fail(request, fault);
        return done === 0;
      }
      data.fill(0);
    }
    if (done === 0) replies.putDataHeader(buffer, 0, request, true);
    output.send(buffer, headerBytes + lengthBytes);
  }
  if (fault !== undefined) replies.fail(request, fault);
  else if (parts.structuredReplies) replies.done(request);
  return true;
}

async function readPiece(device: BlockDevice, target: Uint8Array, offsetBytes: number): Promise<Fault | undefined> {
  try {
    if (!device.readNow(target, offsetBytes)) await device.read(target, offsetBytes);
    return undefined;
  } catch (error) {
    return faultOf(error);
  }
}
