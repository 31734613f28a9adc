import { failure, type VolumeNumber } from '../foundation/foundation.js';
import { isGlob, matchesGlob } from './glob.js';
import { parseName } from './names.js';
import { formatNumber, numberOf } from './numbers.js';
import { quoted } from './text.js';

/** `SYSTEM:VOLUME` (DESIGN.md 9). */
export interface Address {
  /** A system's name below the root, or the path of its folder. */
  readonly system: string;
  readonly systemIsPath: boolean;
  /** The volume as it was typed: a name, or its number. */
  readonly volume: string;
  /** The number, where the volume was given as `CU:LDEV`. */
  readonly number: VolumeNumber | undefined;
}

/** An address that may ask for several: globs in the system, in the volume, or in both. */
export interface AddressPattern extends Address {
  readonly isGlob: boolean;
}

const PATH_LENGTH_MAX = 4096;

/** The address of one volume; a glob is refused. */
export function parseAddress(text: string): Address {
  const { isGlob: several, ...address } = parseAddressPattern(text);
  if (!several) return address;
  throw failure(
    'usage',
    `${quoted(text)} may match several volumes where one is wanted.`,
    'Name one volume: SYSTEM:VOLUME.',
  );
}

/** The address of one volume or of all that match. Parts that are no globs must be names, numbers or paths. */
export function parseAddressPattern(text: string): AddressPattern {
  const { system, volume } = splitAddress(text);
  const systemIsPath = isPath(system);
  if (systemIsPath) checkPath(system);
  else if (!isGlob(system)) parseName(system, 'system');
  const number = numberOf(volume);
  if (number === undefined && !isGlob(volume)) parseName(volume, 'volume');
  return { system, systemIsPath, volume, number, isGlob: isGlob(system) || isGlob(volume) };
}

/** A system alone, where no volume is asked for: a name or a path. */
export function isPath(system: string): boolean {
  return system.includes('/') || system === '.' || system === '..';
}

/** Whether a volume is meant by the volume part of a pattern: by its name, or by its number. */
export function matchesVolume(
  pattern: string,
  volume: { readonly name: string; readonly number: VolumeNumber },
): boolean {
  const number = numberOf(pattern);
  if (number !== undefined) return number === volume.number;
  if (!isGlob(pattern)) return pattern === volume.name;
  return matchesGlob(pattern, volume.name) || matchesGlob(pattern.toUpperCase(), formatNumber(volume.number));
}

export function formatAddress(system: string, volume: string): string {
  return `${system}:${volume}`;
}

/** Neither a name nor a volume holds `/`, and no system's own name holds `:`; so the first `:` behind the last `/` divides them. */
function splitAddress(text: string): { system: string; volume: string } {
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1);
  const system = text.slice(0, Math.max(0, colon));
  const volume = text.slice(colon + 1);
  if (colon > 0 && volume !== '') return { system, volume };
  throw failure(
    'usage',
    `${quoted(text)} is not an address.`,
    'An address is SYSTEM:VOLUME, as tokyo:db or tokyo:00:1A.',
  );
}

function checkPath(path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (path.length <= PATH_LENGTH_MAX && !/[\u0000-\u001f\u007f]/.test(path)) return;
  throw failure(
    'bad-name',
    `${quoted(path)} cannot be the path of a system.`,
    'Give the folder that `system create` made.',
  );
}
