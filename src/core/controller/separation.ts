import { Catalog, type Change, SYSTEM_DOCUMENT, systemFormat } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import type { PairRecord } from '../pair/pair.js';
import type { Grant } from '../ports/ports.js';
import { toToolkitError, writeDocument } from '../storage/storage.js';
import { parseName } from '../volume/volume.js';
import { openedController } from './halves/peer-connection.js';
import { missingHere } from './pairs/listing.js';
import { acquireSystem, ownedByOther, type Ports, type SystemPlace } from './system-place.js';

/** What a copy gave up when it became a system of its own. */
export interface Separated {
  readonly place: SystemPlace;
  /** The pairs with other systems whose halves went; the originals' go on. */
  readonly pairs: number;
  /** Volumes that are not whole any more, for the rest of them would have come from another system. */
  readonly incomplete: readonly string[];
}

/**
 * Makes a copied folder a system of its own: a new id and a new name, and nothing left of what it had with other systems, which know
 * the original alone. Volumes, pairs inside it and ports stay. Nobody else is asked or told. Throws `system-file` for a volume whose
 * image was not copied, `force-needed` where it has pairs with others and `force` is not given, `busy`.
 *
 * The id comes last, so that a copy whose separation was cut short is still seen as one, and separated by the same command.
 */
export async function separateSystem(
  ports: Ports,
  place: SystemPlace,
  wish: { readonly name: string; readonly force: boolean },
): Promise<Separated> {
  const name = parseName(wish.name, 'system');
  // Recovered first: what a journal holds goes into the images, and what is in doubt is marked, before anything is let go of.
  const controller = await openedController(ports, place, await demandGrant(ports, place));
  await controller.close();
  const grant = await demandGrant(ports, place);
  try {
    const left = await leaveOthers(ports, place, wish.force);
    const info = { ...place.info, id: ports.random.id('system'), name };
    await writeDocument(ports.files, `${place.path}/${SYSTEM_DOCUMENT}`, systemFormat, info, ports.random);
    return { place: { name, path: place.path, info }, ...left };
  } catch (error) {
    throw toToolkitError(error, `storage system ${place.name} in ${place.path}`);
  } finally {
    await grant.release();
  }
}

async function demandGrant(ports: Ports, place: SystemPlace): Promise<Grant> {
  const answer = await acquireSystem(ports, place, 'system separate');
  if (answer.kind === 'granted') return answer.grant;
  throw ownedByOther(place, answer.kind, answer.owner);
}

async function leaveOthers(ports: Ports, place: SystemPlace, force: boolean): Promise<Omit<Separated, 'place'>> {
  const catalog = Catalog.open(ports.files, ports.random, place.path);
  try {
    demandOwnImages(catalog);
    const halves = [...catalog.pairs.values()].filter(({ remote }) => remote);
    if (halves.length + catalog.sheets.size > 0 && !force) throw forceNeeded(place, halves.length);
    const incomplete: string[] = [];
    await catalog.change(() => [
      { do: 'grant', epoch: catalog.epoch + 1 },
      ...halves.flatMap((half) => withoutHalf(catalog, half, incomplete)),
      ...[...catalog.pairs.values()].flatMap(ofNobody),
      ...[...catalog.sheets.keys()].map((sheet): Change => ({ do: 'put-sheet', name: sheet, sheet: null })),
    ]);
    await catalog.durable();
    return { pairs: halves.length, incomplete };
  } finally {
    catalog.close();
  }
}

/** An image in a pool was not copied with the folder: the original writes it, and two systems must not. */
function demandOwnImages(catalog: Catalog): void {
  const shared = [...catalog.volumes.values()].find(({ imagePath }) => imagePath.startsWith('/'));
  if (!shared) return;
  throw failure(
    'system-file',
    `The image of volume ${shared.name}, ${shared.imagePath}, lies outside the folder and was not copied with it: it is the original's.`,
    'Copy a system whose images lie in its own folder; docs/recipes.md says how a volume is moved.',
  );
}

function withoutHalf(catalog: Catalog, half: PairRecord, incomplete: string[]): Change[] {
  const side = half.remote?.side ?? 'primary';
  const volume = catalog.volumes.get(half[side]);
  const missing = missingHere(catalog, half, side);
  const changes: Change[] = [{ do: 'drop-pair', number: half.number }];
  if (!volume || missing === 0) return changes;
  incomplete.push(volume.name);
  const reason = `it was copied while its pair with ${half.remote?.peer.system.name} was ${half.state.status}`;
  return [...changes, { do: 'put-volume', record: { ...volume, incomplete: { missingTracks: missing, reason } } }];
}

/** A virtual copy or a drill of a group that this system is in no more is a pair like any other. */
function ofNobody(pair: PairRecord): Change[] {
  if (pair.remote || (!pair.virtualCopyOf && !pair.practiceOf)) return [];
  return [{ do: 'put-pair', record: { ...pair, virtualCopyOf: undefined, practiceOf: undefined } }];
}

function forceNeeded(place: SystemPlace, halves: number): Error {
  return failure(
    'force-needed',
    `${place.path} has ${halves} pairs with other systems, which it would forget, and its place in groups and sessions.`,
    'Give --force where it is a copy: the original keeps all of them.',
  );
}
