import type { SystemPlace } from '../core/controller/controller.js';
import { parseAddress } from '../core/volume/volume.js';
import type { Toolkit } from './open-toolkit.js';
import type { SystemPairs } from './pair-selection.js';

/** The pairs of a recovered secondary and its backup volume, from which it is being restored or was, by system. */
export async function restoredOfSessions(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
): Promise<readonly SystemPairs[]> {
  const parts: SystemPairs[] = [];
  for (const place of places) {
    const { pairs: rows } = (await toolkit.read(place, (reader) => reader.request('pair.list'))).output;
    const recovered = rows.filter(({ mode, half, backup }) => mode === 'journal' && half?.takenOver && backup !== null);
    const pairs = recovered
      .filter(({ secondary, backup }) => rows.some((copy) => copy.primary === secondary && copy.secondary === backup))
      .map(({ secondary, backup }) => ({
        primary: parseAddress(secondary).volume,
        secondary: parseAddress(backup ?? '').volume,
      }));
    if (pairs.length > 0) parts.push({ place, pairs, mayBeEmpty: false });
  }
  return parts;
}
