import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapFile, PAGE_TRACKS, TrackMap } from '../../../src/core/trackmap/trackmap.js';
import { FaultFiles, SimFiles } from '../../simulation/world/world.js';
import { crashEverywhere } from '../storage/crash-walk.js';
import { codeOf, flipBit, putAll, readAll } from '../storage/files.js';

const PATH = '/maps/p1';
const TRACKS = 70 * PAGE_TRACKS + 77;
const BLOCK = 4096;
/** Header A, header B, directory A, directory B; then all pages in slot A, then all in slot B. */
const pageAt = (page: number, slot: 0 | 1): number => (4 + slot * 71 + page) * BLOCK;

function newFiles(): SimFiles {
  const files = new SimFiles();
  files.makeFolder('/maps');
  return files;
}

/** A checkpoint that its owner then relies on. */
async function keep(file: MapFile, change: number): Promise<void> {
  await file.checkpoint(change);
  file.confirm();
}

function runsOf(files: SimFiles | FaultFiles, readOnly = false): unknown {
  const file = MapFile.open(files, PATH, TRACKS, { readOnly });
  return { change: file.change, runs: [...file.map.runs()] };
}

const MAP_STEPS = ['set', 'set', 'clear', 'empty', 'fill', 'take'] as const;

function change(map: TrackMap, what: string, first: number, count: number): void {
  if (what === 'set') map.set(first, count);
  else if (what === 'clear') map.clear(first, count);
  else if (what === 'empty') map.empty();
  else if (what === 'fill') map.fill();
  else if (what === 'take') {
    const other = new TrackMap(TRACKS);
    other.set(first, count);
    map.takeFrom(other);
  }
}

/** A map file and, beside it, what it has to hold. */
class History {
  readonly files = newFiles();
  readonly model = new TrackMap(TRACKS);
  readonly lent: { map: TrackMap; runs: unknown }[] = [];
  file = MapFile.open(this.files, PATH, TRACKS);
  change = 0;

  async go(what: string, first: number, count: number): Promise<void> {
    for (const map of [this.file.map, this.model]) change(map, what, first, count);
    if (what === 'lend') {
      const map = new TrackMap(TRACKS);
      this.lent.push({ map, runs: [...this.model.runs()] });
      map.takeFrom(this.file.map);
      this.model.empty();
    }
    if (what !== 'checkpoint' && what !== 'keep' && what !== 'reopen') return;
    this.change += 1;
    await this.file.checkpoint(this.change);
    if (what === 'keep') this.file.confirm();
    if (what !== 'reopen') return;
    this.file.close();
    this.file = MapFile.open(this.files, PATH, TRACKS);
    expect([this.file.change, this.file.map.count]).toEqual([this.change, this.model.count]);
  }

  expectAllRight(): void {
    expect([...this.file.map.runs()]).toEqual([...this.model.runs()]);
    for (const { map, runs } of this.lent) expect([...map.runs()]).toEqual(runs);
  }
}

describe('a map file', () => {
  it('is an empty map as of change 0 while there is none', () => {
    const files = newFiles();
    const file = MapFile.open(files, PATH, TRACKS);
    expect([file.change, file.isNew, file.map.isEmpty]).toEqual([0, true, true]);
    expect(files.list('/maps')).toEqual([]);
  });

  it('gives back every checkpoint of any history, opened anew or not, and so do maps that took its pages', async () => {
    const range = fc.tuple(fc.nat(TRACKS - 1), fc.oneof(fc.nat(100), fc.nat(5 * PAGE_TRACKS)));
    const step = fc.tuple(fc.constantFrom(...MAP_STEPS, 'lend', 'checkpoint', 'keep', 'reopen'), range);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const history = new History();
        for (const [what, [first, length]] of steps) await history.go(what, first, Math.min(length, TRACKS - first));
        await history.go('reopen', 0, 0);
        history.expectAllRight();
      }),
      { numRuns: 200 },
    );
  });

  it('holds the last checkpoint or the one under way wherever it crashes, as a whole', async () => {
    const seen = new Set<number>();
    const runsAt = (change: number): unknown => ({
      change,
      runs: [
        [],
        [
          { first: 5, count: 100 },
          { first: 3 * PAGE_TRACKS, count: 40_000 },
        ],
        [
          { first: 50, count: 55 },
          { first: 3 * PAGE_TRACKS, count: 40_000 },
          { first: 9 * PAGE_TRACKS, count: 3 },
        ],
        [],
        [
          { first: 7, count: 1 },
          { first: 60 * PAGE_TRACKS, count: 9 * PAGE_TRACKS },
        ],
      ][change],
    });
    const crashes = await crashEverywhere({
      seeds: 40,
      prepare: async (files) => {
        files.makeFolder('/maps');
        await files.flushFolder('/');
        return { reached: 0 };
      },
      act: async (files, state) => {
        const file = MapFile.open(files, PATH, TRACKS);
        const { map } = file;
        const steps = [
          () => [map.set(5, 100), map.set(3 * PAGE_TRACKS, 40_000)],
          () => [map.clear(5, 45), map.set(9 * PAGE_TRACKS, 3)],
          () => [map.empty()],
          () => [map.set(7, 1), map.set(60 * PAGE_TRACKS, 9 * PAGE_TRACKS)],
        ];
        for (const step of steps) {
          step();
          await keep(file, state.reached + 1);
          state.reached += 1;
        }
      },
      check: async (files, { reached }) => {
        const file = MapFile.open(files, PATH, TRACKS);
        seen.add(file.change - reached);
        expect([reached, reached + 1]).toContain(file.change);
        expect(runsOf(files)).toEqual(runsAt(file.change));
        expect(file.check().damaged).toEqual([]);
        // The next owner's checkpoint survives too.
        file.map.set(1, 1);
        await keep(file, 9);
        const after = MapFile.open(files.crash(1, 'power', 'none'), PATH, TRACKS);
        expect([after.change, after.map.has(1), after.map.count]).toEqual([9, true, file.map.count]);
      },
    });
    expect(crashes).toBeGreaterThan(150);
    expect([...seen].sort()).toEqual([0, 1]);
  });

  it('holds the confirmed checkpoint wherever it crashes, however many unconfirmed ones followed', async () => {
    const crashes = await crashEverywhere({
      seeds: 40,
      prepare: async (files) => {
        files.makeFolder('/maps');
        await files.flushFolder('/');
        const file = MapFile.open(files, PATH, TRACKS);
        file.map.set(5, 100);
        file.map.set(9 * PAGE_TRACKS, 3);
        await keep(file, 1);
        return MapFile.open(files, PATH, TRACKS);
      },
      act: async (_files, file) => {
        for (const change of [2, 3, 4]) {
          file.map.set(change * 1000, 1);
          file.map.clear(5, change);
          await file.checkpoint(change);
        }
      },
      check: (files, _file, finished) => {
        const confirmed = MapFile.open(files, PATH, TRACKS, { upTo: 1 });
        const runs = [
          { first: 5, count: 100 },
          { first: 9 * PAGE_TRACKS, count: 3 },
        ];
        expect([confirmed.change, [...confirmed.map.runs()]]).toEqual([1, runs]);
        expect(confirmed.check().damaged).toEqual([]);
        const latest = MapFile.open(files, PATH, TRACKS);
        if (finished) expect([latest.change, latest.map.count]).toEqual([4, 103 - 4 + 3]);
      },
    });
    expect(crashes).toBeGreaterThan(80);
  });

  it('is an empty map again when its first checkpoint was never confirmed, and damaged when a later one stands alone', async () => {
    const files = newFiles();
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(5, 100);
    await file.checkpoint(1);
    await file.checkpoint(2);
    const again = MapFile.open(files, PATH, TRACKS, { upTo: 0 });
    expect([again.isNew, again.change, again.map.count]).toEqual([true, 0, 0]);
    again.map.set(7, 1);
    await keep(again, 3);
    expect(runsOf(files)).toEqual({ change: 3, runs: [{ first: 7, count: 1 }] });
    await keep(again, 4);
    expect(await codeOf(() => MapFile.open(files, PATH, TRACKS, { upTo: 2 }))).toBe('metadata-damaged');
  });

  it('is whole wherever it crashes while a checkpoint takes the place of one that never counted', async () => {
    const crashes = await crashEverywhere({
      seeds: 40,
      prepare: async (files) => {
        files.makeFolder('/maps');
        await files.flushFolder('/');
        const file = MapFile.open(files, PATH, TRACKS);
        file.map.set(5, 100);
        await keep(file, 1);
        file.map.set(300, 1);
        await file.checkpoint(2);
        // The owner crashed; the next one left the map alone while the log went on.
        const next = MapFile.open(files, PATH, TRACKS, { upTo: 1 });
        next.map.set(300, 1);
        next.map.set(400, 1);
        return next;
      },
      act: (_files, file) => file.checkpoint(4),
      check: (files) => {
        const file = MapFile.open(files, PATH, TRACKS, { upTo: 3 });
        expect(file.check().damaged).toEqual([]);
        expect([[1, 100].join(), [2, 101].join()]).toContain([file.change, file.map.countIn(0, 1000)].join());
      },
    });
    expect(crashes).toBeGreaterThan(30);
  });

  it('makes pages durable before anything names them, and what names them before it says so', async () => {
    const files = newFiles();
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(5, 100);
    await keep(file, 1);
    file.map.set(500, 1);
    const calls: string[] = [];
    files.beforeCall(({ kind }) => calls.push(kind));
    await file.checkpoint(2);
    const [page, directory, header] = ['write', 'write', 'write'];
    expect(calls).toEqual([page, 'flush', directory, header, 'flush']);
  });

  it('keeps marks made while a checkpoint runs for the next one', async () => {
    const files = newFiles();
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(1, 1);
    await keep(file, 1);
    file.map.set(2, 1);
    const running = file.checkpoint(2);
    file.map.set(3, 1);
    file.map.set(PAGE_TRACKS * 5, 1);
    await running;
    expect(runsOf(files)).toEqual({ change: 2, runs: [{ first: 1, count: 2 }] });
    await keep(file, 3);
    expect(MapFile.open(files, PATH, TRACKS).map.count).toBe(4);
  });

  it('writes only pages that changed, and none to empty a map', async () => {
    const files = new FaultFiles(newFiles());
    const file = MapFile.open(files, PATH, TRACKS);
    for (let page = 0; page < 70; page++) file.map.set(page * PAGE_TRACKS, 1);
    await keep(file, 1);
    const writesOf = async (change: number): Promise<number> => {
      const before = files.count('write');
      await keep(file, change);
      return files.count('write') - before;
    };
    file.map.set(40 * PAGE_TRACKS + 9, 1);
    expect(await writesOf(2)).toBe(1 + 1 + 2);
    expect(await writesOf(3)).toBe(2);
    file.map.empty();
    expect(await writesOf(4)).toBe(2);
  });

  it('goes on after a full disk, and holds the old checkpoint until it can', async () => {
    for (let nth = 1; nth <= 4; nth++) {
      const inner = newFiles();
      const files = new FaultFiles(inner);
      const file = MapFile.open(files, PATH, TRACKS);
      file.map.set(1, 1);
      await keep(file, 1);
      file.map.set(9, 1);
      files.plan({ call: 'write', nth, fault: 'short' });
      expect(await codeOf(() => keep(file, 2))).toBe('no-space');
      if (nth < 4)
        expect([...MapFile.open(inner, PATH, TRACKS, { upTo: 1 }).map.runs()]).toEqual([{ first: 1, count: 1 }]);
      await keep(file, 3);
      expect(runsOf(inner)).toEqual({
        change: 3,
        runs: [
          { first: 1, count: 1 },
          { first: 9, count: 1 },
        ],
      });
    }
  });

  it('is never flushed again after a flush failed', async () => {
    const files = new FaultFiles(newFiles());
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(1, 1);
    await keep(file, 1);
    files.plan({ call: 'flush', nth: 1, fault: 'io' });
    file.map.set(2, 1);
    expect(await codeOf(() => file.checkpoint(2))).toBe('io-error');
    const flushes = files.count('flush');
    expect(await codeOf(() => file.checkpoint(3))).toBe('io-error');
    expect(files.count('flush')).toBe(flushes);
  });

  it('opens a map of 16 TiB quickly, reads only what it is asked for and takes little room', async () => {
    const files = new FaultFiles(newFiles());
    const tracks = 2 ** 28;
    const file = MapFile.open(files, PATH, tracks);
    file.map.set(0, 1);
    file.map.set(tracks - 10, 5);
    file.map.set(PAGE_TRACKS * 4000, PAGE_TRACKS * 1000);
    await keep(file, 1);
    expect(files.status(PATH)?.allocatedBytes).toBeLessThanOrEqual(10 * BLOCK);
    const before = files.count('read');
    const opened = MapFile.open(files, PATH, tracks);
    expect(files.count('read') - before).toBeLessThanOrEqual(2 + 9);
    expect(opened.map.count).toBe(6 + PAGE_TRACKS * 1000);
    expect(opened.map.nextRun(1)).toEqual({ first: PAGE_TRACKS * 4000, count: PAGE_TRACKS * 1000 });
    expect(files.count('read') - before).toBeLessThanOrEqual(2 + 9 + 1);
    expect(opened.map.has(tracks - 6)).toBe(true);
    const startedMs = performance.now();
    for (let round = 0; round < 20; round++) MapFile.open(files, PATH, tracks);
    expect((performance.now() - startedMs) / 20).toBeLessThan(20);
  });
});

describe('a damaged map file', () => {
  async function written(): Promise<SimFiles> {
    const files = newFiles();
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(3, 1);
    file.map.set(2 * PAGE_TRACKS + 3, 1);
    await keep(file, 1);
    return files;
  }

  it('names map and page when a bit of a page flips, whichever', async () => {
    const files = await written();
    for (let at = 0; at < BLOCK; at += 13) {
      flipBit(files, PATH, pageAt(2, 0) + at, at % 8);
      const file = MapFile.open(files, PATH, TRACKS);
      expect(file.map.has(3)).toBe(true);
      expect(await codeOf(() => file.map.has(2 * PAGE_TRACKS))).toBe('metadata-damaged');
      expect(() => file.map.has(2 * PAGE_TRACKS)).toThrow(/\/maps\/p1.*page 2/);
      expect(file.check()).toEqual({ pages: 2, damaged: [2] });
      flipBit(files, PATH, pageAt(2, 0) + at, at % 8);
    }
    expect(MapFile.open(files, PATH, TRACKS).check()).toEqual({ pages: 2, damaged: [] });
  });

  it('reads as all ones where more is safe, says so, and is whole after the next checkpoint', async () => {
    const files = await written();
    flipBit(files, PATH, pageAt(2, 0) + 100);
    const pages: number[] = [];
    const options = { damagedPages: 'all-ones', onDamage: (page: number) => pages.push(page) } as const;
    const file = MapFile.open(files, PATH, TRACKS, options);
    expect(file.map.count).toBe(2);
    expect(file.map.set(2 * PAGE_TRACKS + 9, 1)).toBe(0);
    expect(file.map.clear(2 * PAGE_TRACKS, 1)).toBe(1);
    expect([file.map.count, pages]).toEqual([PAGE_TRACKS, [2]]);
    await keep(file, 2);
    const after = MapFile.open(files, PATH, TRACKS);
    expect(after.check().damaged).toEqual([]);
    expect(after.map.countIn(2 * PAGE_TRACKS, PAGE_TRACKS)).toBe(PAGE_TRACKS - 1);
  });

  it('never falls back to an earlier checkpoint, because that lacks tracks', async () => {
    const files = await written();
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(70, 1);
    await keep(file, 2);
    for (const header of [0, BLOCK]) {
      flipBit(files, PATH, header + 30);
      expect(MapFile.open(files, PATH, TRACKS).change).toBe(2);
      flipBit(files, PATH, header + 30);
    }
    for (const directory of [2, 3]) flipBit(files, PATH, directory * BLOCK + 70);
    expect(await codeOf(() => MapFile.open(files, PATH, TRACKS))).toBe('metadata-damaged');
  });

  it('does not take the older version of a page for the newer one', async () => {
    const files = await written();
    const before = readAll(files, PATH).slice(pageAt(0, 0), pageAt(0, 0) + BLOCK);
    const file = MapFile.open(files, PATH, TRACKS);
    file.map.set(70, 1);
    await keep(file, 2);
    const handle = files.open(PATH, 'write');
    handle.write(before, pageAt(0, 1));
    handle.close();
    expect(await codeOf(() => MapFile.open(files, PATH, TRACKS).map.has(3))).toBe('metadata-damaged');
  });

  it('is refused when it is cut, of another size, newer, or no plain file', async () => {
    const whole = readAll(await written(), PATH);
    for (const cut of [0, 100, BLOCK, 2 * BLOCK + 1, 3 * BLOCK - 1]) {
      const files = newFiles();
      putAll(files, PATH, whole.subarray(0, cut));
      expect(await codeOf(() => MapFile.open(files, PATH, TRACKS))).toBe('metadata-damaged');
    }
    expect(await codeOf(async () => MapFile.open(await written(), PATH, TRACKS + 1))).toBe('metadata-damaged');
    const files = newFiles();
    files.plant(PATH, 'link');
    expect(await codeOf(() => MapFile.open(files, PATH, TRACKS))).toBe('not-regular');
    expect(await codeOf(() => MapFile.create(files, PATH, TRACKS))).toBe('already-exists');
  });

  it('tells a reader that the owner rewrote it meanwhile', async () => {
    const files = await written();
    const reader = MapFile.open(files, PATH, TRACKS, { readOnly: true });
    const owner = MapFile.open(files, PATH, TRACKS);
    for (let change = 2; change < 5; change++) {
      owner.map.set(change * 2, 1);
      await keep(owner, change);
    }
    expect(await codeOf(() => reader.map.has(3))).toBe('busy');
    await expect(reader.checkpoint(9)).rejects.toThrow(/reader/);
  });
});
