import { failure } from '../core/foundation/foundation.js';
import { parseAddress } from '../core/volume/volume.js';
import type { Discovery, Toolkit } from './open-toolkit.js';

/**
 * A folder may be named otherwise than its system; and a name that others have pairs with is lost, not free (DESIGN.md 7). Throws
 * `already-exists`.
 */
export async function demandFreeName(toolkit: Toolkit, name: string): Promise<void> {
  const { places } = await toolkit.discover().catch(() => NOTHING);
  const there = places.find((place) => place.name === name);
  if (there)
    throw failure(
      'already-exists',
      `There is a storage system ${name} already, in ${there.path}.`,
      'Choose another name.',
    );
  for (const place of places) {
    const listed = await toolkit.read(place, (reader) => reader.request('pair.list')).catch(() => undefined);
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

/** The root need not be there yet. */
const NOTHING: Discovery = { places: [], copies: [], troubles: [] };
