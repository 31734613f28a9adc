import { lstatSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

interface FileSystemKind {
  readonly kind: 'local' | 'network';
  readonly type: string;
}

const FUSE = 0x65735546;

/** The file systems' own numbers (statfs). What is not here counts as local. */
const KINDS: ReadonlyMap<number, FileSystemKind> = new Map([
  [0xef53, local('ext4')],
  [0x58465342, local('xfs')],
  [0x9123683e, local('btrfs')],
  [0x01021994, local('tmpfs')],
  [0x858458f6, local('ramfs')],
  [0x794c7630, local('overlay')],
  [0x2fc12fc1, local('zfs')],
  [0xf2f52010, local('f2fs')],
  [0xca451a4e, local('bcachefs')],
  [0x6969, network('nfs')],
  [0xff534d42, network('cifs')],
  [0xfe534d42, network('smb2')],
  [0x517b, network('smb')],
  [0x01021997, network('9p')],
  [0x00c36400, network('ceph')],
  [0x5346414f, network('afs')],
  [0x73757245, network('coda')],
  [0x01161970, network('gfs2')],
  [0x7461636f, network('ocfs2')],
  [0x0bd00bd0, network('lustre')],
  [0x47504653, network('gpfs')],
  [0x19830326, network('beegfs')],
  [0x786f4256, network('vboxsf')],
  [FUSE, network('fuse')],
]);
/** FUSE drivers over a device or folders of this host; every other one may reach another host. */
const LOCAL_FUSE: ReadonlySet<string> = new Set(['fuseblk', 'fuse.fuse-overlayfs', 'fuse.ntfs-3g', 'fuse.fuse2fs']);

function local(type: string): FileSystemKind {
  return { kind: 'local', type };
}

function network(type: string): FileSystemKind {
  return { kind: 'network', type };
}

/** The path itself, or the nearest parent that is there: a system that is about to be made is asked about too. */
function nearestPresent(path: string): string {
  let place = resolve(path);
  while (lstatSync(place, { throwIfNoEntry: false }) === undefined && dirname(place) !== place) place = dirname(place);
  return place;
}

export function freeBytes(path: string): number {
  const found = statfsSync(nearestPresent(path));
  return found.bavail * found.bsize;
}

/** `checkWritable` throws where this process may not write. */
export function placement(
  path: string,
  checkWritable: (place: string) => void,
): FileSystemKind & { readonly writable: boolean } {
  const place = nearestPresent(path);
  const number = statfsSync(place).type;
  const kind = number === FUSE ? fuseKind(place) : (KINDS.get(number) ?? local(`0x${number.toString(16)}`));
  let writable = true;
  try {
    checkWritable(place);
  } catch {
    writable = false;
  }
  return { ...kind, writable };
}

/** FUSE is one number for many drivers; the mount table names the driver. */
function fuseKind(place: string): FileSystemKind {
  const device = statSync(place).dev;
  // The kernel's own packing of a device number.
  const major = ((device >>> 8) & 0xfff) | (Math.floor(device / 2 ** 32) & 0xfffff000);
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const type = mountType(readFileSync('/proc/self/mountinfo', 'utf8'), `${major}:${minor}`) ?? 'fuse';
  return LOCAL_FUSE.has(type) ? local(type) : network(type);
}

/** The type of the mount with this device in the text of `/proc/self/mountinfo`. */
export function mountType(mounts: string, device: string): string | undefined {
  for (const line of mounts.split('\n')) {
    const words = line.split(' ');
    if (words[2] === device) return words[words.indexOf('-') + 1];
  }
  return undefined;
}
