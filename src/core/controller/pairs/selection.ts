import { failure } from '../../foundation/foundation.js';
import type { PairRecord } from '../../pair/pair.js';
import { isGlob, matchesVolume, quoted } from '../../volume/volume.js';
import type { PairSelector } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { findVolume, findVolumes } from '../volumes/finding.js';

/** The pairs that selectors name, each once, in the order of their numbers. Throws `pair-not-found`, `nothing-matches`, `volume-not-found`. */
export function selectPairs(controller: Controller, selectors: readonly PairSelector[]): PairRecord[] {
  const found = new Map<number, PairRecord>();
  for (const selector of selectors) {
    for (const record of matching(controller, selector)) found.set(record.number, record);
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

function matching(controller: Controller, selector: PairSelector): PairRecord[] {
  if (selector.primarySystem !== undefined) return matchingLeft(controller, selector);
  const primaries = new Set(findVolumes(controller, [selector.primary]).map((record) => record.number));
  if (selector.secondarySystem !== undefined) return matchingRemote(controller, selector, primaries);
  const secondaries = secondariesOf(controller, selector);
  const pairs = [...controller.catalog.pairs.values()].filter(
    (pair) => primaries.has(pair.primary) && (secondaries === undefined || secondaries.has(pair.secondary)),
  );
  if (pairs.length === 0) throw noPair(controller, selector);
  return pairs;
}

function matchingRemote(controller: Controller, selector: PairSelector, primaries: ReadonlySet<number>): PairRecord[] {
  const { secondary = '*', secondarySystem } = selector;
  const pairs = [...controller.catalog.pairs.values()].filter(({ primary, remote }) => {
    if (remote?.side !== 'primary' || !primaries.has(primary) || remote.peer.system.name !== secondarySystem)
      return false;
    return matchesVolume(secondary, remote.peer);
  });
  if (pairs.length === 0) throw noPair(controller, selector);
  return pairs;
}

function matchingLeft(controller: Controller, selector: PairSelector): PairRecord[] {
  const secondaries = secondariesOf(controller, selector);
  const pairs = [...controller.catalog.pairs.values()].filter(({ secondary, remote }) => {
    if (remote?.side !== 'secondary' || remote.peer.system.name !== selector.primarySystem) return false;
    return matchesVolume(selector.primary, remote.peer) && (secondaries?.has(secondary) ?? true);
  });
  if (pairs.length === 0) throw noPair(controller, selector);
  return pairs;
}

function secondariesOf(controller: Controller, { secondary }: PairSelector): Set<number> | undefined {
  if (secondary === undefined) return undefined;
  if (!isGlob(secondary)) return new Set([findVolume(controller, secondary).number]);
  const matches = [...controller.catalog.volumes.values()].filter((record) => matchesVolume(secondary, record));
  return new Set(matches.map((record) => record.number));
}

function noPair(controller: Controller, { primary, secondary, secondarySystem }: PairSelector): Error {
  const { name } = controller.place;
  if (isGlob(primary))
    return failure(
      'nothing-matches',
      `No volume of ${name} that matches ${quoted(primary)} is the primary of a pair.`,
      `copyset pair list '${name}:*' shows the pairs.`,
    );
  const whose =
    secondary === undefined
      ? `${name}:${primary} is the primary of no pair`
      : `${name}:${primary} and ${secondarySystem ?? name}:${secondary} are no pair`;
  return failure(
    'pair-not-found',
    `${whose}.`,
    `copyset pair list '${name}:*' shows the pairs; the primary is named first.`,
  );
}
