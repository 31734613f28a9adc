import { Catalog, type Change } from '../../catalog/catalog.js';
import { isToolkitError } from '../../foundation/foundation.js';
import { displacedHalf, type HalfRecord, isHalf } from '../../pair/pair.js';
import { type Ports, readPlace } from '../system-place.js';

/**
 * Halves here whose secondaries were made primaries while nobody owned this system: its hosts are refused from the start (DESIGN.md 3.1).
 * The peers' files are only read; of a peer that cannot be read nothing is known, and its link will tell.
 */
export function displacedChanges(ports: Ports, catalog: Catalog): Change[] {
  const halves = [...catalog.pairs.values()].filter(isHalf).filter(isLeading);
  const peers = new Map(halves.map(({ remote }) => [remote.peer.system.path, remote.peer.system]));
  return [...peers.values()].flatMap((system) => {
    const own = halves.filter(({ remote }) => remote.peer.system.path === system.path);
    return displacedBy(ports, folderNear(ports, catalog.folder, system), own);
  });
}

/** In a root that was copied a peer lies beside this system, and what became of the one that it was copied from is no matter here. */
function folderNear({ files }: Ports, own: string, { id, path }: HalfRecord['remote']['peer']['system']): string {
  const beside = `${own.slice(0, own.lastIndexOf('/'))}${path.slice(path.lastIndexOf('/'))}`;
  try {
    return readPlace(files, beside).info.id === id ? beside : path;
  } catch (error) {
    if (isToolkitError(error)) return path;
    throw error;
  }
}

function isLeading({ remote }: HalfRecord): boolean {
  return remote.side === 'primary' && !remote.displaced;
}

function displacedBy(ports: Ports, path: string, halves: readonly HalfRecord[]): Change[] {
  let peer: Catalog | undefined;
  try {
    peer = Catalog.open(ports.files, ports.random, path, { readOnly: true });
    const terms = new Map([...peer.pairs.values()].filter(isHalf).map(({ remote }) => [remote.id, remote.term]));
    return halves
      .filter(({ remote }) => (terms.get(remote.id) ?? 0) > remote.term)
      .flatMap((half) => displacedHalf(half) ?? [])
      .map((record): Change => ({ do: 'put-pair', record }));
  } catch (error) {
    if (isToolkitError(error)) return [];
    throw error;
  } finally {
    peer?.close();
  }
}
