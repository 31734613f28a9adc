import { assert } from '../foundation/foundation.js';
import type { BlockDevice } from '../ports/ports.js';
import { replyRuns } from './block-status.js';
import type { Fault } from './faults.js';
import { NBD_LIMITS } from './limits.js';
import type { SelectedContext } from './meta-contexts.js';
import { CMD, CMD_FLAG, ERROR } from './protocol.js';
import type { Replies } from './replies.js';
import type { Request } from './request.js';

const NOT_FAST: Fault = { error: ERROR.ENOTSUP, message: 'zeroing this range is not faster than writing it' };

export interface CommandParts {
  readonly device: BlockDevice;
  readonly replies: Replies;
  readonly contexts: readonly SelectedContext[];
}

/** Does and answers a request without payload. Rejects with why it failed. */
export async function perform(request: Request, parts: CommandParts): Promise<void> {
  const { device, replies } = parts;
  const { offsetBytes, lengthBytes, flags } = request;
  if (request.command === CMD.BLOCK_STATUS) {
    await blockStatus(request, parts);
    return;
  }
  if (request.command === CMD.FLUSH) await device.flush();
  if (request.command === CMD.TRIM && lengthBytes > 0) await device.trim(offsetBytes, lengthBytes);
  if (request.command === CMD.WRITE_ZEROES && lengthBytes > 0) {
    const onlyIfFast = (flags & CMD_FLAG.FAST_ZERO) !== 0;
    const keepAllocated = (flags & CMD_FLAG.NO_HOLE) !== 0;
    const zeroed = await device.zero(offsetBytes, lengthBytes, { keepAllocated, onlyIfFast });
    assert(zeroed || onlyIfFast, 'a device zeroes a range however slow it is');
    if (!zeroed) {
      replies.fail(request, NOT_FAST);
      return;
    }
  }
  const writes = request.command === CMD.TRIM || request.command === CMD.WRITE_ZEROES;
  if (writes && (flags & CMD_FLAG.FUA) !== 0) await device.flush();
  replies.done(request);
}

/** One chunk per selected context; all are known before the first is sent, so that an error is the only answer. */
async function blockStatus(request: Request, parts: CommandParts): Promise<void> {
  const { offsetBytes, lengthBytes } = request;
  const onlyOne = (request.flags & CMD_FLAG.REQ_ONE) !== 0;
  const runsMax = onlyOne ? 1 : NBD_LIMITS.statusRunsMax;
  const all = await Promise.all(
    parts.contexts.map(async (context) => {
      const runs = await context.runs(parts.device, offsetBytes, lengthBytes, runsMax);
      return { id: context.id, runs: replyRuns(runs.slice(0, runsMax), lengthBytes, onlyOne) };
    }),
  );
  for (const [index, { id, runs }] of all.entries()) {
    parts.replies.status(request, id, runs, index === all.length - 1);
  }
}
