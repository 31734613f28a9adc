import { once } from 'node:events';
import { lstatSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ByteStream, StreamAddress, StreamFault } from '../../src/core/ports/ports.js';
import { streamSockets } from '../../src/platform/platform.js';
import { socketStreams } from '../../src/platform/stream-sockets.js';
import { makeCertificates } from './certificates.js';
import { temporaryFolder } from './temporary-folder.js';

let folder: { path: string; remove: () => void };
let certificates: ReturnType<typeof makeCertificates>;
const keep = temporaryFolder();
beforeAll(() => {
  certificates = makeCertificates(`${keep.path}/certificates`);
});
afterAll(() => keep.remove());
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const fault = (wanted: StreamFault) => expect.objectContaining({ name: 'StreamError', fault: wanted });
const unix = (): StreamAddress => ({ kind: 'unix', path: `${folder.path}/nbd.sock` });
const loopback: StreamAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const pause = (spanMs: number) => new Promise((resolve) => setTimeout(resolve, spanMs));

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 500; tries += 1) await pause(10);
  expect(condition()).toBe(true);
}

/** What the server's side of one connection met. */
interface Met {
  readonly stream: ByteStream;
  readonly chunks: Buffer[];
  readonly events: string[];
  received(): Buffer;
}

async function served(mode: 'reused' | 'events', address: StreamAddress) {
  const met: Met[] = [];
  const listener = await socketStreams(mode).listen(address, (stream) => {
    const chunks: Buffer[] = [];
    const events: string[] = [];
    met.push({ stream, chunks, events, received: () => Buffer.concat(chunks) });
    stream.start({
      bytes: (chunk) => chunks.push(Buffer.from(chunk)),
      ended: () => events.push('ended'),
      closed: (reason) => events.push(reason === undefined ? 'closed' : 'broken'),
    });
  });
  const at = listener.address;
  const socket: Socket = at.kind === 'unix' ? createConnection(at.path) : createConnection(at.port, at.host);
  const heard: Buffer[] = [];
  socket.on('data', (chunk) => heard.push(chunk as Buffer));
  socket.on('error', () => {});
  await once(socket, 'connect');
  await until(() => met.length === 1);
  return { listener, socket, met: met[0] as Met, heard: () => Buffer.concat(heard) };
}

describe.each(['reused', 'events'] as const)('a stream that receives by %s', (mode) => {
  test.each(['unix', 'tcp'])('carries bytes both ways over %s, and closes both ways', async (kind) => {
    const { listener, socket, met, heard } = await served(mode, kind === 'unix' ? unix() : loopback);
    const data = Buffer.alloc(3_000_000, 'some words ');
    socket.write(data);
    await until(() => met.received().length === data.length);
    expect(met.received().equals(data)).toBe(true);
    let handedOver = 0;
    for (let at = 0; at < data.length; at += 500_000) {
      let isInside = true;
      met.stream.write(data.subarray(at, at + 500_000), () => {
        expect(isInside).toBe(false);
        handedOver += 1;
      });
      isInside = false;
    }
    met.stream.close();
    await once(socket, 'close');
    expect(heard().equals(data)).toBe(true);
    expect(handedOver).toBe(6);
    await until(() => met.events.includes('closed'));
    await listener.close();
  });

  test('what is sent soon leaves by itself where nothing arrives, and before whatever is written later', async () => {
    const { listener, socket, met, heard } = await served(mode, unix());
    const handedOver: string[] = [];
    met.stream.writeSoon(Buffer.from('one '), () => handedOver.push('one'));
    expect(handedOver).toEqual([]);
    await until(() => heard().toString() === 'one ');
    met.stream.writeSoon(Buffer.from('two '), () => handedOver.push('two'));
    met.stream.writeSoon(Buffer.from('three '), () => handedOver.push('three'));
    met.stream.write(Buffer.from('four '), () => handedOver.push('four'));
    met.stream.writeSoon(Buffer.from('five'), () => handedOver.push('five'));
    met.stream.close();
    await once(socket, 'close');
    expect(heard().toString()).toBe('one two three four five');
    expect(handedOver).toEqual(['one', 'two', 'three', 'four', 'five']);
    await listener.close();
  });

  test('what is sent soon in answer to each chunk comes in order, and not at all once the stream is closed', async () => {
    const { listener, socket, met, heard } = await served(mode, unix());
    const push = met.chunks.push.bind(met.chunks);
    met.chunks.push = (...chunks) => {
      met.stream.writeSoon(Buffer.from(`${met.chunks.length} `), () => undefined);
      return push(...chunks);
    };
    for (let sent = 0; sent < 5; sent += 1) {
      socket.write('more');
      await until(() => heard().toString().endsWith(`${sent} `));
    }
    expect(heard().toString()).toBe('0 1 2 3 4 ');
    met.stream.abort();
    await until(() => met.events.includes('closed'));
    met.stream.writeSoon(Buffer.from('late'), () => expect.unreachable('the stream is closed'));
    await pause(20);
    await listener.close();
  });

  test('does not read on while it is paused, and goes on where it was', async () => {
    const { listener, socket, met } = await served(mode, unix());
    met.stream.pause();
    const data = Buffer.alloc(5_000_000, 7);
    let isTaken = false;
    socket.write(data, () => {
      isTaken = true;
    });
    await pause(150);
    expect(met.chunks.length).toBe(0);
    expect(isTaken).toBe(false);
    met.stream.resume();
    await until(() => met.received().length === data.length);
    socket.destroy();
    await listener.close();
  });

  test('a pause inside a chunk holds from the next one on', async () => {
    const { listener, socket, met } = await served(mode, unix());
    const push = met.chunks.push.bind(met.chunks);
    met.chunks.push = (...chunks) => {
      met.stream.pause();
      return push(...chunks);
    };
    socket.write(Buffer.alloc(2_000_000));
    await until(() => met.chunks.length > 0);
    await pause(100);
    expect(met.chunks.length).toBe(1);
    socket.destroy();
    await listener.close();
  });

  test('hands nothing over to a client that does not read, until it reads', async () => {
    const { listener, socket, met } = await served(mode, unix());
    socket.pause();
    let handedOver = 0;
    for (let count = 0; count < 40; count += 1) met.stream.write(Buffer.alloc(100_000), () => (handedOver += 1));
    await pause(100);
    expect(handedOver).toBeLessThan(20);
    socket.resume();
    await until(() => handedOver === 40);
    socket.destroy();
    await listener.close();
  });

  test('a half-closed connection can still be answered', async () => {
    const { listener, socket, met, heard } = await served(mode, unix());
    socket.end('the last words');
    await until(() => met.events.includes('ended'));
    expect(met.received().toString()).toBe('the last words');
    met.stream.write(Buffer.from('answer'));
    met.stream.close();
    await once(socket, 'close');
    expect(heard().toString()).toBe('answer');
    await until(() => met.events.includes('closed'));
    await listener.close();
  });

  test('an aborted one closes at once, and is quiet afterwards', async () => {
    const { listener, socket, met } = await served(mode, loopback);
    met.stream.abort();
    met.stream.write(Buffer.from('nobody hears'), () => met.events.push('handed over'));
    met.stream.resume();
    await once(socket, 'close');
    await until(() => met.events.length > 0);
    await pause(20);
    expect(met.events).toEqual(['closed']);
    await listener.close();
  });

  test('a client that vanishes ends it once', async () => {
    const { listener, socket, met } = await served(mode, loopback);
    socket.resetAndDestroy();
    await until(() => met.events.length > 0);
    await pause(20);
    expect(met.events.filter((event) => event !== 'ended')).toHaveLength(1);
    await listener.close();
  });

  test.each(['unix', 'tcp'])('goes on encrypted over %s, even with a certificate asked of the client', async (kind) => {
    const { listener, socket, met } = await served(mode, kind === 'unix' ? unix() : loopback);
    socket.removeAllListeners('data');
    socket.write('plain');
    await until(() => met.received().length === 5);
    met.stream.pause();
    const secured = met.stream.secure({ ...certificates.server, clientAuthoritiesPem: certificates.authority });
    const client = connectTls({ socket, ca: certificates.authority, servername: 'localhost', ...certificates.client });
    await Promise.all([secured, once(client, 'secureConnect')]);
    expect(['TLSv1.2', 'TLSv1.3']).toContain(client.getProtocol());
    met.stream.resume();
    const data = Buffer.alloc(1_000_000, 'secret ');
    client.write(data);
    await until(() => met.received().length === 5 + data.length);
    expect(met.received().subarray(5).equals(data)).toBe(true);
    const heard: Buffer[] = [];
    client.on('data', (chunk: Buffer) => heard.push(chunk));
    let handedOver = 0;
    met.stream.write(data, () => (handedOver += 1));
    await until(() => Buffer.concat(heard).length === data.length && handedOver === 1);
    met.stream.close();
    await once(client, 'close');
    await until(() => met.events.includes('closed'));
    await listener.close();
  });

  test.each([
    ['a stranger’s certificate', () => ({ ...certificates.stranger })],
    ['no certificate', () => ({})],
    ['TLS 1.1', () => ({ ...certificates.client, minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const })],
  ])('is broken where the client shows %s', async (_, credentials) => {
    const { listener, socket, met } = await served(mode, unix());
    met.stream.pause();
    const secured = met.stream.secure({ ...certificates.server, clientAuthoritiesPem: certificates.authority });
    const client = connectTls({ socket, ca: certificates.authority, servername: 'localhost', ...credentials() });
    client.on('error', () => {});
    await expect(secured).rejects.toEqual(fault('broken'));
    await until(() => met.events.length === 1);
    await listener.close();
  });

  test('is broken where the client speaks plainly on, or goes away', async () => {
    for (const words of ['NBD in the clear, and not TLS at all', '']) {
      const { listener, socket, met } = await served(mode, unix());
      met.stream.pause();
      const secured = met.stream.secure(certificates.server);
      if (words === '') socket.destroy();
      else socket.write(words);
      await expect(secured).rejects.toEqual(fault('broken'));
      await until(() => met.events.length === 1);
      await listener.close();
    }
  });
});

describe('listening', () => {
  test('the socket is private, goes with the listener, and leaves open streams alone', async () => {
    const { listener, socket, met } = await served('reused', unix());
    const { path } = unix() as { path: string };
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(statSync(path).mode & 0o077).toBe(0);
    await listener.close();
    expect(() => lstatSync(path)).toThrow();
    socket.write('still here');
    await until(() => met.received().length === 10);
    socket.destroy();
  });

  test('a living socket is never replaced, a dead one is', async () => {
    const { path } = unix() as { path: string };
    const other = createServer().listen(path);
    await once(other, 'listening');
    await expect(streamSockets.listen(unix(), () => {})).rejects.toEqual(fault('in-use'));
    other.close();
    // A server removes only the name that it listened under: what was renamed is left over, as after a kill.
    const dead = createServer().listen(`${path}.dead`);
    await once(dead, 'listening');
    renameSync(`${path}.dead`, path);
    dead.close();
    await once(dead, 'close');
    expect(lstatSync(path).isSocket()).toBe(true);
    const listener = await streamSockets.listen(unix(), () => {});
    const client = createConnection(path);
    await once(client, 'connect');
    client.destroy();
    await listener.close();
  });

  test('a file in the way, a missing folder, a taken port and a foreign address are refused', async () => {
    writeFileSync(`${folder.path}/nbd.sock`, '');
    await expect(streamSockets.listen(unix(), () => {})).rejects.toEqual(fault('in-the-way'));
    const nowhere: StreamAddress = { kind: 'unix', path: `${folder.path}/none/nbd.sock` };
    await expect(streamSockets.listen(nowhere, () => {})).rejects.toEqual(fault('no-folder'));
    const listener = await streamSockets.listen(loopback, () => {});
    expect(listener.address).toMatchObject({ kind: 'tcp', port: expect.any(Number) });
    await expect(streamSockets.listen(listener.address, () => {})).rejects.toEqual(fault('in-use'));
    await listener.close();
    const foreign: StreamAddress = { kind: 'tcp', host: '192.0.2.1', port: 0 };
    await expect(streamSockets.listen(foreign, () => {})).rejects.toEqual(fault('not-here'));
  });

  test('a path longer than a socket’s address', async () => {
    const deep = `${folder.path}/${'d'.repeat(90)}/${'e'.repeat(90)}`;
    mkdirSync(deep, { recursive: true });
    const listener = await streamSockets.listen({ kind: 'unix', path: `${deep}/nbd.sock` }, () => {});
    expect(lstatSync(`${deep}/nbd.sock`).isSocket()).toBe(true);
    await listener.close();
  });
});
