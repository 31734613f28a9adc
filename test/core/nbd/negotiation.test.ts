import { describe, expect, test } from 'vitest';
import { failure } from '../../../src/core/foundation/foundation.js';
import { CMD, INFO, OPT, REP } from '../../../src/core/nbd/protocol.js';
import { be16, be32, be64, infoData, metaData, option, optionReply, request, simple, stage, text } from './stage.js';

const types = (replies: readonly { type: number }[]) => replies.map(({ type }) => type);
/** HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, MULTI_CONN, CACHE, FAST_ZERO. */
const WRITABLE = 0b1101_0110_1101;
/** HAS_FLAGS, READ_ONLY, FLUSH, FUA, MULTI_CONN, CACHE. */
const READ_ONLY = 0b0101_0000_1111;
const DF = 0b1000_0000;

describe('the greeting', () => {
  test('says NBDMAGIC, IHAVEOPT, fixed newstyle and no zeroes', async () => {
    const peer = (await stage()).connect();
    expect(peer.wire.received.toString('latin1')).toBe('');
    await peer.wire.settle(1);
    expect(peer.wire.take(18)).toEqual(Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1'));
  });

  test.each([4, 0x8000_0000, 0xffff_ffff])('closes at client flags %i, which it does not know', async (flags) => {
    const peer = await (await stage()).connect().hello(flags);
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
  });

  test('closes at an option without its magic number', async () => {
    const peer = await (await stage()).connect().hello();
    peer.wire.send(Buffer.alloc(16, 1));
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
  });
});

describe('NBD_OPT_EXPORT_NAME', () => {
  test.each([
    ['with 124 zeroes', 1, 124],
    ['without zeroes', 3, 0],
    ['of a client that is not fixed newstyle', 0, 124],
  ])('answers size and flags %s', async (_, flags, zeroes) => {
    const { connect } = await stage();
    const peer = await connect().hello(flags);
    const answer = await peer.answer(option(OPT.EXPORT_NAME, Buffer.from('db')));
    expect(answer).toEqual(Buffer.concat([be64(1024 * 1024), be16(WRITABLE), Buffer.alloc(zeroes)]));
    expect(await peer.answer(request(CMD.FLUSH, { cookie: 9 }))).toEqual(simple(9));
  });

  test('serves the default export under the empty name', async () => {
    const { connect, asked } = await stage();
    const peer = await connect().hello();
    expect((await peer.answer(option(OPT.EXPORT_NAME))).length).toBe(10);
    expect(asked).toEqual(['']);
  });

  test.each([
    ['an unknown name', Buffer.from('other')],
    ['4,096 bytes', Buffer.alloc(4096, 'a')],
    ['more than 4,096 bytes', Buffer.alloc(5000, 'a')],
    ['bytes that are no text', Buffer.from([0xff, 0xfe])],
    ['a NUL', Buffer.from('d\0b')],
  ])('closes at %s', async (_, name) => {
    const { connect, opened } = await stage();
    const peer = await connect().hello();
    peer.wire.send(option(OPT.EXPORT_NAME, name));
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
    expect(opened).toEqual([]);
  });
});

describe('NBD_OPT_INFO and NBD_OPT_GO', () => {
  const exportInfo = (flags: number) => Buffer.concat([be16(INFO.EXPORT), be64(1024 * 1024), be16(flags)]);

  test('INFO tells what was asked, and opens nothing', async () => {
    const { connect, opened } = await stage();
    const peer = await connect().hello();
    const wanted = [INFO.BLOCK_SIZE, INFO.NAME, INFO.DESCRIPTION, 99];
    const answer = await peer.answer(option(OPT.INFO, infoData('', wanted)));
    expect(answer).toEqual(
      Buffer.concat([
        optionReply(OPT.INFO, REP.INFO, exportInfo(WRITABLE)),
        optionReply(OPT.INFO, REP.INFO, Buffer.concat([be16(INFO.NAME), Buffer.from('db')])),
        optionReply(OPT.INFO, REP.INFO, Buffer.concat([be16(INFO.DESCRIPTION), Buffer.from('the database')])),
        optionReply(OPT.INFO, REP.INFO, Buffer.concat([be16(INFO.BLOCK_SIZE), be32(1), be32(65536), be32(33554432)])),
        optionReply(OPT.INFO, REP.ACK),
      ]),
    );
    expect(opened).toEqual([]);
  });

  test('GO enters the transmission phase without zeroes, whatever the client flags say', async () => {
    const { connect, opened, server } = await stage();
    const peer = await connect().hello(1);
    const answer = await peer.answer(option(OPT.GO, infoData('db')));
    const agreed = [optionReply(OPT.GO, REP.INFO, exportInfo(WRITABLE)), optionReply(OPT.GO, REP.ACK)];
    expect(answer).toEqual(Buffer.concat(agreed));
    expect(opened).toEqual(['db']);
    expect(server.servedExports).toEqual(['db']);
    expect(await peer.answer(request(CMD.FLUSH))).toEqual(simple(7));
  });

  test('requests that come in the same chunk as GO are answered', async () => {
    const peer = await (await stage()).connect().hello();
    const answer = await peer.answer(option(OPT.GO, infoData('db')), request(CMD.READ, { length: 4 }));
    expect(answer.subarray(-20)).toEqual(simple(7, 0, Buffer.alloc(4)));
  });

  test('flags follow permission and structured replies', async () => {
    const peer = await (await stage({ export: { writable: false } })).connect().hello();
    expect((await peer.ask(OPT.INFO, infoData('db')))[0]?.data).toEqual(exportInfo(READ_ONLY));
    expect(types(await peer.ask(OPT.STRUCTURED_REPLY))).toEqual([REP.ACK]);
    expect((await peer.ask(OPT.INFO, infoData('db')))[0]?.data).toEqual(exportInfo(READ_ONLY | DF));
  });

  test('an export that no host may use now is refused in words, and negotiation goes on', async () => {
    const peer = await (await stage({ export: { readable: false, writable: false } })).connect().hello();
    const [reply] = await peer.ask(OPT.GO, infoData('db'));
    expect(reply?.type).toBe(REP.ERR_POLICY);
    expect(reply?.data.toString()).toBe('no host may use db now');
    expect(types(await peer.ask(OPT.LIST))).toEqual([REP.SERVER, REP.ACK]);
  });

  test('a device that cannot be opened is refused with its reason', async () => {
    const open = () => Promise.reject(failure('volume-blocked', 'east:db is blocked.'));
    const peer = await (await stage({ export: { open } })).connect().hello();
    const [reply] = await peer.ask(OPT.GO, infoData('db'));
    expect([reply?.type, reply?.data.toString()]).toEqual([REP.ERR_POLICY, 'east:db is blocked.']);
  });

  test.each([
    ['no data', Buffer.alloc(0), REP.ERR_INVALID],
    ['a name length near 2^32', Buffer.concat([be32(0xffff_fff8), be16(0)]), REP.ERR_INVALID],
    ['a name length beyond the data', Buffer.concat([be32(3), Buffer.from('db'), be16(0)]), REP.ERR_INVALID],
    ['no count of requests', text('db'), REP.ERR_INVALID],
    ['fewer requests than announced', Buffer.concat([text('db'), be16(2), be16(3)]), REP.ERR_INVALID],
    ['more than announced', Buffer.concat([text('db'), be16(0), be16(3)]), REP.ERR_INVALID],
    ['a name that is no text', Buffer.concat([be32(1), Buffer.from([0xff]), be16(0)]), REP.ERR_INVALID],
    ['a name of 256 bytes', infoData('a'.repeat(256)), REP.ERR_UNKNOWN],
    ['a name of 257 bytes', infoData('a'.repeat(257)), REP.ERR_UNKNOWN],
    ['a name of 4,096 bytes', infoData('a'.repeat(4096)), REP.ERR_UNKNOWN],
    ['a name of 4,097 bytes', infoData('a'.repeat(4097)), REP.ERR_TOO_BIG],
    ['an unknown name', infoData('nope'), REP.ERR_UNKNOWN],
  ])('refuses %s and stays in step', async (_, data, type) => {
    const { connect, opened } = await stage();
    const peer = await connect().hello();
    for (const number of [OPT.INFO, OPT.GO]) expect(types(await peer.ask(number, data))).toEqual([type]);
    expect(opened).toEqual([]);
    expect(types(await peer.ask(OPT.GO, infoData('db')))).toEqual([REP.INFO, REP.ACK]);
  });
});

describe('other options', () => {
  test('LIST gives names and descriptions', async () => {
    const peer = await (await stage({ names: ['db', 'größe'] })).connect().hello();
    expect(await peer.ask(OPT.LIST)).toEqual([
      { option: OPT.LIST, type: REP.SERVER, data: Buffer.concat([text('db'), Buffer.from('about db')]) },
      { option: OPT.LIST, type: REP.SERVER, data: Buffer.concat([text('größe'), Buffer.from('about größe')]) },
      { option: OPT.LIST, type: REP.ACK, data: Buffer.alloc(0) },
    ]);
    expect(types(await peer.ask(OPT.LIST, Buffer.from('x')))).toEqual([REP.ERR_INVALID]);
  });

  test('LIST of many names waits for a client that does not read', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `volume-${index}`);
    const peer = await (await stage({ names })).connect().hello();
    peer.wire.stalled = true;
    peer.wire.send(option(OPT.LIST));
    await peer.wire.settle();
    expect(peer.wire.unsentBytes).toBeLessThan(128 * 1024);
    peer.wire.flow();
    for (let turn = 0; turn < 50; turn += 1) await peer.wire.settle(2);
    expect(peer.wire.received.includes('volume-19999')).toBe(true);
  });

  test('LIST is refused where strangers connect', async () => {
    const peer = await (await stage({ listing: false })).connect().hello();
    expect(types(await peer.ask(OPT.LIST))).toEqual([REP.ERR_POLICY]);
  });

  test('ABORT is acknowledged, with or without data, and ends the connection', async () => {
    const peer = await (await stage()).connect().hello();
    expect(types(await peer.ask(OPT.ABORT, Buffer.from('why')))).toEqual([REP.ACK]);
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
  });

  test.each([0, 4, 11, 12, 99, 0xffff_ffff])('option %i is unknown, its data is skipped', async (number) => {
    const peer = await (await stage()).connect().hello();
    expect(await peer.ask(number, Buffer.alloc(100, 3))).toMatchObject([{ option: number, type: REP.ERR_UNSUP }]);
    expect(types(await peer.ask(OPT.GO, infoData('db')))).toEqual([REP.INFO, REP.ACK]);
  });

  test('STRUCTURED_REPLY has no data', async () => {
    const peer = await (await stage()).connect().hello();
    expect(types(await peer.ask(OPT.STRUCTURED_REPLY, Buffer.from('x')))).toEqual([REP.ERR_INVALID]);
  });
});

describe('metadata contexts', () => {
  const own = (name: string) => ({ name, runs: async () => [{ lengthBytes: 512, flags: 1 }] });
  const contexts = [own('copyset:out-of-sync/EAST:copy'), own('copyset:out-of-sync/WEST:far'), own('x-test:one')];
  const names = (replies: readonly { type: number; data: Buffer }[]) =>
    replies.filter(({ type }) => type === REP.META_CONTEXT).map(({ data }) => data.subarray(4).toString());
  const structured = async () => {
    const peer = await (await stage({ export: { contexts } })).connect().hello();
    await peer.ask(OPT.STRUCTURED_REPLY);
    return peer;
  };

  test.each([
    [[], ['base:allocation', ...contexts.map(({ name }) => name)]],
    [['base:'], ['base:allocation']],
    [['base:allocation'], ['base:allocation']],
    [['base:other', 'qemu:dirty-bitmap:x'], []],
    [['copyset:'], ['copyset:out-of-sync/EAST:copy', 'copyset:out-of-sync/WEST:far']],
    [['copyset:out-of-sync/'], ['copyset:out-of-sync/EAST:copy', 'copyset:out-of-sync/WEST:far']],
    [['copyset:out-of-sync'], []],
    [
      ['copyset:out-of-sync/WEST:far', 'x-test:'],
      ['copyset:out-of-sync/WEST:far', 'x-test:one'],
    ],
  ])('LIST %j finds %j', async (queries, expected) => {
    const peer = await structured();
    const replies = await peer.ask(OPT.LIST_META_CONTEXT, metaData('db', queries));
    expect(names(replies)).toEqual(expected);
    expect(replies.at(-1)?.type).toBe(REP.ACK);
    for (const { type, data } of replies) if (type === REP.META_CONTEXT) expect(data.readUInt32BE(0)).toBe(0);
  });

  test('SET selects exact names, each under a number of its own; a wildcard selects nothing', async () => {
    const peer = await structured();
    const queries = ['base:allocation', 'copyset:', 'copyset:out-of-sync/WEST:far', 'base:allocation'];
    const replies = await peer.ask(OPT.SET_META_CONTEXT, metaData('db', queries));
    expect(replies.map(({ type, data }) => [type, data.toString('latin1')])).toEqual([
      [REP.META_CONTEXT, '\0\0\0\x01base:allocation'],
      [REP.META_CONTEXT, '\0\0\0\x03copyset:out-of-sync/WEST:far'],
      [REP.ACK, ''],
    ]);
    expect(types(await peer.ask(OPT.SET_META_CONTEXT, metaData('db', [])))).toEqual([REP.ACK]);
  });

  test.each([
    ['a query without a colon', metaData('db', ['base']), REP.ERR_INVALID],
    ['an empty namespace', metaData('db', [':leaf']), REP.ERR_INVALID],
    ['a query beyond the data', Buffer.concat([text('db'), be32(1), be32(50), Buffer.from('base:')]), REP.ERR_INVALID],
    ['fewer queries than announced', Buffer.concat([text('db'), be32(2), text('base:')]), REP.ERR_INVALID],
    ['bytes behind the queries', Buffer.concat([metaData('db', []), be16(1)]), REP.ERR_INVALID],
    ['2^32-1 queries', Buffer.concat([text('db'), be32(0xffff_ffff)]), REP.ERR_TOO_BIG],
    ['an unknown export', metaData('nope', ['base:allocation']), REP.ERR_UNKNOWN],
    ['a query of 4,097 bytes', metaData('db', [`base:${'a'.repeat(4092)}`]), REP.ERR_TOO_BIG],
  ])('refuses %s', async (_, data, type) => {
    const peer = await structured();
    for (const number of [OPT.LIST_META_CONTEXT, OPT.SET_META_CONTEXT])
      expect(types(await peer.ask(number, data))).toEqual([type]);
  });

  test('structured replies come first', async () => {
    const peer = await (await stage()).connect().hello();
    expect(types(await peer.ask(OPT.SET_META_CONTEXT, metaData('db', ['base:allocation'])))).toEqual([REP.ERR_INVALID]);
  });

  test.each([
    ['fails', metaData('nope', ['base:allocation'])],
    ['names another export', metaData('', ['base:allocation'])],
  ])('what was selected is void when a later SET %s', async (_, later) => {
    const peer = await structured();
    await peer.ask(OPT.SET_META_CONTEXT, metaData('db', ['base:allocation']));
    await peer.ask(OPT.SET_META_CONTEXT, later);
    await peer.ask(OPT.GO, infoData('db'));
    const answer = await peer.answer(request(CMD.BLOCK_STATUS, { length: 512 }));
    expect(answer.readUInt32BE(20)).toBe(22);
  });
});

describe('NBD_OPT_STARTTLS', () => {
  test('is refused by policy where there is no identity', async () => {
    const peer = await (await stage()).connect().hello();
    expect(types(await peer.ask(OPT.STARTTLS))).toEqual([REP.ERR_POLICY]);
  });

  test.each(['optional', 'forced'] as const)(
    'upgrades once, and forgets all that was said before (%s)',
    async (tls) => {
      const { connect } = await stage({ tls });
      const peer = await connect().hello();
      if (tls === 'optional') {
        await peer.ask(OPT.STRUCTURED_REPLY);
        await peer.ask(OPT.SET_META_CONTEXT, metaData('db', ['base:allocation']));
      }
      expect(types(await peer.ask(OPT.STARTTLS, Buffer.from('x')))).toEqual([REP.ERR_INVALID]);
      expect(types(await peer.ask(OPT.STARTTLS))).toEqual([REP.ACK]);
      await peer.wire.settle();
      expect(peer.wire.secured).toBe(true);
      expect(types(await peer.ask(OPT.STARTTLS))).toEqual([REP.ERR_INVALID]);
      expect(types(await peer.ask(OPT.SET_META_CONTEXT, metaData('db', [])))).toEqual([REP.ERR_INVALID]);
      await peer.ask(OPT.GO, infoData('db'));
      expect(await peer.answer(request(CMD.READ, { length: 4 }))).toEqual(simple(7, 0, Buffer.alloc(4)));
    },
  );

  test('forced: everything else is refused before it, and EXPORT_NAME closes', async () => {
    const { connect, asked } = await stage({ tls: 'forced' });
    const peer = await connect().hello();
    for (const number of [OPT.INFO, OPT.GO, OPT.LIST, OPT.STRUCTURED_REPLY, OPT.SET_META_CONTEXT, 99])
      expect(types(await peer.ask(number, infoData('db')))).toEqual([REP.ERR_TLS_REQD]);
    peer.wire.send(option(OPT.EXPORT_NAME, Buffer.from('db')));
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
    expect(asked).toEqual([]);
    const other = await connect().hello();
    expect(types(await other.ask(OPT.ABORT))).toEqual([REP.ACK]);
  });

  test('words injected behind STARTTLS in the clear are thrown away', async () => {
    const { connect, asked } = await stage({ tls: 'optional' });
    const peer = await connect().hello();
    const injected = [option(OPT.STRUCTURED_REPLY), option(OPT.GO, infoData('db'))];
    const answer = await peer.answer(option(OPT.STARTTLS), ...injected);
    await peer.wire.settle();
    expect(answer).toEqual(optionReply(OPT.STARTTLS, REP.ACK));
    expect(peer.wire.received.length).toBe(0);
    expect(asked).toEqual([]);
    expect(types(await peer.ask(OPT.GO, infoData('db')))).toEqual([REP.INFO, REP.ACK]);
    expect(await peer.answer(request(CMD.READ, { length: 4 }))).toEqual(simple(7, 0, Buffer.alloc(4)));
  });

  test('a client that is not fixed newstyle cannot have it', async () => {
    const peer = await (await stage({ tls: 'optional' })).connect().hello(0);
    expect(types(await peer.ask(OPT.STARTTLS))).toEqual([REP.ERR_POLICY]);
  });

  test('no agreement ends the connection', async () => {
    const { connect, server } = await stage({ tls: 'optional' });
    const peer = await connect().hello();
    peer.wire.refuseTls = true;
    await peer.ask(OPT.STARTTLS);
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('aborted');
    expect(server.connectionCount).toBe(0);
  });
});

describe('limits of a negotiation', () => {
  test('32 options, then it closes', async () => {
    const peer = await (await stage()).connect().hello();
    for (let count = 0; count < 32; count += 1) expect(types(await peer.ask(99))).toEqual([REP.ERR_UNSUP]);
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('closed');
  });

  test('too much data is skipped; much too much closes', async () => {
    const peer = await (await stage()).connect().hello();
    for (const size of [16 * 1024 + 1, 64 * 1024])
      expect(types(await peer.ask(OPT.GO, Buffer.alloc(size)))).toEqual([REP.ERR_TOO_BIG]);
    expect(types(await peer.ask(OPT.GO, infoData('db')))).toEqual([REP.INFO, REP.ACK]);
    const other = await (await stage()).connect().hello();
    other.wire.send(option(OPT.LIST).subarray(0, 12), be32(0xffff_ffff), Buffer.alloc(1_000_000));
    await other.wire.settle();
    expect(other.wire.closed).toBe('closed');
  });

  test('ten seconds, wherever the client stopped talking', async () => {
    const { connect, clock, server } = await stage();
    const silent = connect();
    const half = await connect().hello();
    half.wire.send(option(OPT.GO, infoData('db')).subarray(0, 20));
    const lagging = await connect().hello();
    lagging.wire.stalled = true;
    lagging.wire.send(option(OPT.LIST), option(OPT.ABORT));
    const done = await connect().go();
    await done.wire.settle();
    clock.advance(9_999);
    await done.wire.settle();
    expect([silent, half, lagging].map(({ wire }) => wire.closed)).not.toContain('aborted');
    clock.advance(1);
    await done.wire.settle();
    expect([silent, half, lagging].map(({ wire }) => wire.closed)).toEqual(['aborted', 'aborted', 'aborted']);
    expect(done.wire.closed).toBe('no');
    expect(server.connectionCount).toBe(1);
    expect(clock.sleeperCount).toBe(0);
  });

  test('a client may vanish at every byte of a negotiation', async () => {
    const { connect, server, device } = await stage();
    const words = Buffer.concat([
      be32(3),
      option(OPT.STRUCTURED_REPLY),
      option(OPT.SET_META_CONTEXT, metaData('db', ['base:allocation'])),
      option(OPT.GO, infoData('db')),
      request(CMD.READ, { length: 16 }),
    ]);
    device.close = () => {};
    for (let cut = 0; cut <= words.length; cut += 1) {
      const peer = connect();
      peer.wire.send(words.subarray(0, cut));
      await peer.wire.settle(1);
      if (cut % 2 === 0) peer.wire.vanish();
      else peer.wire.end();
      await peer.wire.settle(4);
    }
    expect(server.connectionCount).toBe(0);
  });

  test('words cut at every byte are understood the same', async () => {
    const { connect } = await stage();
    const peer = connect();
    peer.wire.chunkBytes = 1;
    await peer.hello();
    await peer.ask(OPT.STRUCTURED_REPLY);
    expect(types(await peer.ask(OPT.GO, infoData('db', [3])))).toEqual([REP.INFO, REP.INFO, REP.ACK]);
  });
});
