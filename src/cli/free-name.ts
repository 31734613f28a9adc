import type { Answered, SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { parseAddress } from '../core/volume/volume.js';

/**
 * A folder may be named otherwise than its system; and a name that others have pairs with is lost, not free (DESIGN.md 7). Throws
 * `already-exists`.
 */
export async function demandFreeName(
  name: string,
  places: readonly SystemPlace[],
  pairsOf: (place: SystemPlace) => Promise<Answered<'pair.list'>>,
): Promise<void> {
  const there = places.find((place) => place.name === name);
  if (there)
    throw failure(
      'already-exists',
      `There is a storage system ${name} already, in ${there.path}.`,
      'Choose another name.',
    );
  for (const place of places) {
    const listed = await pairsOf(place).catch(() => undefined);
    const pairs = listed?.output.pairs ?? [];
    const isNamed = (address: string) => parseAddress(address).system === name;
    if (!pairs.some(({ primary, secondary }) => isNamed(primary) || isNamed(secondary))) continue;
    throw failure(
      'already-exists',
      `${place.name} has pairs with a storage system ${name}, whose folder is not there.`,
      'Is its file system mounted? Where it is lost for good, delete those pairs with --force first, or choose another name.',
    );
  }
}
