import type { PairSelector, SystemPlace } from '../core/controller/controller.js';
import { failure, isToolkitError } from '../core/foundation/foundation.js';
import { isGlob, isPath, parseAddress, parseAddressPattern } from '../core/volume/volume.js';
import { Args, group, string } from './flags.js';
import { byId, type Toolkit } from './open-toolkit.js';
import { isMeant } from './pair-selectors.js';

/** The arguments and flags of every command of `PAIR`. */
export const pairArgs = {
  primary: Args.string({ description: 'Primary volume, as SYSTEM:VOLUME. A glob selects the pairs of several.' }),
  secondary: Args.string({ description: 'Secondary volume; without it, all pairs of the primary.' }),
};

export const selectionFlags = {
  group,
  file: string({ summary: 'The pairs that this plan file lists.', helpValue: 'PLAN.yaml' }),
};

export interface SelectionWords {
  readonly primary?: string | undefined;
  readonly secondary?: string | undefined;
}

export interface SelectionFlags {
  readonly group?: string | undefined;
  readonly file?: string | undefined;
}

/** The pairs that a command means inside one system. */
export interface SystemPairs {
  readonly place: SystemPlace;
  readonly pairs: readonly PairSelector[];
  /** Asked for by a glob over several systems: a system where nothing matches is passed over. */
  readonly mayBeEmpty: boolean;
}

/** Which pairs a command means, by system, in the order of the systems' ids. */
export async function selectPairs(
  toolkit: Toolkit,
  words: SelectionWords,
  flags: SelectionFlags,
): Promise<readonly SystemPairs[]> {
  demandOneWay(words, flags);
  if (flags.group !== undefined) {
    const { groupPairs } = await import('./group-finding.js');
    return groupPairs(toolkit, flags.group);
  }
  if (flags.file !== undefined) {
    const { readPlanFile } = await import('./plan-file.js');
    return bySystem(toolkit, await readPlanFile(flags.file));
  }
  const { primary = '', secondary } = words;
  const pattern = parseAddressPattern(primary);
  if (secondary !== undefined) return onePair(toolkit, primary, secondary);
  const places = await toolkit.match(pattern.system);
  const mayBeEmpty = places.length > 1;
  return places.map((place) => ({ place, pairs: [{ primary: pattern.volume }], mayBeEmpty }));
}

/** The half that a secondary's system still has of a pair whose primary's half is gone, or cannot be seen from here. */
export async function halfLeftBehind(
  toolkit: Toolkit,
  words: SelectionWords,
): Promise<readonly SystemPairs[] | undefined> {
  const { primary, secondary } = words;
  if (primary === undefined || secondary === undefined) return undefined;
  const [from, to] = [parseAddress(primary), parseAddress(secondary)];
  const listed = async (system: string) => {
    const place = await toolkit.find(system).catch(() => undefined);
    if (!place) return undefined;
    return {
      place,
      pairs: await toolkit.read(place, async (reader) => (await reader.request('pair.list')).output.pairs),
    };
  };
  const there = await listed(to.system);
  const half = there?.pairs.find(
    (pair) =>
      pair.half?.side === 'secondary' &&
      parseAddress(pair.primary).system === from.system &&
      isMeant(from.volume, pair.primary, pair.primaryNumber) &&
      isMeant(to.volume, pair.secondary, pair.secondaryNumber),
  );
  if (!there || !half) return undefined;
  const near = await listed(from.system);
  if (near?.pairs.some((pair) => pair.half?.id === half.half?.id)) return undefined;
  const pairs = [{ primary: from.volume, primarySystem: from.system, secondary: to.volume }];
  return [{ place: there.place, pairs, mayBeEmpty: false }];
}

async function onePair(toolkit: Toolkit, primary: string, secondary: string): Promise<readonly SystemPairs[]> {
  const from = parseAddressPattern(primary);
  if (isGlob(from.system)) {
    throw failure('usage', 'With a SECONDARY, PRIMARY names one system.', 'Leave SECONDARY out to select all pairs.');
  }
  const to = parseAddress(secondary);
  const place = await toolkit.find(from.system);
  // A pair may be named, and deleted, whose secondary's system is lost.
  const finding = to.system === from.system ? Promise.resolve(place) : toolkit.find(to.system);
  const peer = await finding.catch((error: unknown) => {
    if (isToolkitError(error, 'system-not-found') && !isPath(to.system)) return { name: to.system };
    throw error;
  });
  return [{ place, pairs: [selectorOf(place, peer, from.volume, to.volume)], mayBeEmpty: false }];
}

/** The pairs of a list, gathered by their systems. Every address is looked up before anything is done. */
async function bySystem(
  toolkit: Toolkit,
  rows: readonly { readonly primary: string; readonly secondary: string }[],
): Promise<readonly SystemPairs[]> {
  const found = new Map<string, { place: SystemPlace; pairs: PairSelector[] }>();
  for (const { primary, secondary } of rows) {
    for (const { place, pairs } of await onePair(toolkit, primary, secondary)) {
      const entry = found.get(place.path) ?? { place, pairs: [] };
      entry.pairs.push(...pairs);
      found.set(place.path, entry);
    }
  }
  return byId([...found.values()].map(({ place }) => place)).flatMap((place) => {
    const entry = found.get(place.path);
    return entry ? [{ ...entry, mayBeEmpty: false }] : [];
  });
}

function selectorOf(
  place: SystemPlace,
  peer: { readonly name: string },
  primary: string,
  secondary: string,
): PairSelector {
  return peer.name === place.name ? { primary, secondary } : { primary, secondary, secondarySystem: peer.name };
}

function demandOneWay(words: SelectionWords, flags: SelectionFlags): void {
  const ways = [words.primary, flags.group, flags.file].filter((way) => way !== undefined).length;
  if (ways === 1) return;
  const message = ways === 0 ? 'No pair is named.' : 'Pairs are named in two ways.';
  throw failure('usage', message, 'Name pairs by PRIMARY [SECONDARY], by --group NAME, or by --file PLAN.yaml.');
}
