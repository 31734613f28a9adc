import type { CheckFinding, SystemPlace } from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import { separateWords } from './copies.js';
import type { Discovery } from './discovery.js';

/** `system check`: which other folders below the roots hold the system. An error where the one that was named is not known to count. */
export function copyFindings({ places, copies, troubles }: Discovery, place: SystemPlace): readonly CheckFinding[] {
  const isOriginal = places.some(({ path }) => path === place.path);
  const own = copies.find((copy) => copy.place.path === place.path);
  if (own) return [finding('error', place.path, `is a copy of the system in ${own.original}; ${wayOut(place.path)}`)];
  if (isOriginal)
    return copies
      .filter(({ original }) => original === place.path)
      .map((copy) => finding('warning', copy.place.path, `is a copy of this system; ${wayOut(copy.place.path)}`));
  const unclear = troubles.find(({ path, error }) => path === place.path && isToolkitError(error, 'system-copied'));
  return unclear ? [finding('error', place.path, unclear.error.message.replace(/\.$/, ''))] : [];
}

function wayOut(path: string): string {
  return `${separateWords(path)} makes it one of its own`;
}

function finding(severity: CheckFinding['severity'], subject: string, message: string): CheckFinding {
  return { severity, subject, message };
}
