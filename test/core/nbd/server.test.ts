import { describe, expect, test } from 'vitest';
import { CMD, OPT, REP } from '../../../src/core/nbd/protocol.js';
import { infoData, request, simple, stage } from './stage.js';

describe('many connections', () => {
  test('64 are served, further ones are closed at once, and a place that is left is taken again', async () => {
    const { connect, server, device } = await stage();
    device.close = () => {};
    const peers = [];
    for (let count = 0; count < 64; count += 1) peers.push(await connect().go());
    const surplus = [connect(), connect()];
    await surplus[0]?.wire.settle();
    expect(surplus.map(({ wire }) => [wire.closed, wire.received.length])).toEqual([
      ['aborted', 0],
      ['aborted', 0],
    ]);
    for (const peer of peers) expect(await peer.answer(request(CMD.FLUSH))).toEqual(simple(7));
    await peers[10]?.leave();
    expect(server.connectionCount).toBe(63);
    await connect().go();
    expect(server.connectionCount).toBe(64);
  });

  test('those which connect and vanish leave nothing behind', async () => {
    const { connect, server, clock, streams } = await stage();
    for (let count = 0; count < 200; count += 1) connect().wire.vanish();
    await streams.connect().settle();
    const stays = streams.connect();
    await stays.settle();
    expect([server.connectionCount, clock.sleeperCount, stays.received.length]).toEqual([1, 1, 18]);
  });

  test('each sees what the other wrote', async () => {
    const { connect } = await stage();
    const [one, other] = [await connect().go(), await connect().go()];
    await one.answer(request(CMD.WRITE, { offset: 99 }, Buffer.from('hello')));
    expect(await other.answer(request(CMD.READ, { offset: 99, length: 5 }))).toEqual(
      simple(7, 0, Buffer.from('hello')),
    );
  });
});

describe('a stop', () => {
  test('answers what is in flight, refuses what comes meanwhile, and closes', async () => {
    const { connect, server, device, streams } = await stage();
    const peer = await connect().go();
    device.hold = true;
    peer.wire.send(request(CMD.FLUSH, { cookie: 1 }));
    await peer.wire.settle();
    let isStopped = false;
    const stopped = server.stop(1_000).then(() => {
      isStopped = true;
    });
    await peer.wire.settle();
    expect(() => streams.connect()).toThrow();
    const refused = await peer.answer(
      request(CMD.WRITE, { cookie: 2 }, Buffer.alloc(512)),
      request(CMD.READ, { cookie: 3, length: 8 }),
    );
    expect(refused).toEqual(Buffer.concat([simple(2, 108), simple(3, 108)]));
    expect([isStopped, peer.wire.closed]).toEqual([false, 'no']);
    device.release();
    await stopped;
    expect(peer.wire.received).toEqual(simple(1));
    expect([peer.wire.closed, device.isClosed, server.connectionCount]).toEqual(['closed', true, 0]);
  });

  test('lets a payload that is arriving arrive', async () => {
    const { connect, server, device } = await stage();
    const peer = await connect().go();
    const words = request(CMD.WRITE, {}, Buffer.alloc(1000, 3));
    peer.wire.send(words.subarray(0, 500));
    const stopped = server.stop(1_000);
    await peer.wire.settle();
    expect(peer.wire.closed).toBe('no');
    peer.wire.send(words.subarray(500));
    await stopped;
    expect(peer.wire.received).toEqual(simple(7));
    expect(device.bytes[999]).toBe(3);
  });

  test('tells negotiating clients so, and breaks those who stay', async () => {
    const { connect, server, clock, device } = await stage();
    const [talking, silent] = [await connect().hello(), connect()];
    const stopped = server.stop(1_000);
    await silent.wire.settle();
    const [reply] = await talking.ask(OPT.GO, infoData('db'));
    expect(reply?.type).toBe(REP.ERR_SHUTDOWN);
    expect((await talking.ask(OPT.ABORT))[0]?.type).toBe(REP.ACK);
    clock.advance(1_000);
    await stopped;
    expect([talking.wire.closed, silent.wire.closed]).toEqual(['closed', 'aborted']);
    expect(device.calls).toEqual([]);
    expect(clock.sleeperCount).toBe(0);
  });

  test('breaks a client that does not read its answers', async () => {
    const { connect, server, clock } = await stage();
    const peer = await connect().go();
    peer.wire.stalled = true;
    for (let count = 0; count < 40; count += 1) peer.wire.send(request(CMD.READ, { length: 1024 * 1024 }));
    await peer.wire.settle();
    expect(server.heldBytes).toBeLessThan(3 * 1024 * 1024);
    const stopped = server.stop(1_000);
    await peer.wire.settle();
    clock.advance(1_000);
    await stopped;
    expect(server.connectionCount).toBe(0);
  });

  test('of a server that nobody uses is at once', async () => {
    const { server } = await stage();
    await server.stop(1_000);
  });
});
