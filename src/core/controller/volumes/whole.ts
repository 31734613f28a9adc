import type { ByteCount, ByteOffset } from '../../foundation/foundation.js';
import type { Incomplete, VolumeRecord } from '../../volume/volume.js';
import type { Controller } from '../open-controller.js';

/**
 * Up to where a volume was written anew, from its beginning and without a gap, since it became incomplete. It is known to nobody after a
 * crash, and the volume is incomplete still; a volume that becomes incomplete once more begins once more, for its row is another.
 */
const writtenUpTo = new WeakMap<Incomplete, ByteOffset>();

/** A write that `volume` asked for has landed; `volume` is the row as it was before. */
export function noteWritten({ incomplete }: VolumeRecord, offset: ByteOffset, lengthBytes: ByteCount): void {
  if (!incomplete) return;
  const upTo = writtenUpTo.get(incomplete) ?? 0;
  if (offset <= upTo) writtenUpTo.set(incomplete, Math.max(upTo, offset + lengthBytes));
}

/** Whether nothing is left of what the volume lacked: all of it was written anew. */
export function isWrittenWhole({ incomplete, sizeBytes }: VolumeRecord): boolean {
  return incomplete !== null && (writtenUpTo.get(incomplete) ?? 0) >= sizeBytes;
}

/** To be called when all that was written is durable: from now on the volume lacks nothing, durably. */
export async function endIncomplete({ catalog }: Controller, { number, incomplete }: VolumeRecord): Promise<void> {
  if (!incomplete) return;
  const change = () => {
    const present = catalog.volumes.get(number);
    return present?.incomplete === incomplete
      ? [{ do: 'put-volume' as const, record: { ...present, incomplete: null } }]
      : [];
  };
  await catalog.change(change);
  await catalog.durable();
}
