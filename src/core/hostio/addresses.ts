import type { Catalog } from '../catalog/catalog.js';
import type { VolumeNumber } from '../foundation/foundation.js';
import { isForeign, pairOfForeign } from '../pair/pair.js';

/** `SYSTEM:VOLUME` of a volume here, or of the one in another system that a remote pair's half stands for. */
export function addressOf(catalog: Catalog, system: string, volume: VolumeNumber): string {
  if (!isForeign(volume)) return `${system}:${catalog.volumes.get(volume)?.name ?? '?'}`;
  const peer = catalog.pairs.get(pairOfForeign(volume))?.remote?.peer;
  return peer ? `${peer.system.name}:${peer.name}` : '?';
}
