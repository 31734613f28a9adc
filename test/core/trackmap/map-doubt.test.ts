import { describe, expect, it } from 'vitest';
import { MapFile, TrackedMap } from '../../../src/core/trackmap/trackmap.js';
import { SimFiles, WorldStopped } from '../../simulation/world/world.js';

const PATH = '/tmp/a.map';

describe('a map whose writer was killed before its checkpoint was durable', () => {
  it('is written again, and its marks are logged again, once the log has passed it', async () => {
    const files = new SimFiles();
    const first = MapFile.create(files, PATH, 100);
    first.map.set(1, 1);
    await first.checkpoint(1);
    first.confirm();
    first.map.set(2, 1);
    let flushes = 0;
    files.beforeCall(({ kind, path }) => {
      if (kind === 'flush' && path === PATH) flushes += 1;
      if (flushes === 2) throw new WorldStopped('killed between header and flush');
    });
    await expect(first.checkpoint(5)).rejects.toThrow('killed');
    const again = files.crash(1, 'kill');
    const found = MapFile.open(again, PATH, 100, { upTo: 6 });
    expect([found.map.has(2), found.isDoubtful, found.isChanged]).toEqual([true, true, true]);
    expect([...new TrackedMap(found.map, found.isDoubtful).unlogged()]).toEqual([{ first: 1, count: 2 }]);
    await found.checkpoint(7);
    const lost = again.crash(1, 'power', 'none');
    const kept = MapFile.open(lost, PATH, 100, { upTo: 7 });
    expect([kept.map.has(1), kept.map.has(2)]).toEqual([true, true]);
  });
});
