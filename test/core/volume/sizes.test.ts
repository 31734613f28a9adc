import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  checkRange,
  checkTrackSize,
  checkVolumeSize,
  formatBytes,
  Geometry,
  parseDuration,
  parseRate,
  parseSize,
  type VolumeRecord,
  volumeRecordSchema,
} from '../../../src/core/volume/volume.js';

const WILD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -512, 0.5, 512.5, 2 ** 53, 1e300];

function refusing(code: string) {
  return expect.objectContaining({ code });
}

describe('a size that was typed', () => {
  it('counts in 1,024 or in 1,000, as its unit says', () => {
    const sizes = {
      '0': 0,
      '512': 512,
      '512B': 512,
      '64KiB': 65_536,
      '1MiB': 1 << 20,
      '1GiB': 2 ** 30,
      '1TiB': 2 ** 40,
    };
    for (const [text, size] of Object.entries(sizes)) expect(parseSize(text)).toBe(size);
    expect([parseSize('1kB'), parseSize('1KB'), parseSize('1MB'), parseSize('1GB'), parseSize('64kib')]).toEqual([
      1e3, 1e3, 1e6, 1e9, 65_536,
    ]);
  });

  it('is refused where it is not a whole number with a unit', () => {
    const texts = [
      '',
      ' ',
      '1.5GiB',
      '-1',
      '+1',
      '1K',
      '64Ki',
      '64iB',
      '1e3',
      '0x10',
      '1 GiB',
      '1,024',
      'GiB',
      '1GiBs',
      '1\n',
    ];
    const large = ['9007199254740992', '9999999999TiB', '9'.repeat(300)];
    for (const text of [...texts, ...large]) expect(() => parseSize(text), text).toThrow(refusing('bad-size'));
  });

  it('as a rate is at least one byte per second', () => {
    expect(parseRate('10MiB')).toBe(10_485_760);
    expect(() => parseRate('0')).toThrow(refusing('bad-size'));
  });

  it('is shown in the largest unit that fits', () => {
    expect([0, 512, 65_536, 1_610_612_736, 2 ** 46].map(formatBytes)).toEqual([
      '0B',
      '512B',
      '64KiB',
      '1.5GiB',
      '64TiB',
    ]);
  });
});

describe('a duration that was typed', () => {
  it('has a unit, but for 0', () => {
    expect(['500ms', '30s', '5m', '2h', '1d', '0', '0s'].map(parseDuration)).toEqual([
      500, 30_000, 300_000, 7_200_000, 86_400_000, 0, 0,
    ]);
  });

  it('is refused where it is anything else', () => {
    for (const text of ['', '30', '1.5s', '-1s', '5 m', '5min', '1w', 's', '5S', '9'.repeat(300), '5m\n', 'forever']) {
      expect(() => parseDuration(text), text).toThrow(refusing('bad-time'));
    }
  });
});

describe('the size of a volume', () => {
  it('is whole sectors up to 64 TiB', () => {
    for (const size of [512, 1024, 2 ** 46]) expect(() => checkVolumeSize(size)).not.toThrow();
    for (const size of [...WILD, 0, 1, 511, 513, 2 ** 46 + 512]) {
      expect(() => checkVolumeSize(size), String(size)).toThrow(refusing('bad-size'));
    }
  });

  it('of a track is a power of two from 4 KiB to 16 MiB', () => {
    for (let power = 12; power <= 24; power++) expect(() => checkTrackSize(2 ** power)).not.toThrow();
    for (const size of [...WILD, 0, 512, 2048, 4097, 12_288, 65_535, 2 ** 24 - 1, 2 ** 25]) {
      expect(() => checkTrackSize(size), String(size)).toThrow(refusing('bad-size'));
    }
  });
});

describe('geometry', () => {
  const short = new Geometry({ sizeBytes: 3 * 4096 + 512, trackSizeBytes: 4096 });

  it('has a short last track', () => {
    expect(short.trackCount).toBe(4);
    expect([0, 2, 3].map((track) => short.bytesOf(track))).toEqual([4096, 4096, 512]);
    expect(short.bytesOfRun({ first: 2, count: 2 })).toBe(4608);
    expect(short.lastTrack).toBe(3);
  });

  it('of a volume smaller than a track is one short track', () => {
    const one = new Geometry({ sizeBytes: 512, trackSizeBytes: 65_536 });
    expect([one.trackCount, one.bytesOf(0)]).toEqual([1, 512]);
    expect(one.wholeTracksIn(0, 512)).toEqual({ first: 0, count: 1 });
  });

  it('tells the tracks that a range touches from those that it covers', () => {
    expect(short.tracksOf(4095, 2)).toEqual({ first: 0, count: 2 });
    expect(short.tracksOf(4096, 0)).toEqual({ first: 1, count: 0 });
    expect(short.wholeTracksIn(4095, 4097)).toEqual({ first: 1, count: 1 });
    expect(short.wholeTracksIn(4095, 4096)).toBeUndefined();
    expect(short.wholeTracksIn(3 * 4096, 512)).toEqual({ first: 3, count: 1 });
    expect(short.wholeTracksIn(3 * 4096, 511)).toBeUndefined();
    expect(short.wholeTracksIn(0, 0)).toBeUndefined();
  });

  it('agrees with counting byte by byte', () => {
    const sectors = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(sectors, fc.nat(), fc.nat(), (count, from, much) => {
        const geometry = new Geometry({ sizeBytes: count * 512, trackSizeBytes: 4096 });
        const offset = from % (count * 512);
        const length = much % (count * 512 - offset + 1);
        const tracks = Array.from({ length: geometry.trackCount }, (_, track) => track);
        const start = (track: number) => geometry.offsetOf(track);
        const end = (track: number) => start(track) + geometry.bytesOf(track);
        const touched = tracks.filter((track) => length > 0 && start(track) < offset + length && end(track) > offset);
        const covered = tracks.filter((track) => length > 0 && start(track) >= offset && end(track) <= offset + length);
        const run = geometry.tracksOf(offset, length);
        expect(tracks.slice(run.first, run.first + run.count)).toEqual(touched);
        const whole = geometry.wholeTracksIn(offset, length) ?? { first: 0, count: 0 };
        expect(tracks.slice(whole.first, whole.first + whole.count)).toEqual(covered);
      }),
    );
  });

  it('is exact at the largest volume with the smallest tracks', () => {
    const large = new Geometry({ sizeBytes: 2 ** 46, trackSizeBytes: 4096 });
    expect(large.trackCount).toBe(2 ** 34);
    expect(large.trackOf(2 ** 46 - 1)).toBe(2 ** 34 - 1);
  });
});

describe('a range', () => {
  const volume = { name: 'db', sizeBytes: 4096 };

  it('lies inside its volume', () => {
    expect(() => checkRange(volume, 0, 4096)).not.toThrow();
    expect(() => checkRange(volume, 4096, 0)).not.toThrow();
    for (const wild of [...WILD, 4097]) {
      expect(() => checkRange(volume, wild, 1), String(wild)).toThrow(refusing('bad-range'));
      expect(() => checkRange(volume, 0, wild), String(wild)).toThrow(refusing('bad-range'));
    }
    expect(() => checkRange(volume, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toThrow(refusing('bad-range'));
  });
});

describe('a volume record that was read', () => {
  const good: VolumeRecord = {
    number: 0x1a,
    name: 'db',
    sizeBytes: 1 << 20,
    trackSizeBytes: 65_536,
    emulation: 'OPEN-V',
    reserved: false,
    imagePath: 'volumes/db.img',
    status: 'normal',
    blockedReason: null,
    incomplete: { missingTracks: 3, reason: 'its pair was deleted' },
    createdAtMs: 1_000,
  };
  const reads = (value: unknown) => v.safeParse(volumeRecordSchema, value).success;

  it('comes back as it was', () => {
    expect(v.parse(volumeRecordSchema, JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  it('is refused with unknown keys, wild numbers, wild names and wild paths', () => {
    expect(reads({ ...good, more: 1 })).toBe(false);
    for (const key of ['number', 'sizeBytes', 'trackSizeBytes', 'createdAtMs']) {
      for (const value of [...WILD, '1', null])
        expect(reads({ ...good, [key]: value }), `${key}: ${value}`).toBe(false);
    }
    expect(reads({ ...good, number: 65_536 })).toBe(false);
    for (const name of ['', '..', 'a/b', 'LUN1', 'x'.repeat(300)]) expect(reads({ ...good, name })).toBe(false);
    for (const imagePath of ['', '../db.img', 'a/../../b', 'a\u0000'])
      expect(reads({ ...good, imagePath })).toBe(false);
    for (const status of ['copying', 'unknown', 'x']) expect(reads({ ...good, status })).toBe(false);
    for (const emulation of ['', 'a\nb', 'x'.repeat(65)]) expect(reads({ ...good, emulation })).toBe(false);
  });

  it('may have its image in a pool', () => {
    expect(reads({ ...good, imagePath: '/pool/db.img' })).toBe(true);
  });

  it('is refused, not choked on, whatever JSON stands there', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => !reads(value)));
  });
});
