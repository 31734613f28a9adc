import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HostConnection, RefusedError } from './hosts-client.js';
import { NumberedLoad } from './hosts-load.js';
import { useServers } from './hosts-servers.js';
import type { Server } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';
import { eventually } from './shell.js';

const CONNECTIONS = 1_000;
const SERVED = 64;
const MEMORY_LIMIT_BYTES = 256 * 1_048_576;
const FUZZ_CONNECTIONS = 304;
const FUZZ_AT_ONCE = 16;

const root = useRootFolder(async (folder) => {
  await folder.ok('system', 'create', 'tokyo', '--durability', 'none');
  for (const name of ['db', 'other']) await folder.ok('volume', 'create', `tokyo:${name}`, '--size', '4MiB');
});
const serve = useServers(root);
const start = () => serve('tokyo', '--nbd', `unix:${root.file('all.sock')}`);

function peakBytes(server: Server): number {
  const status = readFileSync(`/proc/${server.shell.child.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** A raw connection: what it was sent, and whether it is over. */
class Stranger {
  readonly socket: Socket;
  received = 0;
  isOver = false;

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on('data', (bytes) => (this.received += bytes.length));
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.isOver = true));
    this.socket.on('end', () => this.socket.end());
  }
}

describe('a server that strangers press', { timeout: 60_000 }, () => {
  it(`serves ${SERVED} of ${CONNECTIONS} connections and closes the rest, to no harm of those that are served`, async () => {
    const server = await start();
    const load = await NumberedLoad.start(server.socket, 'db', { connections: 2 });
    const strangers = Array.from({ length: CONNECTIONS - 2 }, () => new Stranger(server.socket));
    await eventually(() => (strangers.filter((one) => one.isOver).length >= CONNECTIONS - SERVED ? true : undefined));
    expect(strangers.filter((one) => !one.isOver && one.received > 0)).toHaveLength(SERVED - 2);
    expect(strangers.filter((one) => one.isOver && one.received > 0)).toEqual([]);
    await load.more(200);
    for (const { socket } of strangers) socket.destroy();
    await eventually(() =>
      HostConnection.open(server.socket, 'db').then(
        (host) => {
          host.close();
          return true;
        },
        () => undefined,
      ),
    );
    await load.more(200);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.lostIn(readFileSync(root.file('tokyo/images/db.img')))).toEqual([]);
    expect(peakBytes(server)).toBeLessThan(MEMORY_LIMIT_BYTES);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('refuses what lies outside the volume and goes on with the connection', async () => {
    const server = await start();
    const host = await HostConnection.open(server.socket, 'other');
    const end = host.sizeBytes;
    for (const offset of [end, end - 100, 2 ** 52]) {
      await expect(host.write(offset, Buffer.alloc(512))).rejects.toThrow(RefusedError);
      await expect(host.read(offset, 512)).rejects.toThrow(RefusedError);
    }
    await host.write(end - 512, Buffer.alloc(512, 7));
    expect(await host.read(end - 512, 512)).toEqual(Buffer.alloc(512, 7));
    expect(server.shell.isAlive).toBe(true);
  });

  it('outlives oversized and malformed messages, and other hosts do not notice', async () => {
    const server = await start();
    const load = await NumberedLoad.start(server.socket, 'db', { connections: 1 });
    let state = 42;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let n = 0; n < FUZZ_CONNECTIONS; n += FUZZ_AT_ONCE) {
      const strangers = Array.from({ length: FUZZ_AT_ONCE }, () => new Stranger(server.socket));
      for (const [i, { socket }] of strangers.entries()) socket.end(malformed(n + i, below));
      await eventually(() => (strangers.every((one) => one.isOver) ? true : undefined));
    }
    await load.more(200);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(peakBytes(server)).toBeLessThan(MEMORY_LIMIT_BYTES);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.shell.stderr).toBe('');
  });
});

/** A beginning that is right up to some point, and wrong from there. */
function malformed(n: number, below: (limit: number) => number): Buffer {
  const flags = Buffer.from([0, 0, 0, 3]);
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  const option = (code: number, length: number, body: Buffer) => {
    const head = Buffer.alloc(16);
    head.write('IHAVEOPT', 'latin1');
    head.writeUInt32BE(code, 8);
    head.writeUInt32BE(length >>> 0, 12);
    return Buffer.concat([head, body]);
  };
  const name = Buffer.from('other');
  const go = option(7, 11, Buffer.concat([Buffer.from([0, 0, 0, 5]), name, Buffer.from([0, 0])]));
  const request = (command: number, length: number, body: Buffer) => {
    const head = Buffer.alloc(28);
    head.writeUInt32BE(0x2560_9513, 0);
    head.writeUInt16BE(below(64), 4);
    head.writeUInt16BE(command, 6);
    head.writeBigUInt64BE(BigInt(below(2 ** 22)), 16);
    head.writeUInt32BE(length >>> 0, 24);
    return Buffer.concat([head, body]);
  };
  const lengths = [0, 1, 4_096, 2 ** 16, 2 ** 25, 2 ** 25 + 1, 2 ** 26 + 1, 2 ** 31, 2 ** 32 - 1];
  const someLength = () => lengths[below(lengths.length)] ?? 0;
  const kinds = [
    () => noise(below(600)),
    () => Buffer.concat([flags, noise(below(300))]),
    () => Buffer.concat([flags, option(below(14), someLength(), noise(below(5_000)))]),
    () => Buffer.concat([flags, option(7, 6, Buffer.from([255, 255, 255, 255, 0, 0]))]),
    () => Buffer.concat([flags, go, noise(below(2_000))]),
    () => Buffer.concat([flags, go, request(below(10), someLength(), noise(below(5_000)))]),
    () => Buffer.concat([flags, go, request(1, 4_096, noise(below(4_096)))]),
    () => Buffer.concat([flags, go, request(7, someLength(), Buffer.alloc(0)), request(2, 0, Buffer.alloc(0))]),
  ];
  return kinds[n % kinds.length]?.() ?? noise(1);
}
