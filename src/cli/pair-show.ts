import type { HistoryEvent, PairListing } from '../core/controller/controller.js';
import { failure, isToolkitError } from '../core/foundation/foundation.js';
import { formatAddress } from '../core/volume/volume.js';
import { mergeHalves, systemsLeftOut } from './halves.js';
import type { Toolkit } from './open-toolkit.js';
import type { SystemPairs } from './pair-selection.js';
import { isMeant, isSelected } from './pair-selectors.js';
import type { PairPaths } from './render/pairs.js';

/** The pairs that a selection means, read without owning a system. Throws `pair-not-found`, `nothing-matches`. */
export async function showPairs(
  toolkit: Toolkit,
  selection: readonly SystemPairs[],
  { paths = false }: { paths?: boolean } = {},
): Promise<readonly (PairListing & Partial<PairPaths>)[]> {
  return (await showParts(toolkit, selection, { paths })).flatMap(({ rows }) => rows);
}

/** The same, system by system. */
export async function showParts(
  toolkit: Toolkit,
  selection: readonly SystemPairs[],
  { paths = false }: { paths?: boolean } = {},
): Promise<readonly { part: SystemPairs; rows: readonly (PairListing & Partial<PairPaths>)[] }[]> {
  const found: { part: SystemPairs; rows: readonly (PairListing & Partial<PairPaths>)[] }[] = [];
  let missed: Error | undefined;
  for (const part of selection) {
    try {
      found.push({ part, rows: await showPart(toolkit, part, paths) });
    } catch (error) {
      if (!part.mayBeEmpty || !isToolkitError(error, 'pair-not-found')) throw error;
      missed = error;
    }
  }
  if (found.length === 0 && missed) throw missed;
  return found;
}

/** Merges the halves of pairs between systems, reading the systems of the other halves where they are below the roots. */
export async function withOtherHalves(toolkit: Toolkit, rows: readonly PairListing[]): Promise<PairListing[]> {
  const read = new Set(
    rows.map(({ half, primary, secondary }) => systemOf(half?.side === 'secondary' ? secondary : primary)),
  );
  const names = systemsLeftOut(rows, read);
  if (names.length === 0) return mergeHalves(rows);
  const { places } = await toolkit.discover();
  const ids = new Set(rows.flatMap(({ half }) => half?.id ?? []));
  const found = await Promise.all(
    places
      .filter(({ name }) => names.includes(name))
      .map((place) =>
        toolkit.read(place, async (reader) => (await reader.request('pair.list')).output.pairs).catch(() => []),
      ),
  );
  return mergeHalves([...rows, ...found.flat().filter(({ half }) => half && ids.has(half.id))]);
}

function systemOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}

/** What was done to these pairs, oldest first. */
export async function eventsOf(
  toolkit: Toolkit,
  selection: readonly SystemPairs[],
  pairs: readonly PairListing[],
): Promise<readonly HistoryEvent[]> {
  const names = new Set(pairs.map((pair) => `${pair.primary} ${pair.secondary}`));
  const all = await Promise.all(selection.map(({ place }) => toolkit.history(place)));
  return all.flat().filter((event) => names.has(`${event.primary} ${event.secondary}`));
}

async function showPart(toolkit: Toolkit, { place, pairs }: SystemPairs, paths: boolean) {
  return toolkit.read(place, async (reader) => {
    const listed = (await reader.request('pair.list')).output.pairs;
    for (const selector of pairs) {
      if (!listed.some((pair) => isSelected(pair, [selector]))) throw noPair(place.name, selector, listed);
    }
    const selected = await withOtherHalves(
      toolkit,
      listed.filter((pair) => isSelected(pair, pairs)),
    );
    if (!paths) return selected;
    const { volumes } = (await reader.request('volume.list')).output;
    const pathOf = (address: string) =>
      volumes.find((volume) => formatAddress(volume.system, volume.name) === address)?.path ?? '';
    return selected.map((pair) => ({
      ...pair,
      primaryPath: pathOf(pair.primary),
      secondaryPath: pathOf(pair.secondary),
    }));
  });
}

function noPair(
  system: string,
  { primary, secondary }: { readonly primary: string; readonly secondary?: string | undefined },
  listed: readonly PairListing[],
): Error {
  const asSecondary = listed.find((pair) => isMeant(primary, pair.secondary, pair.secondaryNumber));
  const message =
    secondary === undefined
      ? `${system}:${primary} is the primary of no pair.`
      : `${system}:${primary} and ${system}:${secondary} are no pair.`;
  const hint = asSecondary
    ? `It is the secondary of ${asSecondary.primary}; the primary is named first.`
    : `copyset pair list '${system}:*' shows the pairs.`;
  return failure('pair-not-found', message, hint);
}
