import type { PairListing, SystemPlace, VolumeListing } from '../core/controller/controller.js';
import { formatAddress, parseAddress, parseAddressPattern } from '../core/volume/volume.js';
import type { Toolkit } from './open-toolkit.js';
import type { SelectionWords } from './pair-selection.js';
import { isMeant } from './pair-selectors.js';
import { planOutcome } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';

interface Side {
  readonly place: SystemPlace;
  readonly volume: VolumeListing;
  readonly pairs: readonly PairListing[];
}

/**
 * `pair delete` of two volumes that are simplex to each other: there is nothing to do (DESIGN.md 3.2), so that a script may run twice.
 * Undefined where that is not sure, and the refusal stands: a volume that is not there, a glob, a pair named the wrong way round, half of
 * a pair that is left at the other system.
 */
export async function nothingToDelete(
  toolkit: Toolkit,
  { primary, secondary }: SelectionWords,
  { unreserve, plan }: { readonly unreserve: boolean; readonly plan: boolean },
): Promise<Outcome | undefined> {
  if (primary === undefined || secondary === undefined || parseAddressPattern(primary).isGlob) return undefined;
  const [from, to] = [await sideOf(toolkit, primary), await sideOf(toolkit, secondary)];
  if (!from || !to || areLinked(from, to)) return undefined;
  const names = { primary: addressOf(from), secondary: addressOf(to) };
  const nothing = { tracks: 0, bytes: 0, bytesLost: 0 };
  if (plan) return planOutcome([{ ...names, from: 'simplex', to: 'simplex', direction: 'none', ...nothing }]);
  const isKept = to.pairs.some((pair) => pair.secondary === names.secondary || pair.backup === names.secondary);
  const frees = unreserve && to.volume.reserved && !isKept;
  if (frees) await toolkit.use(to.place, (client) => client.request('volume.unreserve', { volumes: [to.volume.name] }));
  const row = { ...names, before: 'simplex', after: 'simplex', outcome: frees ? 'done' : 'nothing', ...nothing };
  const freed = frees ? `; ${names.secondary} is reserved no more.` : '; nothing to do.';
  return { data: { pairs: [row] }, text: `${names.primary} -> ${names.secondary} is no pair${freed}` };
}

async function sideOf(toolkit: Toolkit, address: string): Promise<Side | undefined> {
  const { system, volume } = parseAddress(address);
  const place = await toolkit.find(system).catch(() => undefined);
  if (!place) return undefined;
  return toolkit.read(place, async (reader) => {
    const { volumes } = (await reader.request('volume.list')).output;
    const found = volumes.find((row) => isMeant(volume, formatAddress(row.system, row.name), row.number));
    return found && { place, volume: found, pairs: (await reader.request('pair.list')).output.pairs };
  });
}

function areLinked(from: Side, to: Side): boolean {
  const ends = [addressOf(from), addressOf(to)];
  return [...from.pairs, ...to.pairs].some((pair) => ends.includes(pair.primary) && ends.includes(pair.secondary));
}

function addressOf({ volume }: Side): string {
  return formatAddress(volume.system, volume.name);
}
