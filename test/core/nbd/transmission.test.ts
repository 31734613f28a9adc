import { describe, expect, test } from 'vitest';
import { type ErrorCode, failure } from '../../../src/core/foundation/foundation.js';
import { CMD, CMD_FLAG, ERROR, REPLY_TYPE } from '../../../src/core/nbd/protocol.js';
import { FileError } from '../../../src/core/ports/ports.js';
import { Rng } from '../../simulation/world/rng.js';
import { be16, be32, be64, chunk, request, simple, stage } from './stage.js';

const MIB = 1024 * 1024;
const DONE = 1;

function noise(length: number, seed = 1): Buffer {
  const rng = new Rng(seed);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(rng.next(), at);
  return bytes;
}
const errorChunk = (cookie: number, error: number, message: string) =>
  chunk(cookie, DONE, REPLY_TYPE.ERROR, Buffer.concat([be32(error), be16(message.length), Buffer.from(message)]));
const dataChunk = (cookie: number, flags: number, offset: number, data: Uint8Array) =>
  chunk(cookie, flags, REPLY_TYPE.OFFSET_DATA, Buffer.concat([be64(offset), data]));

describe('reads', () => {
  test('simple and structured replies carry the bytes of the range', async () => {
    const { connect, device } = await stage();
    device.bytes.set(noise(MIB));
    const plain = await connect().go();
    expect(await plain.answer(request(CMD.READ, { cookie: 0xfedcba9876543210n, offset: 513, length: 1000 }))).toEqual(
      simple(0xfedcba9876543210n, 0, device.bytes.subarray(513, 1513)),
    );
    await plain.leave();
    device.isClosed = false;
    const structured = await connect().go({ structured: true });
    const want = request(CMD.READ, { cookie: 5, offset: 513, length: 1000 });
    expect(await structured.answer(want)).toEqual(dataChunk(5, DONE, 513, device.bytes.subarray(513, 1513)));
    const whole = request(CMD.READ, { cookie: 6, offset: 0, length: 65536, flags: CMD_FLAG.DF });
    expect(await structured.answer(whole)).toEqual(dataChunk(6, DONE, 0, device.bytes.subarray(0, 65536)));
    expect(await structured.answer(request(CMD.READ, { cookie: 8 }))).toEqual(chunk(8, DONE, REPLY_TYPE.NONE));
  });

  test('what must be awaited is overtaken by what need not be', async () => {
    const { connect, device } = await stage();
    device.bytes.set(noise(MIB));
    const peer = await connect().go();
    device.slow = true;
    device.hold = true;
    expect((await peer.answer(request(CMD.READ, { cookie: 1, length: 8 }))).length).toBe(0);
    device.slow = false;
    const second = await peer.answer(request(CMD.READ, { cookie: 2, offset: 8, length: 8 }));
    expect(second).toEqual(simple(2, 0, device.bytes.subarray(8, 16)));
    device.release();
    expect(await peer.answer()).toEqual(simple(1, 0, device.bytes.subarray(0, 8)));
  });

  test.each([
    ['simple', false, 0],
    ['structured', true, 0],
    ['structured, not to be fragmented', true, CMD_FLAG.DF],
  ])('32 MiB arrive whole, and at most 3 MiB of them are held for a slow client (%s)', async (_, structured, flags) => {
    const { connect, device, server } = await stage({ sizeBytes: 40 * MIB });
    device.bytes.set(noise(40 * MIB));
    const peer = await connect().go({ structured });
    peer.wire.stalled = true;
    peer.wire.send(request(CMD.READ, { cookie: 3, offset: 12345, length: 32 * MIB, flags }));
    await peer.wire.settle();
    expect(server.heldBytes).toBeLessThan(3 * MIB);
    expect(peer.wire.unsentBytes).toBeLessThan(3 * MIB);
    peer.wire.flow();
    const first = await peer.answer();
    const rest = await peer.answer(request(CMD.FLUSH, { cookie: 4 }));
    const data = device.bytes.subarray(12345, 12345 + 32 * MIB);
    const expected = structured
      ? [dataChunk(3, 0, 12345, data), chunk(3, DONE, REPLY_TYPE.NONE), simple(4)]
      : [simple(3, 0, data), simple(4)];
    expect(Buffer.concat([first, rest]).equals(Buffer.concat(expected))).toBe(true);
    expect(server.heldBytes).toBe(0);
  });

  test('a large read waits until it is alone, and later requests wait for it', async () => {
    const { connect, device } = await stage({ sizeBytes: 4 * MIB });
    const peer = await connect().go();
    device.hold = true;
    const flush = request(CMD.FLUSH, { cookie: 1 });
    const held = await peer.answer(
      flush,
      request(CMD.READ, { cookie: 2, length: 2 * MIB }),
      request(CMD.CACHE, { cookie: 3 }),
    );
    expect(held.length).toBe(0);
    device.release();
    const answer = await peer.answer();
    expect(answer.equals(Buffer.concat([simple(1), simple(2, 0, Buffer.alloc(2 * MIB)), simple(3)]))).toBe(true);
  });

  test('an error in the middle of a large read', async () => {
    const { connect, device } = await stage({ sizeBytes: 4 * MIB });
    device.fault = { at: 2.5 * MIB, error: failure('io-error', 'the disk is bad') };
    device.bytes.fill(7);
    const structured = await connect().go({ structured: true });
    const answer = await structured.answer(request(CMD.READ, { cookie: 2, length: 4 * MIB }));
    const data = Buffer.concat([Buffer.alloc(2 * MIB, 7), Buffer.alloc(2 * MIB)]);
    const expected = Buffer.concat([dataChunk(2, 0, 0, data), errorChunk(2, ERROR.EIO, 'the disk is bad')]);
    expect(answer.equals(expected)).toBe(true);
    device.close = () => {};
    const plain = await connect().go();
    await plain.answer(request(CMD.READ, { cookie: 2, length: 4 * MIB }));
    expect(plain.wire.closed).toBe('aborted');
  });
});

describe('writes', () => {
  test('land in the turn in which they arrive', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    const data = noise(4096);
    expect(await peer.answer(request(CMD.WRITE, { offset: 8192 }, data))).toEqual(simple(7));
    expect(device.bytes.subarray(8192, 12288)).toEqual(data);
    expect(device.calls).toEqual(['writeNow 8192+4096']);
  });

  test('with FUA are answered once they are durable', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    device.hold = true;
    expect((await peer.answer(request(CMD.WRITE, { flags: CMD_FLAG.FUA }, noise(512)))).length).toBe(0);
    expect(device.calls).toEqual(['writeNow 0+512', 'flush']);
    device.release();
    expect(await peer.answer()).toEqual(simple(7));
  });

  test.each([false, true])(
    'a payload split at every byte lands whole and never within a sector (slow: %s)',
    async (slow) => {
      const { connect, device } = await stage();
      device.slow = slow;
      const peer = await connect().go();
      const data = noise(1200, 3);
      const words = request(CMD.WRITE, { offset: 65536 - 600, cookie: 1 }, data);
      for (let cut = 1; cut < words.length; cut += 1) {
        device.bytes.fill(0);
        device.calls.length = 0;
        peer.wire.send(words.subarray(0, cut));
        peer.wire.send(words.subarray(cut));
        await peer.wire.settle(1);
        expect(await peer.answer()).toEqual(simple(1));
        expect(device.bytes.subarray(65536 - 600, 65536 + 600).equals(data)).toBe(true);
        for (const call of device.calls) expect(call).toMatch(/write(Now)? (64936\+600|65536\+600|64936\+1200)$/);
      }
    },
  );

  test('a large payload in small chunks lands by whole tracks', async () => {
    const { connect, device } = await stage({ sizeBytes: 2 * MIB });
    const peer = await connect().go();
    peer.wire.chunkBytes = 10_007;
    const data = noise(MIB, 4);
    expect(await peer.answer(request(CMD.WRITE, { offset: 65536 }, data))).toEqual(simple(7));
    expect(device.calls).toEqual(Array.from({ length: 16 }, (_, index) => `writeNow ${(index + 1) * 65536}+65536`));
    expect(device.bytes.subarray(65536, 65536 + MIB).equals(data)).toBe(true);
  });

  test.each([false, true])('32 MiB, unaligned (slow: %s)', async (slow) => {
    const { connect, device, server } = await stage({ sizeBytes: 34 * MIB });
    device.slow = slow;
    const peer = await connect().go();
    const data = noise(32 * MIB, 5);
    let held = 0;
    const words = request(CMD.WRITE, { offset: 1001 }, data);
    for (let at = 0; at < words.length; at += 200_000) {
      peer.wire.send(words.subarray(at, at + 200_000));
      held = Math.max(held, server.heldBytes);
    }
    for (let turn = 0; turn < 40; turn += 1) await peer.wire.settle(2);
    expect(await peer.answer()).toEqual(simple(7));
    expect(device.bytes.subarray(1001, 1001 + 32 * MIB).equals(data)).toBe(true);
    expect(held).toBeLessThan(3 * MIB);
    expect(server.heldBytes).toBe(0);
  });

  test('what waits is bounded: 64 requests, then the client is held up', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    device.slow = true;
    device.hold = true;
    for (let cookie = 0; cookie < 100; cookie += 1)
      peer.wire.send(request(CMD.WRITE, { cookie, offset: cookie * 512 }, noise(512, cookie + 1)));
    await peer.wire.settle();
    expect(device.waitingCount).toBe(64);
    expect(peer.wire.paused).toBe(true);
    device.hold = false;
    device.release();
    const answer = await peer.answer();
    expect(answer.length).toBe(100 * 16);
    expect(peer.wire.paused).toBe(false);
    expect(device.bytes.subarray(99 * 512, 100 * 512)).toEqual(noise(512, 100));
  });

  test('an error in the middle fails the whole request, and the rest of the payload is passed over', async () => {
    const { connect, device } = await stage();
    device.fault = { at: 100_000, error: failure('no-space', 'the file system is full') };
    const peer = await connect().go({ structured: true });
    peer.wire.chunkBytes = 30_000;
    const answer = await peer.answer(
      request(CMD.WRITE, { cookie: 1 }, noise(300_000)),
      request(CMD.FLUSH, { cookie: 2 }),
    );
    expect(answer).toEqual(Buffer.concat([errorChunk(1, ERROR.ENOSPC, 'the file system is full'), simple(2)]));
  });

  test('a refused payload is passed over, one of more than 64 MiB ends the connection', async () => {
    const { connect } = await stage();
    const peer = await connect().go();
    const refused = request(CMD.WRITE, { cookie: 1, offset: MIB - 1 }, noise(4096));
    const large = request(CMD.WRITE, { cookie: 2 }, Buffer.alloc(33 * MIB));
    expect(await peer.answer(refused, request(CMD.FLUSH, { cookie: 3 }))).toEqual(
      Buffer.concat([simple(1, 28), simple(3)]),
    );
    expect(await peer.answer(large, request(CMD.FLUSH, { cookie: 4 }))).toEqual(
      Buffer.concat([simple(2, 28), simple(4)]),
    );
    await peer.answer(request(CMD.WRITE, { length: 64 * MIB + 1 }));
    expect(peer.wire.closed).toBe('closed');
  });

  test('33 MiB within the export are too long for one payload', async () => {
    const { connect, device } = await stage({ sizeBytes: 34 * MIB });
    const peer = await connect().go();
    expect(await peer.answer(request(CMD.WRITE, {}, Buffer.alloc(33 * MIB)))).toEqual(simple(7, 22));
    expect(await peer.answer(request(CMD.READ, { length: 33 * MIB }))).toEqual(simple(7, 22));
    expect(device.calls).toEqual([]);
    expect(await peer.answer(request(CMD.TRIM, { length: 33 * MIB }))).toEqual(simple(7));
  });

  test('a client that vanishes in a payload, with a part waiting', async () => {
    const { connect, device, server } = await stage();
    const peer = await connect().go();
    device.slow = true;
    device.hold = true;
    peer.wire.send(request(CMD.WRITE, { length: 200_000 }), noise(150_000));
    await peer.wire.settle();
    peer.wire.vanish();
    await peer.wire.settle();
    expect([device.isClosed, server.connectionCount]).toEqual([false, 1]);
    device.release();
    await peer.wire.settle();
    expect([device.isClosed, server.connectionCount, device.waitingCount]).toEqual([true, 0, 0]);
  });
});

describe('other commands', () => {
  test('FLUSH, TRIM, WRITE_ZEROES and CACHE', async () => {
    const { connect, device } = await stage();
    device.bytes.fill(9);
    const peer = await connect().go();
    const zeroes = (flags: number) => request(CMD.WRITE_ZEROES, { flags, offset: 512, length: 1024 });
    expect(await peer.answer(request(CMD.FLUSH))).toEqual(simple(7));
    expect(await peer.answer(request(CMD.TRIM, { offset: 1, length: 2 }))).toEqual(simple(7));
    expect(await peer.answer(zeroes(CMD_FLAG.FAST_ZERO))).toEqual(simple(7, 95));
    expect(device.bytes[512]).toBe(9);
    expect(await peer.answer(zeroes(CMD_FLAG.NO_HOLE | CMD_FLAG.FUA))).toEqual(simple(7));
    expect(device.bytes.subarray(511, 1537)).toEqual(Buffer.from([9, ...Buffer.alloc(1024), 9]));
    expect(await peer.answer(request(CMD.CACHE, { length: 4096 }))).toEqual(simple(7));
    expect(device.calls).toEqual(['flush', 'trim 1+2', 'zero 512+1024', 'zero keep 512+1024', 'flush']);
  });

  test('nothing is asked of the device for an empty range', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    for (const command of [CMD.READ, CMD.WRITE, CMD.TRIM, CMD.WRITE_ZEROES, CMD.CACHE])
      expect(await peer.answer(request(command, { offset: MIB }))).toEqual(simple(7));
    expect(device.calls).toEqual([]);
  });

  test('DISC closes once what is in flight is answered', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    device.hold = true;
    peer.wire.send(request(CMD.FLUSH, { cookie: 1 }), request(CMD.DISC), request(CMD.TRIM, { length: 512 }));
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('no');
    device.release();
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
    expect(peer.wire.received).toEqual(simple(1));
    expect(device.calls).toEqual(['flush']);
    expect(device.isClosed).toBe(true);
  });

  test('a half-closed connection still gets its answers', async () => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    device.hold = true;
    peer.wire.send(request(CMD.FLUSH));
    peer.wire.end();
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('no');
    device.release();
    await peer.wire.settle();
    expect(peer.wire.received).toEqual(simple(7));
    expect(peer.wire.closed).toBe('closed');
  });
});

describe('BLOCK_STATUS', () => {
  const contexts = [
    {
      name: 'copyset:out-of-sync/EAST:copy',
      runs: async (_: number, length: number) => [
        { lengthBytes: 65536, flags: 1 },
        { lengthBytes: 512, flags: 1 },
        { lengthBytes: 2 * length, flags: 0 },
        { lengthBytes: 1, flags: 1 },
      ],
    },
  ];
  const status = (flags: number, id: number, ...runs: [number, number][]) =>
    chunk(7, flags, REPLY_TYPE.BLOCK_STATUS, Buffer.concat([be32(id), ...runs.flat().map(be32)]));

  test('one chunk for each context, neighbours of one status joined, nothing beyond the request', async () => {
    const { connect, device } = await stage({ export: { contexts } });
    device.bytes.fill(1, 4096, 8192);
    const peer = await connect().go({ contexts: ['base:allocation', 'copyset:out-of-sync/EAST:copy'] });
    expect(await peer.answer(request(CMD.BLOCK_STATUS, { length: 100_000 }))).toEqual(
      Buffer.concat([
        status(0, 1, [4096, 3], [4096, 0], [100_000 - 8192, 3]),
        status(DONE, 2, [66048, 1], [100_000 - 66048, 0]),
      ]),
    );
    const one = request(CMD.BLOCK_STATUS, { offset: 4096, length: 8192, flags: CMD_FLAG.REQ_ONE });
    expect(await peer.answer(one)).toEqual(Buffer.concat([status(0, 1, [512, 0]), status(DONE, 2, [8192, 1])]));
  });

  test('of the longest range gives a bounded reply', async () => {
    const TIB = 1024 ** 4;
    const runs = async () => Array.from({ length: 100_000 }, (_, index) => ({ lengthBytes: 512, flags: index % 2 }));
    const { connect, device } = await stage({ export: { contexts: [{ name: 'x-a:b', runs }] } });
    Object.defineProperty(device, 'sizeBytes', { value: 64 * TIB });
    const peer = await connect().go({ contexts: ['x-a:b'] });
    const answer = await peer.answer(request(CMD.BLOCK_STATUS, { offset: 63 * TIB, length: 0xffff_ffff }));
    expect(answer.length).toBe(20 + 4 + 8 * 16 * 1024);
    expect(answer.readUInt32BE(16)).toBe(4 + 8 * 16 * 1024);
  });

  test('a context that fails answers with its error alone', async () => {
    const runs = () => Promise.reject(failure('peer-missing', 'the secondary is gone'));
    const { connect } = await stage({ export: { contexts: [{ name: 'x-a:b', runs }] } });
    const peer = await connect().go({ contexts: ['base:allocation', 'x-a:b'] });
    expect(await peer.answer(request(CMD.BLOCK_STATUS, { length: 512 }))).toEqual(
      errorChunk(7, ERROR.EIO, 'the secondary is gone'),
    );
  });

  test('without a context, and of nothing', async () => {
    const peer = await (await stage()).connect().go();
    expect(await peer.answer(request(CMD.BLOCK_STATUS, { length: 512 }))).toEqual(simple(7, 22));
    const other = await (await stage()).connect().go({ contexts: ['base:allocation'] });
    expect((await other.answer(request(CMD.BLOCK_STATUS))).readUInt32BE(20)).toBe(22);
  });
});

describe('refusals', () => {
  const far = 0xffff_ffff_ffff_ffffn;
  test.each([
    ['an unknown command', request(9, { length: 5 }), 22],
    ['an unknown flag', request(CMD.READ, { flags: 0x8000, length: 1 }), 22],
    ['PAYLOAD_LEN', request(CMD.WRITE, { flags: 32 }, Buffer.alloc(4)), 22],
    ['DF without structured replies', request(CMD.READ, { flags: CMD_FLAG.DF, length: 1 }), 22],
    ['NO_HOLE at a write', request(CMD.WRITE, { flags: CMD_FLAG.NO_HOLE }, Buffer.alloc(4)), 22],
    ['FAST_ZERO at a trim', request(CMD.TRIM, { flags: CMD_FLAG.FAST_ZERO, length: 1 }), 22],
    ['REQ_ONE at a read', request(CMD.READ, { flags: CMD_FLAG.REQ_ONE, length: 1 }), 22],
    ['a flush of a range', request(CMD.FLUSH, { offset: 1, length: 1 }), 22],
    ['a read beyond the end', request(CMD.READ, { offset: MIB - 1, length: 2 }), 22],
    ['a read from 2^64-1', request(CMD.READ, { offset: far, length: 1 }), 22],
    ['a cache beyond the end', request(CMD.CACHE, { offset: MIB, length: 1 }), 22],
    ['a trim beyond the end', request(CMD.TRIM, { offset: 0, length: MIB + 1 }), 22],
    ['a write beyond the end', request(CMD.WRITE, { offset: MIB - 1 }, Buffer.alloc(2)), 28],
    ['a write to 2^63', request(CMD.WRITE, { offset: 2n ** 63n }, Buffer.alloc(2)), 28],
    ['zeroes beyond the end', request(CMD.WRITE_ZEROES, { offset: far, length: 0xffff_ffff }), 28],
    ['a status beyond the end', request(CMD.BLOCK_STATUS, { offset: MIB, length: 1 }), 22],
  ])('%s', async (_, words, error) => {
    const { connect, device } = await stage();
    const peer = await connect().go();
    expect(await peer.answer(words, request(CMD.FLUSH, { cookie: 8 }))).toEqual(
      Buffer.concat([simple(7, error), simple(8)]),
    );
    expect(device.calls).toEqual(['flush']);
  });

  test('a read-only export is not written, and says so in words where it can', async () => {
    const { connect, device } = await stage({ export: { writable: false } });
    const peer = await connect().go({ structured: true });
    for (const words of [
      request(CMD.WRITE, {}, Buffer.alloc(512)),
      request(CMD.WRITE_ZEROES, { length: 512 }),
      request(CMD.TRIM, { length: 512 }),
    ])
      expect(await peer.answer(words)).toEqual(errorChunk(7, ERROR.EPERM, 'the export is read-only'));
    expect(device.calls).toEqual([]);
  });

  test('FUA is accepted with every command', async () => {
    const peer = await (await stage()).connect().go();
    for (const command of [CMD.READ, CMD.FLUSH, CMD.TRIM, CMD.CACHE, CMD.WRITE_ZEROES])
      expect((await peer.answer(request(command, { flags: CMD_FLAG.FUA }))).readUInt32BE(4)).toBe(0);
  });

  test('a request without its magic number ends the connection', async () => {
    const peer = await (await stage()).connect().go();
    await peer.answer(request(CMD.READ, { magic: 0x12560953, length: 4 }));
    expect(peer.wire.closed).toBe('closed');
  });

  const cases: [ErrorCode, number][] = [
    ['not-writable', 1],
    ['not-readable', 1],
    ['volume-reserved', 1],
    ['incomplete', 1],
    ['volume-blocked', 5],
    ['check-code', 5],
    ['io-error', 5],
    ['no-space', 28],
    ['file-too-large', 28],
    ['ownership-lost', 108],
  ];
  test.each(cases)('what the device says becomes an error of the protocol: %s is %i', async (code, error) => {
    const { connect, device } = await stage();
    device.fault = { at: 0, error: failure(code, 'because') };
    const peer = await connect().go({ structured: true });
    expect(await peer.answer(request(CMD.READ, { length: 8 }))).toEqual(errorChunk(7, error, 'because'));
    expect(await peer.answer(request(CMD.WRITE, {}, Buffer.alloc(8)))).toEqual(errorChunk(7, error, 'because'));
    expect(await peer.answer(request(CMD.TRIM, { length: 8 }))).toEqual(errorChunk(7, error, 'because'));
  });

  test.each([
    ['no-space', 28],
    ['read-only', 1],
    ['io', 5],
  ] as const)('a fault of a file: %s is %i', async (fault, error) => {
    const { connect, device } = await stage();
    device.flushFault = new FileError(fault, 'flush', 'db.img');
    const peer = await connect().go();
    expect(await peer.answer(request(CMD.FLUSH))).toEqual(simple(7, error));
    expect(await peer.answer(request(CMD.WRITE, { flags: CMD_FLAG.FUA }, Buffer.alloc(8)))).toEqual(simple(7, error));
  });
});
