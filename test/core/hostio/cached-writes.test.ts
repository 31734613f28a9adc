import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tuning } from '../../../src/core/foundation/foundation.js';
import { CachedWrites } from '../../../src/core/hostio/cached-writes.js';
import type { LiveVolume } from '../../../src/core/hostio/live-volume.js';
import { Image } from '../../../src/core/volume/volume.js';
import { FaultFiles, SimFiles } from '../../simulation/world/world.js';
import { codeOf, readAll } from '../storage/files.js';

const TRACK = 64 * 1024;
const SIZE = 64 * TRACK;
const usual = { ...tuning };

describe('what a copier writes to its target', () => {
  let files: FaultFiles;
  let target: LiveVolume;
  /** Ends the flush under way. */
  let ends: (() => void)[];
  let flushes: number;
  let cache: CachedWrites;

  beforeEach(async () => {
    tuning.cachedBytes = 2 * TRACK;
    files = new FaultFiles(new SimFiles());
    const volume = { number: 1, name: 'copy', sizeBytes: SIZE, trackSizeBytes: TRACK };
    const made = files.open('/copy.img', 'create');
    made.truncate(SIZE);
    made.close();
    const options = { path: '/copy.img', system: 'tokyo', volume: volume as never, mode: 'write' as const };
    target = { image: Image.open(files, options) } as unknown as LiveVolume;
    [ends, flushes] = [[], 0];
    cache = new CachedWrites(async ({ image }) => {
      flushes += 1;
      await new Promise<void>((resolve) => ends.push(resolve));
      await image.flush();
    });
  });
  afterEach(() => Object.assign(tuning, usual));

  const filled = (sizeBytes: number, number: number) => files.bulkBuffer(sizeBytes).fill(number);
  async function copy(number: number, hurried = true): Promise<void> {
    await cache.write(target, filled(TRACK, number), number * TRACK, hurried);
    await cache.rest(target);
  }
  const soon = () => new Promise((resolve) => setTimeout(resolve, 2));

  it('goes through the cache where it is small and somebody waits, and straight to the disk otherwise', async () => {
    await copy(1);
    expect([files.count('write'), files.count('writeBulk')]).toEqual([1, 0]);
    await copy(2, false);
    await cache.write(target, filled(tuning.readAsideBytes, 9), 8 * TRACK, true);
    expect([files.count('write'), files.count('writeBulk')]).toEqual([1, 2]);
    const there = readAll(files, '/copy.img');
    expect([there[TRACK], there[2 * TRACK], there[8 * TRACK], there[3 * TRACK]]).toEqual([1, 2, 9, 0]);
  });

  it('is flushed beside the copying, which waits where the flush before has not ended', async () => {
    await copy(1);
    expect(flushes).toBe(0);
    await copy(2);
    await copy(3);
    expect(flushes).toBe(1);
    let resting = true;
    const fourth = copy(4).then(() => {
      resting = false;
    });
    await soon();
    expect([resting, flushes]).toEqual([true, 1]);
    ends[0]?.();
    await fourth;
    await soon();
    expect([resting, flushes]).toEqual([false, 2]);
    ends[1]?.();
  });

  it('fails at the next flush of the image when one beside the copying failed, and nowhere else', async () => {
    files.plan({ call: 'flush', nth: 1, fault: 'io' });
    await copy(1);
    await copy(2);
    ends[0]?.();
    await soon();
    await copy(3);
    expect(await codeOf(() => target.image.flush())).toBe('io-error');
  });
});
