import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_TRACKS, TrackedMap, TrackMap } from '../../../src/core/trackmap/trackmap.js';

/** Three pages, the last one short, so that borders of words, pages and the map are all near. */
const TRACKS = 2 * PAGE_TRACKS + 77;
const BORDERS = [0, 31, 32, 33, 64, PAGE_TRACKS - 33, PAGE_TRACKS - 1, PAGE_TRACKS, 2 * PAGE_TRACKS, TRACKS];

const place = fc.oneof(
  fc.nat(TRACKS),
  fc
    .tuple(fc.constantFrom(...BORDERS), fc.integer({ min: -2, max: 2 }))
    .map(([border, by]) => Math.min(Math.max(border + by, 0), TRACKS)),
);
const range = fc
  .tuple(place, place)
  .map(([one, other]) => ({ first: Math.min(one, other), count: Math.abs(one - other) }));
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('set', 'clear'), range, map: fc.nat(1) }),
  fc.record({ do: fc.constantFrom('unite', 'subtract', 'take', 'copy', 'empty', 'fill'), range, map: fc.nat(1) }),
);

class Model {
  bits = new Uint8Array(TRACKS);
  count(): number {
    return this.bits.reduce((sum, bit) => sum + bit, 0);
  }
  runs(): { first: number; count: number }[] {
    const runs: { first: number; count: number }[] = [];
    for (let track = 0; track < TRACKS; track++) {
      if (this.bits[track] === 0) continue;
      const first = track;
      while (track < TRACKS && this.bits[track] === 1) track++;
      runs.push({ first, count: track - first });
    }
    return runs;
  }
}

type Step = { do: string; range: { first: number; count: number }; map: number };

function applyStep({ do: what, range: { first, count }, map }: Step, maps: TrackMap[], models: Model[]): void {
  const [one, other] = [maps[map] as TrackMap, maps[1 - map] as TrackMap];
  const [model, otherModel] = [models[map] as Model, models[1 - map] as Model];
  const before = model.bits.subarray(first, first + count).reduce((sum, bit) => sum + bit, 0);
  if (what === 'set') {
    expect(one.set(first, count)).toBe(count - before);
    model.bits.fill(1, first, first + count);
  } else if (what === 'clear') {
    expect(one.clear(first, count)).toBe(before);
    model.bits.fill(0, first, first + count);
  } else if (what === 'unite' || what === 'take') {
    if (what === 'unite') one.unite(other);
    else one.takeFrom(other);
    otherModel.bits.forEach((bit, at) => {
      if (bit === 1) model.bits[at] = 1;
    });
    if (what === 'take') otherModel.bits.fill(0);
  } else if (what === 'subtract') {
    one.subtract(other);
    otherModel.bits.forEach((bit, at) => {
      if (bit === 1) model.bits[at] = 0;
    });
  } else if (what === 'copy') {
    maps[map] = other.copy();
    model.bits = otherModel.bits.slice();
  } else {
    if (what === 'empty') one.empty();
    else one.fill();
    model.bits.fill(what === 'fill' ? 1 : 0);
  }
}

function expectSame(map: TrackMap, model: Model, { first, count }: { first: number; count: number }): void {
  const part = model.bits.subarray(first, first + count);
  const inside = part.reduce((sum, bit) => sum + bit, 0);
  expect(map.count).toBe(model.count());
  expect(map.isEmpty).toBe(model.count() === 0);
  expect([...map.runs()]).toEqual(model.runs());
  expect(map.countIn(first, count)).toBe(inside);
  expect(map.any(first, count)).toBe(inside > 0);
  expect(map.all(first, count)).toBe(inside === count);
  if (first < TRACKS) expect(map.has(first)).toBe(model.bits[first] === 1);
  const limit = count + 1;
  const set = model.bits.indexOf(1, first);
  const setEnd = set === -1 ? -1 : model.bits.indexOf(0, set);
  const setCount = (setEnd === -1 ? TRACKS : setEnd) - set;
  expect(map.nextRun(first, limit)).toEqual(set === -1 ? undefined : { first: set, count: Math.min(setCount, limit) });
  const clear = first < TRACKS ? model.bits.indexOf(0, first) : -1;
  const clearEnd = clear === -1 ? -1 : model.bits.indexOf(1, clear);
  const clearCount = (clearEnd === -1 ? TRACKS : clearEnd) - clear;
  expect(map.nextGap(first, limit)).toEqual(
    clear === -1 ? undefined : { first: clear, count: Math.min(clearCount, limit) },
  );
}

describe('a track map', () => {
  it('is a set of tracks, whatever is done to it and to another', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), range, (steps, probe) => {
        const maps = [new TrackMap(TRACKS), new TrackMap(TRACKS)];
        const models = [new Model(), new Model()];
        for (const one of steps) applyStep(one, maps, models);
        const [a, b] = maps as [TrackMap, TrackMap];
        const [modelA, modelB] = models as [Model, Model];
        expectSame(a, modelA, probe);
        expectSame(b, modelB, probe);
        const both = modelA.bits.map((bit, at) => bit | (modelB.bits[at] as number)).reduce((sum, bit) => sum + bit, 0);
        expect(a.countUnion(b)).toBe(both);
        expect(a.intersects(b)).toBe(both < a.count + b.count);
      }),
      { numRuns: 150 },
    );
  });

  it('has tracks up to its end and not one more, also where the last page is short or whole', () => {
    for (const tracks of [1, 31, 32, PAGE_TRACKS - 1, PAGE_TRACKS, PAGE_TRACKS + 1]) {
      const map = new TrackMap(tracks);
      map.fill();
      expect([map.count, map.all(0, tracks), [...map.runs()]]).toEqual([tracks, true, [{ first: 0, count: tracks }]]);
      expect(map.clear(tracks - 1, 1)).toBe(1);
      expect(map.has(tracks - 1)).toBe(false);
      expect(() => map.set(tracks, 1)).toThrow(/inside/);
      expect(() => map.set(-1, 1)).toThrow(/inside/);
      expect(() => map.has(0.5)).toThrow(/inside/);
    }
    expect(new TrackMap(0).nextRun(0)).toBeUndefined();
  });

  it('counts tracks beyond 2^32 exactly', () => {
    const map = new TrackMap(2 ** 34);
    map.set(2 ** 34 - 3, 3);
    map.set(2 ** 33, 1);
    expect([...map.runs()]).toEqual([
      { first: 2 ** 33, count: 1 },
      { first: 2 ** 34 - 3, count: 3 },
    ]);
  });

  it('never shows tracks of one map in another through pages that are used again', () => {
    for (let round = 0; round < 100; round++) {
      const one = new TrackMap(PAGE_TRACKS);
      one.set(round * 7, 3);
      one.clear(round * 7, 3);
      const other = new TrackMap(PAGE_TRACKS);
      other.set(5000, 1);
      expect([...other.runs()]).toEqual([{ first: 5000, count: 1 }]);
      other.set(0, PAGE_TRACKS);
      one.set(100, 1);
      expect(one.count).toBe(1);
    }
  });

  it('refuses to meet a map of another size', () => {
    expect(() => new TrackMap(10).unite(new TrackMap(11))).toThrow(/same number/);
  });
});

function applyTracked(
  what: string,
  { first, count }: { first: number; count: number },
  tracked: TrackedMap,
  held: Model,
  unlogged: Model,
): void {
  if (what === 'log') {
    expect(tracked.takeUnlogged()).toEqual(unlogged.runs());
    unlogged.bits.fill(0);
  } else if (what === 'clear') {
    tracked.clear(first, count);
    held.bits.fill(0, first, first + count);
    unlogged.bits.fill(0, first, first + count);
  } else {
    for (let track = first; track < first + count; track++) {
      if (what === 'mark' && held.bits[track] === 0) unlogged.bits[track] = 1;
      held.bits[track] = 1;
    }
    if (what === 'mark') tracked.mark(first, count);
    else tracked.setLogged(first, count);
  }
  expect(tracked.hasUnlogged).toBe(unlogged.bits.includes(1));
}

describe('a tracked map', () => {
  it('tells what was set since it was last logged, exactly and once', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('mark', 'clear', 'log', 'setLogged'), range), { maxLength: 15 });
    fc.assert(
      fc.property(steps, (taken) => {
        const tracked = new TrackedMap(new TrackMap(TRACKS));
        const held = new Model();
        const unlogged = new Model();
        for (const [what, run] of taken) applyTracked(what, run, tracked, held, unlogged);
        expect([...tracked.map.runs()]).toEqual(held.runs());
        expect(tracked.unlogged()).toEqual(unlogged.runs());
        expect(tracked.takeUnlogged()).toEqual(unlogged.runs());
        expect(tracked.takeUnlogged()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('tells a watcher of every mark since it began, also of tracks that were set already', () => {
    const tracked = new TrackedMap(new TrackMap(100));
    tracked.mark(0, 10);
    const watch = tracked.watch();
    expect(watch.anyTouched(0, 100)).toBe(false);
    tracked.mark(4, 2);
    tracked.clear(4, 2);
    expect([watch.touched(3), watch.touched(4), watch.anyTouched(6, 94)]).toEqual([false, true, false]);
    const jumped = new TrackedMap(new TrackMap(100));
    jumped.mark(50, 1);
    tracked.unite(jumped);
    expect(watch.touched(50)).toBe(true);
    tracked.setLogged(60, 1);
    expect(watch.touched(60)).toBe(true);
    watch.close();
    tracked.mark(70, 1);
    expect(watch.touched(70)).toBe(false);
  });

  it('forgets what was unlogged where the tracks are gone', () => {
    const one = new TrackedMap(new TrackMap(100));
    const other = new TrackedMap(new TrackMap(100));
    one.mark(0, 10);
    other.mark(5, 10);
    one.subtract(other);
    expect(one.takeUnlogged()).toEqual([{ first: 0, count: 5 }]);
    one.takeFrom(other);
    expect([other.hasUnlogged, other.map.isEmpty, one.map.count]).toEqual([false, true, 15]);
    one.mark(50, 1);
    one.empty();
    expect([one.hasUnlogged, one.map.isEmpty]).toEqual([false, true]);
  });
});
