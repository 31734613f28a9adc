import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Mount {
  readonly path: string;
  remount(options: string): void;
  remove(): void;
}

/** Only root mounts; CI is root. */
export const mayMount = process.getuid?.() === 0;

const run = (command: string, ...words: string[]) => execFileSync(command, words, { stdio: 'pipe' });

/** A small file system of its own: in an image file (ext4, xfs from 300 MiB on), or tmpfs. */
export function mountSmall(type: 'ext4' | 'xfs' | 'tmpfs', sizeMib: number): Mount {
  const base = mkdtempSync(join(tmpdir(), 'copyset-mount-'));
  const path = join(base, 'mnt');
  mkdirSync(path);
  if (type === 'tmpfs') {
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path);
  } else {
    const image = join(base, 'image');
    writeFileSync(image, '');
    truncateSync(image, sizeMib * 1_048_576);
    if (type === 'xfs') run('mkfs.xfs', '-q', image);
    else run('mkfs.ext4', '-q', '-m', '0', image);
    run('mount', '-o', 'loop', image, path);
  }
  return {
    path,
    remount: (options) => run('mount', '-o', `remount,${options}`, path),
    remove: () => {
      run('umount', path);
      rmSync(base, { recursive: true, force: true });
    },
  };
}
