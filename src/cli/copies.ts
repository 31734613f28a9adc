import { basename } from 'node:path';
import type { SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';

/** A folder below the roots that holds the same system as another one: somebody copied it by hand. */
export interface SystemCopy {
  readonly place: SystemPlace;
  /** The folder of the system that it was copied from. */
  readonly original: string;
}

/** Systems of which nobody can tell which folder counts. */
export interface Doubles {
  readonly places: readonly SystemPlace[];
  readonly error: Error;
}

export interface Sorted {
  readonly places: readonly SystemPlace[];
  readonly copies: readonly SystemCopy[];
  readonly doubles: readonly Doubles[];
}

/**
 * One folder for each system. Of several with one id the one that bears the system's name is the system, as `system create` made it;
 * the others are copies, which are reached by their paths only. Where none does, or more than one, none of them is taken by chance.
 */
export function setCopiesAside(found: readonly SystemPlace[]): Sorted {
  const byId = new Map<string, SystemPlace[]>();
  for (const place of found) byId.set(place.info.id, [...(byId.get(place.info.id) ?? []), place]);
  const copies: SystemCopy[] = [];
  const doubles: Doubles[] = [];
  const places = [...byId.values()].flatMap((same) => {
    if (same.length === 1) return same;
    const [original, ...more] = same.filter(({ path, name }) => basename(path) === name);
    if (!original || more.length > 0) {
      doubles.push({ places: same, error: systemCopied(same) });
      return [];
    }
    for (const place of same) if (place !== original) copies.push({ place, original: original.path });
    return [original];
  });
  return { places, copies, doubles };
}

/** Two folders of one system are in play. */
export function systemCopied(places: readonly SystemPlace[]): Error {
  const paths = places.map(({ path }) => path);
  return failure(
    'system-copied',
    `${paths.join(' and ')} hold one storage system, ${places[0]?.name}: they are copies of one another.`,
    `Use one of them only: take the others away, or make each a system of its own: ${separateWords(paths.at(-1) ?? 'PATH')}`,
    { details: { paths } },
  );
}

/** The command that makes a copy a system of its own. */
export function separateWords(path: string): string {
  return `copyset system separate ${path} NAME`;
}
