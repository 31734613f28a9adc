import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileError, type FileFault, type Files } from '../../src/core/ports/ports.js';

export interface FilesUnderTest {
  readonly files: Files;
  /** An empty folder to work in. */
  readonly folder: string;
  plantLink(path: string, target: string): void;
  plantFifo(path: string): void;
  /** Lets deferred calls settle: identity on the real machine. */
  run<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

const bytes = (...values: number[]) => Uint8Array.from(values);

export function expectFault(call: () => unknown, fault: FileFault): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FileError);
  expect((thrown as FileError).fault).toBe(fault);
}

/** What every implementation of the Files port promises. */
export function filesContract(name: string, make: () => FilesUnderTest): void {
  describe(`Files contract: ${name}`, () => {
    let world: FilesUnderTest;
    let files: Files;
    const at = (path: string) => `${world.folder}/${path}`;
    const writeFile = (path: string, content: Uint8Array) => {
      const file = files.open(at(path), 'create');
      file.write(content, 0);
      file.close();
    };
    const readFile = (path: string) => {
      const file = files.open(at(path), 'read');
      const content = new Uint8Array(file.sizeBytes());
      file.read(content, 0);
      file.close();
      return content;
    };

    beforeEach(() => {
      world = make();
      files = world.files;
    });
    afterEach(() => world.end());

    test('what is written is read back at its place', () => {
      const file = files.open(at('a'), 'create');
      expect(file.sizeBytes()).toBe(0);
      file.write(bytes(1, 2, 3), 5_000);
      expect(file.sizeBytes()).toBe(5_003);
      const target = new Uint8Array(4).fill(9);
      expect(file.read(target, 4_999)).toBe(4);
      expect([...target]).toEqual([0, 1, 2, 3]);
      file.close();
      expect(readFile('a').length).toBe(5_003);
    });

    test('a read past the end gives what there is and leaves the rest of the target', () => {
      writeFile('a', bytes(1, 2, 3));
      const file = files.open(at('a'), 'read');
      const target = new Uint8Array(4).fill(9);
      expect(file.read(target, 2)).toBe(1);
      expect([...target]).toEqual([3, 9, 9, 9]);
      expect(file.read(target, 100)).toBe(0);
      file.close();
    });

    test('growing adds a hole that takes no room, shrinking forgets for good', () => {
      const file = files.open(at('a'), 'create');
      file.write(new Uint8Array(8_192).fill(7), 0);
      file.truncate(100);
      file.truncate(1_000_000_000_000);
      expect(file.sizeBytes()).toBe(1_000_000_000_000);
      const target = new Uint8Array(8_192).fill(9);
      expect(file.read(target, 0)).toBe(8_192);
      expect(target.subarray(0, 100).every((byte) => byte === 7)).toBe(true);
      expect(target.subarray(100).every((byte) => byte === 0)).toBe(true);
      expect(files.status(at('a'))?.allocatedBytes).toBeLessThan(100_000);
      file.close();
    });

    test('writes across pages keep what is around them', () => {
      const file = files.open(at('a'), 'create');
      file.write(new Uint8Array(20_000).fill(1), 0);
      file.write(new Uint8Array(10_001).fill(2), 4_000);
      const target = new Uint8Array(20_000);
      file.read(target, 0);
      expect([target[3_999], target[4_000], target[14_000], target[14_001]]).toEqual([1, 2, 2, 1]);
      file.close();
    });

    test('an empty write changes nothing', () => {
      const file = files.open(at('a'), 'create');
      file.write(new Uint8Array(0), 10);
      expect(file.sizeBytes()).toBe(0);
      file.close();
    });

    test('create refuses what is there, read and write want what is there', () => {
      writeFile('a', bytes(1));
      expectFault(() => files.open(at('a'), 'create'), 'exists');
      expectFault(() => files.open(at('b'), 'read'), 'not-found');
      expectFault(() => files.open(at('b'), 'write'), 'not-found');
      expectFault(() => files.open(at('no/b'), 'create'), 'not-found');
      expectFault(() => files.open(at('a/b'), 'read'), 'not-found');
    });

    test('links, FIFOs and folders are refused and never waited for', () => {
      writeFile('a', bytes(1));
      world.plantLink(at('link'), at('a'));
      world.plantLink(at('dangling'), at('nothing'));
      world.plantFifo(at('fifo'));
      files.makeFolder(at('folder'));
      for (const path of ['link', 'dangling', 'fifo', 'folder']) {
        expectFault(() => files.open(at(path), 'read'), 'not-regular');
        expectFault(() => files.open(at(path), 'write'), 'not-regular');
        expectFault(() => files.open(at(path), 'create'), 'exists');
      }
      expect(files.status(at('link'))?.kind).toBe('link');
      expect(files.status(at('dangling'))?.kind).toBe('link');
      expect(files.status(at('fifo'))?.kind).toBe('other');
      expect(files.status(at('folder'))?.kind).toBe('folder');
      expect(files.status(at('nothing'))).toBeUndefined();
      expect(files.status(at('a/below'))).toBeUndefined();
    });

    test('two openings see the same bytes', () => {
      writeFile('a', bytes(1, 2));
      const one = files.open(at('a'), 'write');
      const two = files.open(at('a'), 'read');
      one.write(bytes(8), 1);
      const target = new Uint8Array(2);
      two.read(target, 0);
      expect([...target]).toEqual([1, 8]);
      one.close();
      two.close();
    });

    test('a file opened for reading is not written', async () => {
      writeFile('a', bytes(1));
      const file = files.open(at('a'), 'read');
      expect(() => file.write(bytes(2), 0)).toThrow(/reading only/);
      expect(() => file.truncate(0)).toThrow(/reading only/);
      file.close();
      expect([...readFile('a')]).toEqual([1]);
    });

    test('list is sorted, and an absent folder is not found', () => {
      for (const path of ['b', 'a', 'B']) writeFile(path, bytes(1));
      files.makeFolder(at('c/d'));
      expect(files.list(world.folder)).toEqual(['B', 'a', 'b', 'c']);
      expect(files.list(at('c/d'))).toEqual([]);
      expectFault(() => files.list(at('no')), 'not-found');
      expectFault(() => files.list(at('a')), 'not-regular');
    });

    test('makeFolder makes parents and is content with present ones', () => {
      files.makeFolder(at('x/y/z'));
      files.makeFolder(at('x/y/z'));
      expect(files.status(at('x/y'))?.kind).toBe('folder');
      writeFile('file', bytes(1));
      expectFault(() => files.makeFolder(at('file')), 'exists');
      expectFault(() => files.makeFolder(at('file/below')), 'exists');
    });

    test('rename replaces a file, moves a folder and refuses to mix them', () => {
      writeFile('a', bytes(1));
      writeFile('b', bytes(2));
      files.rename(at('a'), at('b'));
      expect(files.list(world.folder)).toEqual(['b']);
      expect([...readFile('b')]).toEqual([1]);
      files.makeFolder(at('one'));
      files.makeFolder(at('two/inside'));
      files.rename(at('one'), at('three'));
      expectFault(() => files.rename(at('three'), at('two')), 'not-empty');
      expectFault(() => files.rename(at('b'), at('two')), 'not-regular');
      expectFault(() => files.rename(at('two'), at('b')), 'not-regular');
      expectFault(() => files.rename(at('nothing'), at('c')), 'not-found');
      expectFault(() => files.rename(at('b'), at('nothing/c')), 'not-found');
    });

    test('an open file outlives its renaming and its removal', () => {
      const file = files.open(at('a'), 'create');
      files.rename(at('a'), at('b'));
      file.write(bytes(4), 0);
      expect([...readFile('b')]).toEqual([4]);
      files.remove(at('b'));
      file.write(bytes(5), 0);
      const target = new Uint8Array(1);
      expect(file.read(target, 0)).toBe(1);
      file.close();
      expect(files.list(world.folder)).toEqual([]);
    });

    test('remove takes files only, removeFolder whole folders only; absent is fine', () => {
      writeFile('a', bytes(1));
      files.makeFolder(at('f/g'));
      writeFile('f/g/deep', bytes(1));
      files.remove(at('nothing'));
      files.removeFolder(at('nothing'));
      expectFault(() => files.remove(at('f')), 'not-regular');
      expectFault(() => files.removeFolder(at('a')), 'not-regular');
      files.removeFolder(at('f'));
      files.remove(at('a'));
      expect(files.list(world.folder)).toEqual([]);
    });

    test('a removed link leaves what it named', () => {
      writeFile('a', bytes(1));
      world.plantLink(at('link'), at('a'));
      files.remove(at('link'));
      expect(files.list(world.folder)).toEqual(['a']);
    });

    test('flush and flushFolder settle', async () => {
      const file = files.open(at('a'), 'create');
      file.write(bytes(1), 0);
      await world.run(file.flush());
      await world.run(files.flushFolder(world.folder));
      file.close();
      await expect(world.run(files.flushFolder(at('nothing')))).rejects.toMatchObject({ fault: 'not-found' });
      await expect(world.run(files.flushFolder(at('a')))).rejects.toMatchObject({ fault: 'not-regular' });
    });

    test('closing while a flush is under way is safe, closing twice too', async () => {
      const file = files.open(at('a'), 'create');
      file.write(bytes(1), 0);
      const flushed = world.run(file.flush());
      file.close();
      file.close();
      await flushed;
      expect(() => file.read(new Uint8Array(1), 0)).toThrow(/after close/);
    });

    test('bulk writes of every sector-aligned shape are read back', async () => {
      const file = files.open(at('a'), 'create');
      const buffer = files.bulkBuffer(256 * 1_024);
      expect(buffer.length).toBe(256 * 1_024);
      for (let index = 0; index < buffer.length; index += 1) buffer[index] = (index * 7) % 251;
      for (const [from, length, position] of [
        [0, 262_144, 0],
        [4_096, 65_536, 1_048_576],
        [512, 1_024, 512 * 7],
        [0, 512, 5_000 * 512],
        [0, 4_096 + 512 + 3, 2_097_152],
      ] as const) {
        const source = buffer.subarray(from, from + length);
        await world.run(file.writeBulk(source, position));
        const target = new Uint8Array(length);
        expect(file.read(target, position)).toBe(length);
        expect(Buffer.compare(target, source)).toBe(0);
      }
      file.close();
    });

    test('several bulk writes at once', async () => {
      const file = files.open(at('a'), 'create');
      const buffers = [1, 2, 3, 4].map((value) => files.bulkBuffer(65_536).fill(value));
      await world.run(Promise.all(buffers.map((buffer, index) => file.writeBulk(buffer, index * 65_536))));
      await world.run(file.flush());
      const target = new Uint8Array(4 * 65_536);
      file.read(target, 0);
      for (const index of [0, 1, 2, 3]) expect(target[index * 65_536 + 100]).toBe(index + 1);
      file.close();
    });

    test('a bulk read finds what is there, and tells how much', async () => {
      const file = files.open(at('a'), 'create');
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251);
      file.write(bytes, 1_000);
      const target = files.bulkBuffer(262_144);
      expect(await world.run(file.readBulk(target, 1_000))).toBe(262_144);
      expect(Buffer.compare(target, bytes.subarray(0, 262_144))).toBe(0);
      expect(await world.run(file.readBulk(target, 200_000))).toBe(101_000);
      expect(await world.run(file.readBulk(target, 400_000))).toBe(0);
      file.close();
    });

    test('free space and placement are told, also for what is yet to be made', () => {
      expect(files.freeBytes(world.folder)).toBeGreaterThan(0);
      expect(files.freeBytes(at('new/system'))).toBeGreaterThan(0);
      expect(files.placement(at('new/system'))).toMatchObject({ kind: 'local', writable: true });
    });
  });
}
