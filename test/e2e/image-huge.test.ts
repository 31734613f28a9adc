import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mount, mayMount, mountSmall } from '../platform/loop-mount.js';
import { RootFolder } from './root-folder.js';

/** Room that a folder takes on its file system. */
function allocatedBytes(folder: string): number {
  return Number(execFileSync('du', ['-s', '-B1', folder]).toString().split('\t')[0]);
}

function rootOn(mount: Mount): RootFolder {
  const root = new RootFolder();
  root.path = join(mount.path, 'root');
  mkdirSync(root.path);
  return root;
}

describe.skipIf(!mayMount)('a volume of 16 TiB', { timeout: 120_000 }, () => {
  describe('on a file system that can hold it', () => {
    let mount: Mount;
    let root: RootFolder;
    beforeAll(async () => {
      mount = mountSmall('xfs', 320);
      root = rootOn(mount);
      await root.ok('system', 'create', 'tokyo');
      await root.ok('volume', 'create', 'tokyo:huge', '--size', '16TiB');
      await root.ok('volume', 'create', 'tokyo:copy', '--size', '16TiB');
    });
    afterAll(() => mount.remove());

    it('costs what is written to it, not what it could hold', async () => {
      const emptyBytes = allocatedBytes(root.file('tokyo'));
      expect(await root.feed('far out', 'volume', 'write', 'tokyo:huge', '--offset', '15TiB')).toMatchObject({
        code: 0,
      });
      expect(await root.feed('x'.repeat(4096), 'volume', 'write', 'tokyo:huge', '--offset', '4KiB')).toMatchObject({
        code: 0,
      });
      const { data } = await root.json('pair', 'create', 'tokyo:huge', 'tokyo:copy', '--wait');
      expect(data).toMatchObject({ pairs: [{ after: 'duplex', tracks: 2 }] });
      const split = await root.json('pair', 'split', 'tokyo:huge', '--wait');
      expect(split.data).toMatchObject({ pairs: [{ after: 'split', tracks: 0 }] });
      expect(await root.feed('later', 'volume', 'write', 'tokyo:huge', '--offset', '15TiB')).toMatchObject({ code: 0 });
      const read = await root.ok('volume', 'read', 'tokyo:copy', '--offset', '15TiB', '--length', '7');
      expect(read.stdout).toBe('far out');
      const resync = await root.json('pair', 'resync', 'tokyo:huge', '--wait');
      expect(resync.data).toMatchObject({ pairs: [{ after: 'duplex', tracks: 1 }] });
      // Two tracks on each side, and a few pages of each map, not a bitmap of 2^28 tracks (32 MiB).
      expect(allocatedBytes(root.file('tokyo')) - emptyBytes).toBeLessThan(4 * 1_048_576);
    });

    it('is verified and scrubbed by what is written to it', async () => {
      const verified = await root.json('pair', 'verify', 'tokyo:huge');
      expect(verified).toMatchObject({ code: 0, data: { pairs: [{ same: true }] } });
      const { data } = await root.json('volume', 'scrub', 'tokyo:huge');
      expect(data).toMatchObject({ volumes: [{ checkedTracks: 2, badTracks: [] }] });
    });
  });

  it('is refused where the file system cannot hold such a file, and nothing is left of it', async () => {
    const mount = mountSmall('ext4', 32);
    try {
      const root = rootOn(mount);
      await root.ok('system', 'create', 'tokyo');
      const refused = await root.run('volume', 'create', 'tokyo:huge', '--size', '16TiB');
      expect(refused).toMatchObject({ code: 9, stdout: '' });
      expect(refused.stderr).toContain('Code: file-too-large');
      expect(refused.stderr).toMatch(/tokyo:huge/);
      expect((await root.json('volume', 'list')).data).toMatchObject({ volumes: [] });
      await root.ok('volume', 'create', 'tokyo:huge', '--size', '1GiB');
    } finally {
      mount.remove();
    }
  });
});
