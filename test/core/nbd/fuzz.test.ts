import { expect, test } from 'vitest';
import { CMD, OPT } from '../../../src/core/nbd/protocol.js';
import { Rng } from '../../simulation/world/rng.js';
import { be32, infoData, metaData, option, type Peer, request, stage } from './stage.js';

const MESSAGES = 100_000;
/** Of one connection: what waits, what is not taken, and one request more. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
const FUZZERS = 6;
const BURST = 25;
const SIZE = 1024 * 1024;

const junk = (rng: Rng, most: number) => Buffer.from(Array.from({ length: rng.below(most) }, () => rng.next() & 255));
const anything = (rng: Rng) =>
  rng.pick([0, 1, 511, 4096, SIZE - 1, SIZE, SIZE + 1, 2 ** 31, 2 ** 32 - 1, rng.below(SIZE)]);

/** An option that is right, nearly right, or noise. */
function someOption(rng: Rng): Buffer {
  const number = rng.chance(0.9) ? 1 + rng.below(12) : rng.next();
  const name = rng.pick(['db', '', 'nope', 'a'.repeat(300)]);
  const queries = rng.pick([[], ['base:'], ['base:allocation'], ['x']]);
  const data = rng.pick([
    Buffer.alloc(0),
    infoData(name, [3, 1]),
    metaData(name, queries),
    Buffer.from(name),
    junk(rng, 200),
  ]);
  const words = option(number, data);
  if (rng.chance(0.1)) words.writeUInt32BE(anything(rng), rng.pick([8, 12]));
  if (rng.chance(0.05)) words[rng.below(words.length)] = rng.next() & 255;
  return words;
}

function someRequest(rng: Rng): Buffer {
  const command = rng.chance(0.95) ? rng.pick([0, 0, 1, 1, 1, 3, 4, 5, 6, 7]) : rng.next() & 0xffff;
  const flags = rng.chance(0.8) ? 0 : rng.pick([1, 2, 4, 8, 16, 32, rng.next() & 0xffff]);
  const offset = rng.chance(0.9) ? rng.below(SIZE) : anything(rng);
  const payload = Buffer.alloc(command === CMD.WRITE ? rng.below(1500) : 0, rng.next() & 255);
  const length = command === CMD.WRITE ? payload.length : rng.chance(0.9) ? rng.below(5000) : anything(rng);
  const words = request(command, { flags, offset, length, cookie: rng.next() }, payload);
  if (rng.chance(0.002)) words[rng.below(28)] = rng.next() & 255;
  return words;
}

interface Fuzzer {
  readonly peer: Peer;
  readonly speaks: 'options' | 'requests';
  left: number;
}

async function newFuzzer(rng: Rng, peer: Peer): Promise<Fuzzer> {
  peer.wire.chunkBytes = rng.pick([11, 100, 1000, 5000, 262_144]);
  peer.wire.send(be32(rng.chance(0.95) ? 3 : rng.next()));
  if (rng.chance(0.3)) return { peer, speaks: 'options', left: 1 };
  peer.wire.send(option(OPT.STRUCTURED_REPLY), option(OPT.SET_META_CONTEXT, metaData('db', ['base:allocation'])));
  peer.wire.send(option(OPT.GO, infoData('db')));
  await peer.wire.settle(1);
  return { peer, speaks: 'requests', left: 20 };
}

function endOf(rng: Rng, { wire }: Peer): void {
  if (rng.chance(0.5)) wire.vanish();
  else wire.end();
  wire.flow();
}

test(`${MESSAGES} messages of clients that know the protocol only roughly`, async () => {
  const rng = new Rng(20_261_120);
  const { connect, server, device } = await stage({ sizeBytes: SIZE, tls: 'optional' });
  device.close = () => {};
  const fuzzers: Fuzzer[] = [];
  let heldMost = 0;
  for (let count = 0; count < MESSAGES; count += BURST) {
    while (fuzzers.length < FUZZERS) fuzzers.push(await newFuzzer(rng, connect()));
    const fuzzer = rng.pick(fuzzers);
    const { wire } = fuzzer.peer;
    const make = fuzzer.speaks === 'options' ? someOption : someRequest;
    device.slow = rng.chance(0.2);
    wire.stalled = rng.chance(0.05);
    wire.send(...Array.from({ length: BURST }, () => make(rng)));
    heldMost = Math.max(heldMost, server.heldBytes);
    if (!wire.stalled) wire.flow();
    if (rng.chance(0.1)) await wire.settle(1);
    wire.take(wire.received.length);
    fuzzer.left -= 1;
    if (fuzzer.left >= 0 && wire.closed === 'no') continue;
    endOf(rng, fuzzer.peer);
    fuzzers.splice(fuzzers.indexOf(fuzzer), 1);
    await wire.settle(2);
  }
  for (const { peer } of fuzzers) peer.wire.vanish();
  device.slow = false;
  const last = connect();
  await last.wire.settle(10);
  await last.go();
  expect((await last.answer(request(CMD.READ, { length: 4 }))).length).toBe(20);
  await last.leave();
  await last.wire.settle();
  expect([server.connectionCount, server.heldBytes]).toEqual([0, 0]);
  expect(heldMost).toBeGreaterThan(0);
  expect(heldMost).toBeLessThan(FUZZERS * HELD_BYTES_MAX);
});
