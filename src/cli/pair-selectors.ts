import type { PairListing, PairSelector } from '../core/controller/controller.js';
import { matchesVolume, parseAddress, parseNumber } from '../core/volume/volume.js';

/** How a pair is named to the controller of its primary's system. */
export function selectorOfPair(pair: { readonly primary: string; readonly secondary: string }): PairSelector {
  const primary = parseAddress(pair.primary);
  const secondary = parseAddress(pair.secondary);
  return secondary.system === primary.system
    ? { primary: primary.volume, secondary: secondary.volume }
    : { primary: primary.volume, secondary: secondary.volume, secondarySystem: secondary.system };
}

/** Whether a listed pair is meant. */
export function isSelected(pair: PairListing, selectors: readonly PairSelector[]): boolean {
  return selectors.some(
    ({ primary, secondary, secondarySystem }) =>
      pair.half?.side !== 'secondary' &&
      isMeant(primary, pair.primary, pair.primaryNumber) &&
      (secondary === undefined || isMeant(secondary, pair.secondary, pair.secondaryNumber)) &&
      (secondarySystem === undefined || parseAddress(pair.secondary).system === secondarySystem),
  );
}

/** Whether the volume part of an address or pattern means the volume of this address and number. */
export function isMeant(pattern: string, address: string, number: string): boolean {
  return matchesVolume(pattern, { name: parseAddress(address).volume, number: parseNumber(number) });
}
