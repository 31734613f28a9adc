import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bindCode,
  CheckCodeFile,
  codeOfData,
  Image,
  isZero,
  rebindCode,
  type VolumeRecord,
} from '../../../src/core/volume/volume.js';
import { nodeFiles } from '../../../src/platform/node-files.js';
import { FaultFiles } from '../../simulation/world/world.js';

const SIZE = 64 * 1024;
const VOLUME: VolumeRecord = {
  number: 1,
  name: 'db',
  sizeBytes: SIZE,
  trackSizeBytes: 4096,
  emulation: 'OPEN-V',
  reserved: false,
  imagePath: 'db.img',
  status: 'normal',
  blockedReason: null,
  incomplete: null,
  createdAtMs: 0,
};

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyset-volume-'));
  path = join(folder, 'db.img');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function create(files = nodeFiles as ConstructorParameters<typeof FaultFiles>[0]): Image {
  return Image.create(files, { path, system: 'tokyo', volume: VOLUME });
}

function open(
  mode: 'read' | 'write' = 'write',
  files = nodeFiles as ConstructorParameters<typeof FaultFiles>[0],
): Image {
  return Image.open(files, { path, system: 'tokyo', volume: VOLUME, mode });
}

function refusing(code: string) {
  return expect.objectContaining({ code, message: expect.stringContaining('tokyo:db'), hint: expect.any(String) });
}

describe('an image', () => {
  it('is a plain file of the volume size, made as one hole', () => {
    create().close();
    expect(statSync(path)).toMatchObject({ size: SIZE, blocks: 0 });
  });

  it('gives back what was written to it, zeros elsewhere', async () => {
    const image = create();
    image.write(Buffer.from('hello'), 5000);
    await image.flush();
    image.close();
    const again = open('read');
    const all = new Uint8Array(SIZE).fill(1);
    again.read(all, 0);
    again.close();
    expect(Buffer.from(all)).toEqual(readFileSync(path));
    expect(Buffer.from(all.subarray(5000, 5005)).toString()).toBe('hello');
    expect(isZero(all.subarray(0, 5000)) && isZero(all.subarray(5005))).toBe(true);
  });

  it('takes large pieces without blocking, and pieces that are not whole sectors too', async () => {
    const image = create();
    const bulk = nodeFiles.bulkBuffer(8192).fill(7);
    await image.writeBulk(bulk, 4096);
    await image.writeBulk(Buffer.from('odd'), 1);
    const back = new Uint8Array(8192);
    image.read(back, 4096);
    expect(Buffer.compare(back, bulk)).toBe(0);
    image.read(back.subarray(0, 3), 1);
    expect(Buffer.from(back.subarray(0, 3)).toString()).toBe('odd');
    image.close();
  });

  it('is not made over a file that is there', () => {
    create().close();
    expect(() => create()).toThrow(expect.objectContaining({ code: 'already-exists' }));
  });

  it('leaves no file behind when there is no room for it', () => {
    const files = new FaultFiles(nodeFiles, { call: 'truncate', nth: 1, fault: 'no-space' });
    expect(() => create(files)).toThrow(expect.objectContaining({ code: 'no-space' }));
    expect(nodeFiles.status(path)).toBeUndefined();
  });

  it('that is missing is file-not-found', () => {
    expect(() => open()).toThrow(refusing('file-not-found'));
  });

  it('of another size is damaged', () => {
    create().close();
    for (const size of [0, SIZE - 1, SIZE + 512]) {
      truncateSync(path, size);
      expect(() => open(), String(size)).toThrow(refusing('metadata-damaged'));
    }
  });

  it('is a regular file of its own', () => {
    create().close();
    linkSync(path, join(folder, 'second'));
    expect(() => open()).toThrow(refusing('not-regular'));
    rmSync(path);
    symlinkSync(join(folder, 'second'), path);
    expect(() => open()).toThrow(refusing('not-regular'));
    rmSync(path);
    mkdirSync(path);
    expect(() => open()).toThrow(refusing('not-regular'));
  });

  it('cut short while it is open is damaged, and a read past it returns no invented zeros', () => {
    const image = create();
    truncateSync(path, 4096);
    expect(() => image.read(new Uint8Array(4096), 2048)).toThrow(refusing('metadata-damaged'));
    image.close();
  });

  it('names the volume when the storage below fails', async () => {
    create().close();
    const failing = { io: 'io-error', 'no-space': 'no-space' } as const;
    for (const [fault, code] of Object.entries(failing)) {
      const files = new FaultFiles(nodeFiles, { call: 'write', nth: 1, fault: fault as keyof typeof failing });
      const image = open('write', files);
      expect(() => image.write(new Uint8Array(512), 0)).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining('tokyo:db') }),
      );
      image.close();
    }
    const files = new FaultFiles(
      nodeFiles,
      { call: 'read', nth: 1, fault: 'io' },
      { call: 'writeBulk', nth: 1, fault: 'io' },
    );
    const image = open('write', files);
    expect(() => image.read(new Uint8Array(512), 0)).toThrow(expect.objectContaining({ code: 'io-error' }));
    await expect(image.writeBulk(nodeFiles.bulkBuffer(512), 0)).rejects.toMatchObject({ code: 'io-error' });
    image.close();
  });

  it('whose flush failed once never says again that something is durable (P9)', async () => {
    const files = new FaultFiles(nodeFiles, { call: 'flush', nth: 1, fault: 'io' });
    create().close();
    const failures: unknown[] = [];
    const image = Image.open(files, {
      path,
      system: 'tokyo',
      volume: VOLUME,
      mode: 'write',
      onFlushFailure: (error) => failures.push(error),
    });
    await expect(image.flush()).rejects.toMatchObject({ code: 'io-error' });
    await expect(image.flush()).rejects.toMatchObject({ code: 'io-error' });
    expect(failures).toHaveLength(1);
    image.close();
  });

  it('is never written outside the volume, nor when opened for reading', () => {
    const image = create();
    for (const offset of [-1, SIZE, SIZE - 511, Number.NaN]) {
      expect(() => image.write(new Uint8Array(512), offset)).toThrow('a request lies inside its volume');
    }
    image.close();
    const reading = open('read');
    expect(() => reading.write(new Uint8Array(512), 0)).toThrow('opened for reading');
    reading.close();
    expect(statSync(path).size).toBe(SIZE);
  });
});

describe('zeros', () => {
  it('are told from everything else, at every place', () => {
    for (const length of [0, 1, 511, 65_536, 65_537, 200_000]) {
      const bytes = new Uint8Array(length + 3).subarray(3);
      expect(isZero(bytes)).toBe(true);
      for (const at of [0, 65_535, 65_536, length - 1]) {
        if (at < 0 || at >= length) continue;
        bytes[at] = 1;
        expect(isZero(bytes), `${at} of ${length}`).toBe(false);
        bytes[at] = 0;
      }
    }
  });
});

describe('a check code', () => {
  const volume = fc.integer({ min: 0, max: 65_535 });
  const track = fc.integer({ min: 0, max: 2 ** 34 - 1 });
  const data = fc.uint8Array({ maxLength: 64 });

  it('is the CRC-32 of the data, bound to its address', () => {
    expect(codeOfData(Buffer.from('123456789'))).toBe(0xcbf43926);
    fc.assert(
      fc.property(data, volume, track, (bytes, number, index) => {
        const code = bindCode(codeOfData(bytes), number, index);
        expect(Number.isInteger(code) && code >= 0 && code <= 0xffff_ffff).toBe(true);
        expect(bindCode(code, number, index)).toBe(codeOfData(bytes));
      }),
    );
  });

  it('goes to another volume without the data', () => {
    fc.assert(
      fc.property(data, volume, volume, track, (bytes, from, to, index) => {
        const crc = codeOfData(bytes);
        expect(rebindCode(bindCode(crc, from, index), from, to, index)).toBe(bindCode(crc, to, index));
      }),
    );
  });

  it('does not fit the same data in another place', () => {
    fc.assert(
      fc.property(volume, volume, track, track, (v1, v2, t1, t2) => {
        if (v1 !== v2) expect(bindCode(5, v1, t1)).not.toBe(bindCode(5, v2, t1));
        const samePart = Math.floor(t1 / 2 ** 32) === Math.floor(t2 / 2 ** 32);
        if (t1 !== t2 && samePart) expect(bindCode(5, v1, t1)).not.toBe(bindCode(5, v1, t2));
      }),
    );
  });

  it('keeps the form that is written down in docs/formats/tables.md', () => {
    expect([
      bindCode(0, 0, 0),
      bindCode(0, 1, 0),
      bindCode(0, 0, 1),
      bindCode(0, 0x1a, 2 ** 33 + 7),
    ]).toMatchInlineSnapshot(`
      [
        1680814304,
        3584742034,
        4215923267,
        2623726470,
      ]
    `);
  });
});

describe('a file of check codes', () => {
  const options = () => ({
    path: join(folder, 'db.codes'),
    trackCount: 100,
    what: 'the check codes of volume tokyo:db',
  });

  it('is one hole at first, and gives back what was written', async () => {
    const file = CheckCodeFile.create(nodeFiles, options());
    expect(statSync(options().path)).toMatchObject({ size: 400, blocks: 0 });
    file.write(10, Uint32Array.of(1, 0xffff_ffff, 0x1234_5678));
    await file.flush();
    file.close();
    const again = CheckCodeFile.open(nodeFiles, { ...options(), readOnly: true });
    const codes = new Uint32Array(5).fill(9);
    again.read(9, 5, codes);
    expect([...codes]).toEqual([0, 1, 0xffff_ffff, 0x1234_5678, 0]);
    expect(() => again.write(0, codes)).toThrow('opened for reading');
    again.close();
    expect([...readFileSync(options().path).subarray(48, 52)]).toEqual([0x78, 0x56, 0x34, 0x12]);
  });

  it('reads zeros where it was cut short, and touches nothing else of the target', () => {
    const file = CheckCodeFile.create(nodeFiles, options());
    truncateSync(options().path, 6);
    const codes = new Uint32Array(4).fill(9);
    file.read(0, 3, codes);
    expect([...codes]).toEqual([0, 0, 0, 9]);
    file.close();
  });

  it('is never read or written outside its volume', () => {
    const file = CheckCodeFile.create(nodeFiles, options());
    expect(() => file.read(99, 2, new Uint32Array(2))).toThrow('inside their volume');
    expect(() => file.write(100, new Uint32Array(1))).toThrow('inside their volume');
    file.close();
  });

  it('gathers the codes of scattered tracks, and reads what it gathered', async () => {
    const files = new FaultFiles(nodeFiles);
    const file = CheckCodeFile.create(files, { ...options(), trackCount: 10_000 });
    for (let track = 0; track < 10_000; track += 50) file.write(track, Uint32Array.of(track + 1));
    expect(files.count('write')).toBeLessThan(3);
    const codes = new Uint32Array(2);
    file.read(9_949, 2, codes);
    expect([...codes]).toEqual([0, 9_951]);
    await file.flush();
    file.close();
    expect(files.count('write')).toBe(3);
    const again = CheckCodeFile.open(nodeFiles, { ...options(), trackCount: 10_000, readOnly: true });
    const all = new Uint32Array(10_000);
    again.read(0, 10_000, all);
    expect([...all]).toEqual(Array.from({ length: 10_000 }, (_, track) => (track % 50 === 0 ? track + 1 : 0)));
    again.close();
  });

  it('takes many at once among those it gathered, the later ones last', async () => {
    const trackCount = 10_000;
    const file = CheckCodeFile.create(nodeFiles, { ...options(), trackCount });
    file.write(10, Uint32Array.of(1));
    file.write(0, new Uint32Array(5_000).fill(2));
    file.write(20, Uint32Array.of(3));
    file.write(4_090, new Uint32Array(10).fill(4));
    await file.flush();
    const codes = new Uint32Array(trackCount);
    file.read(0, trackCount, codes);
    const expected = new Uint32Array(trackCount).fill(2, 0, 5_000).fill(3, 20, 21).fill(4, 4_090, 4_100);
    expect(Buffer.compare(Buffer.from(codes.buffer), Buffer.from(expected.buffer))).toBe(0);
    file.close();
  });

  it('tells everyone who flushes that codes could not be written, and keeps them for the next try', async () => {
    const files = new FaultFiles(nodeFiles);
    const file = CheckCodeFile.create(files, { ...options(), trackCount: 10_000 });
    file.write(1, Uint32Array.of(7));
    files.plan({ call: 'write', nth: 1, fault: 'short', sticky: true });
    // Somebody else's codes lie in another block: the first ones are in the way.
    expect(() => file.write(9_000, Uint32Array.of(8))).toThrow(refusing('no-space'));
    await expect(file.flush()).rejects.toThrow(refusing('no-space'));
    files.clear();
    await file.flush();
    const codes = new Uint32Array(2);
    file.read(0, 2, codes);
    expect([...codes]).toEqual([0, 7]);
    file.close();
  });

  it('that is missing is file-not-found', () => {
    expect(() => CheckCodeFile.open(nodeFiles, options())).toThrow(refusing('file-not-found'));
  });
});
