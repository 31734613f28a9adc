import {
  Catalog,
  CODES_FOLDER,
  IMAGES_FOLDER,
  MAPS_FOLDER,
  SYSTEM_DOCUMENT,
  type SystemInfo,
  systemFormat,
} from '../catalog/catalog.js';
import {
  failure,
  JOURNAL_LIMIT_DEFAULT_BYTES,
  LINK_LIMIT_ASYNC_MS,
  SAVE_LIMIT_DEFAULT_BYTES,
  TRACK_SIZE_DEFAULT_BYTES,
} from '../foundation/foundation.js';
import { checkJournalLimit } from '../journal/journal.js';
import type { Clock, Files, GrantAnswer, Link, OwnerRecord, Owners, Random } from '../ports/ports.js';
import { demandDocument, toToolkitError, writeDocument } from '../storage/storage.js';
import { checkTrackSize, parseName } from '../volume/volume.js';

export interface Ports {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Link;
  readonly owners: Owners;
  /** Ends the process on the spot, as kill -9 does: for crash faults. Null where none strikes. */
  readonly die: (() => never) | null;
  /** The folder of the system with this id below the roots, if it is there. */
  readonly locate?: ((id: string) => Promise<string | undefined>) | undefined;
  /** Who asks, for the history: user and command. */
  readonly actor: string;
}

/** Where a storage system lies, and what it is. */
export interface SystemPlace {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly info: SystemInfo;
}

export interface SystemWishes {
  readonly name: string;
  readonly site?: string | undefined;
  readonly trackSizeBytes?: number | undefined;
  readonly journalLimitBytes?: number | undefined;
  readonly saveLimitBytes?: number | undefined;
  readonly linkLimitMs?: number | undefined;
  readonly durability?: 'power' | 'none' | undefined;
  readonly sharedMount?: boolean | undefined;
  readonly fixture?: boolean | undefined;
}

/** Makes a storage system in `folder`, which must not be one yet; its parent exists. Durable when it resolves. */
export async function createSystem(
  ports: Pick<Ports, 'files' | 'clock' | 'random'>,
  folder: string,
  wishes: SystemWishes,
): Promise<SystemPlace> {
  const { files, clock, random } = ports;
  const name = parseName(wishes.name, 'system');
  const trackSizeBytes = wishes.trackSizeBytes ?? TRACK_SIZE_DEFAULT_BYTES;
  checkTrackSize(trackSizeBytes);
  if (wishes.journalLimitBytes !== undefined) checkJournalLimit(wishes.journalLimitBytes);
  const parent = folder.slice(0, folder.lastIndexOf('/')) || '/';
  try {
    if (!files.status(parent))
      throw failure(
        'file-not-found',
        `There is no folder ${parent} to make the system in.`,
        'Make it first, or name another --root.',
      );
    demandUnused(files, folder, name);
    demandLocal(files, parent, wishes.sharedMount ?? false);
    for (const part of ['', IMAGES_FOLDER, MAPS_FOLDER, CODES_FOLDER]) files.makeFolder(`${folder}/${part}`);
    await Catalog.create(files, random, folder);
    const info = newInfo(random.id('system'), name, clock.nowMs(), trackSizeBytes, wishes);
    await writeDocument(files, `${folder}/${SYSTEM_DOCUMENT}`, systemFormat, info, random);
    await files.flushFolder(folder);
    await files.flushFolder(parent);
    return { name, path: folder, info };
  } catch (error) {
    throw toToolkitError(error, `the storage system ${name} in ${folder}`);
  }
}

/** Reads what a folder says it is. Throws `system-not-found`, `metadata-damaged`, `format-too-new`, `not-regular`. */
export function readPlace(files: Files, folder: string): SystemPlace {
  const path = `${folder}/${SYSTEM_DOCUMENT}`;
  if (!files.status(path)) {
    throw failure(
      'system-not-found',
      `${folder} is no storage system.`,
      'copyset system list shows the systems under the root.',
    );
  }
  const info = demandDocument(files, path, systemFormat, `the document of the storage system in ${folder}`);
  return { name: info.name, path: folder, info };
}

/** Removes a system for good. Throws `not-empty` without `force` while it has volumes; `busy` while somebody owns it. */
export async function deleteSystem(
  ports: Ports,
  place: SystemPlace,
  options: { force: boolean },
): Promise<{ volumes: number; kept: readonly string[] }> {
  const answer = await acquireSystem(ports, place, 'system delete');
  if (answer.kind !== 'granted') throw ownedByOther(place, answer.kind, answer.owner);
  try {
    const { volumes, kept, peers } = contents(ports, place, options.force);
    if (volumes > 0 && !options.force) {
      throw failure(
        'not-empty',
        `Storage system ${place.name} still has ${volumes} volumes${peers.length === 0 ? '' : `, and pairs with ${peers.join(', ')}`}.`,
        peers.length === 0
          ? 'Delete them first, or give --force to lose them all.'
          : 'Delete them first. With --force all are lost, and the other halves of the pairs stay behind.',
      );
    }
    ports.files.remove(`${place.path}/${SYSTEM_DOCUMENT}`);
    await ports.files.flushFolder(place.path);
    return { volumes, kept };
  } finally {
    await answer.grant.release();
    if (!ports.files.status(`${place.path}/${SYSTEM_DOCUMENT}`)) ports.files.removeFolder(place.path);
  }
}

/** One try to own a system. Throws `read-only`, `no-space`, `io-error` where the lock cannot be made. */
export async function acquireSystem(
  ports: Pick<Ports, 'owners'>,
  place: SystemPlace,
  purpose: string,
): Promise<GrantAnswer> {
  try {
    return await ports.owners.acquire(place.path, purpose);
  } catch (error) {
    throw toToolkitError(error, `storage system ${place.name}`);
  }
}

/** For a person only: removes the lock of an owner that cannot be judged from here. */
export function breakLock(ports: Pick<Ports, 'owners'>, place: SystemPlace): OwnerRecord | undefined {
  return ports.owners.breakLock(place.path);
}

export function ownedByOther(place: SystemPlace, kind: 'held' | 'foreign', owner: OwnerRecord): Error {
  const who = `process ${owner.pid} on ${owner.host} (${owner.purpose})`;
  if (kind === 'held') {
    return failure(
      'busy',
      `Storage system ${place.name} is in use by ${who}.`,
      'Wait for it to finish, or stop it; nothing was changed.',
    );
  }
  return failure(
    'held-elsewhere',
    `Storage system ${place.name} is owned by ${who}.`,
    `Only a person can judge whether it is gone: copyset system check ${place.name} --break-lock.`,
  );
}

function demandUnused(files: Files, folder: string, name: string): void {
  const present = files.status(folder);
  if (!present) return;
  if (present.kind !== 'folder')
    throw failure('already-exists', `${folder} is there and is no folder.`, 'Choose another name.');
  if (files.status(`${folder}/${SYSTEM_DOCUMENT}`)) {
    throw failure(
      'already-exists',
      `Storage system ${name} exists in ${folder}.`,
      `copyset system show ${name} shows it.`,
    );
  }
  // What an interrupted create left holds no volume yet and may be made again.
  if (files.list(folder).some((entry) => !OWN_ENTRIES.test(entry))) {
    throw failure('already-exists', `${folder} is not empty.`, 'Choose another name, or remove what is there.');
  }
}

const OWN_ENTRIES = /^(images|maps|codes|log|(volumes|pairs)\.[ab]\.json|.*\.tmp.*)$/;

function demandLocal(files: Files, folder: string, sharedMount: boolean): void {
  const { kind, type, writable } = files.placement(folder);
  if (!writable) throw failure('read-only', `${folder} lies on a read-only file system.`, 'Choose another --root.');
  if (kind === 'network' && !sharedMount) {
    throw failure(
      'network-file-system',
      `${folder} lies on a network file system (${type}), where locks and flushes of several hosts do not agree.`,
      'Use a local file system, or --shared-mount where one host at a time owns the system.',
    );
  }
}

function contents(
  ports: Ports,
  place: SystemPlace,
  force: boolean,
): { volumes: number; kept: string[]; peers: string[] } {
  try {
    const catalog = Catalog.open(ports.files, ports.random, place.path, { readOnly: true });
    const kept = [...catalog.volumes.values()].map((volume) => volume.imagePath).filter((path) => path.startsWith('/'));
    const peers = new Set([...catalog.pairs.values()].flatMap(({ remote }) => remote?.peer.system.name ?? []));
    catalog.close();
    return { volumes: catalog.volumes.size, kept, peers: [...peers] };
  } catch (error) {
    if (force) return { volumes: 0, kept: [], peers: [] }; // A damaged system must be removable.
    throw error;
  }
}

function newInfo(
  id: string,
  name: string,
  createdAtMs: number,
  trackSizeBytes: number,
  wishes: SystemWishes,
): SystemInfo {
  return {
    id,
    name,
    site: wishes.site ?? null,
    trackSizeBytes,
    journalLimitBytes: wishes.journalLimitBytes ?? JOURNAL_LIMIT_DEFAULT_BYTES,
    saveLimitBytes: wishes.saveLimitBytes ?? SAVE_LIMIT_DEFAULT_BYTES,
    linkLimitMs: wishes.linkLimitMs ?? LINK_LIMIT_ASYNC_MS,
    durability: wishes.durability ?? 'power',
    fixture: wishes.fixture ?? false,
    sharedMount: wishes.sharedMount ?? false,
    createdAtMs: Math.floor(createdAtMs),
  };
}

const RELEASE_POLL_MS = 50;

/**
 * Waits until whoever owns the system lets go, so that another host may take it (shared mounts). Commands let go by themselves
 * when they end. Throws `busy` when the owner is still there after the time-out, `held-elsewhere` for one on another host.
 */
export async function releaseSystem(
  ports: Ports,
  place: SystemPlace,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<'released' | 'nobody'> {
  const deadlineMs = ports.clock.monotonicMs() + options.timeoutMs;
  for (let tries = 0; ; tries += 1) {
    const answer = await acquireSystem(ports, place, 'system release');
    if (answer.kind === 'granted') {
      await answer.grant.release();
      return tries === 0 ? 'nobody' : 'released';
    }
    if (answer.kind === 'foreign' || ports.clock.monotonicMs() >= deadlineMs)
      throw ownedByOther(place, answer.kind, answer.owner);
    if ((await ports.clock.sleep(RELEASE_POLL_MS, options.signal)) === 'aborted')
      throw failure('interrupted', 'Stopped while waiting for the owner to let go.');
  }
}
