import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MESSAGE_MAX_BYTES } from '../../src/core/foundation/foundation.js';
import type { Channel, Message } from '../../src/core/ports/ports.js';
import { socketLink } from '../../src/platform/platform.js';
import { temporaryFolder } from './temporary-folder.js';

let folder: { path: string; remove: () => void };
let address: string;

beforeEach(() => {
  folder = temporaryFolder();
  address = `${folder.path}/control.sock`;
});
afterEach(() => folder.remove());

function frame(head: string, data = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(head), data]);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(4 + body.length, 0);
  prefix.writeUInt32BE(Buffer.byteLength(head), 4);
  return Buffer.concat([prefix, body]);
}

/** A server of ours and a client that speaks bytes. */
async function raw(): Promise<{
  socket: Socket;
  messages: Message[];
  closed: Promise<Error | undefined>;
  stop: () => Promise<void>;
}> {
  const messages: Message[] = [];
  let end: (reason: Error | undefined) => void = () => {};
  const closed = new Promise<Error | undefined>((resolve) => {
    end = resolve;
  });
  const listener = await socketLink.listen(address, (channel) => {
    channel.onMessage((message) => messages.push(message));
    channel.onClose((reason) => end(reason));
  });
  const socket = createConnection(address);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, messages, closed, stop: () => listener.close() };
}

/** Messages whose memory was given back. */
const given = new Set<Message>();

/** The data of the n-th message is so long and holds n + 1 in each byte. */
function expectFilled({ head, data }: Message, sizes: readonly number[]): void {
  const nth = Number(head);
  expect(data?.length ?? 0).toBe(sizes[nth]);
  expect(Buffer.from(data ?? []).equals(Buffer.alloc(sizes[nth] ?? 0, nth + 1))).toBe(true);
}

describe('frames', () => {
  test('arrive whole however the bytes are cut', async () => {
    const { socket, messages, closed, stop } = await raw();
    const bytes = Buffer.concat([
      frame('{"a":1}'),
      frame('"zwei"', Buffer.from([1, 2, 3])),
      frame('null'),
      frame('4', Buffer.alloc(1_000, 7)),
    ]);
    for (const byte of bytes.subarray(0, 60)) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end(bytes.subarray(60));
    expect(await closed).toBeUndefined();
    expect(messages.map((message) => message.head)).toEqual([{ a: 1 }, 'zwei', null, 4]);
    expect([...(messages[1]?.data ?? [])]).toEqual([1, 2, 3]);
    expect(messages[0]?.data).toBeUndefined();
    await stop();
  });

  test('large data comes whole, in memory that is used again only once it was given back', async () => {
    const { socket, messages, closed, stop } = await raw();
    const kib = 1_024;
    const sizes = [1_024, 1_024, 3, 300, 2_000, 0, 255, 1_024, 1_024, 700].map((size) => size * kib);
    const bytes = Buffer.concat(sizes.map((size, i) => frame(`${i}`, Buffer.alloc(size, i + 1))));
    for (let at = 0; at < bytes.length; at += 330_007) {
      socket.write(bytes.subarray(at, at + 330_007));
      await new Promise((resolve) => setTimeout(resolve, 2));
      // Every other one is done with as soon as it was looked at, and says so twice.
      for (const message of messages) {
        if (Number(message.head) % 2 === 0 || message.giveBack === undefined || given.has(message)) continue;
        expectFilled(message, sizes);
        message.giveBack();
        message.giveBack();
        given.add(message);
      }
    }
    socket.end();
    expect(await closed).toBeUndefined();
    expect(messages.map(({ head }) => head)).toEqual(sizes.map((_, i) => i));
    for (const message of messages) if (!given.has(message)) expectFilled(message, sizes);
    expect(given.size).toBeGreaterThan(1);
    await stop();
  });

  const prefix = (total: number, head: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(total, 0);
    bytes.writeUInt32BE(head, 4);
    return bytes;
  };
  test.each([
    ['a total of 4 GiB', prefix(0xffffffff, 10), 'too-large'],
    ['a head over the limit', prefix(MESSAGE_MAX_BYTES + 5, MESSAGE_MAX_BYTES + 1), 'too-large'],
    ['data over the limit', prefix(MESSAGE_MAX_BYTES + 8, 3), 'too-large'],
    ['a head longer than the whole', prefix(10, 100), 'malformed'],
    ['a total of nothing', prefix(0, 0), 'malformed'],
    ['no head', prefix(4, 0), 'malformed'],
    ['a head that is no JSON', frame('{"a":'), 'malformed'],
    ['a head that is no UTF-8', frame('xx').fill(0xff, 8), 'malformed'],
    ['the words of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'too-large'],
  ])('%s closes the connection', async (_name, bytes, fault) => {
    const { socket, messages, closed, stop } = await raw();
    socket.write(bytes);
    expect(await closed).toMatchObject({ name: 'LinkError', fault });
    expect(messages).toEqual([]);
    await stop();
  });

  test('an end inside a message is no ordinary end', async () => {
    const { socket, closed, stop } = await raw();
    socket.end(frame('{"a":1}').subarray(0, 10));
    expect(await closed).toMatchObject({ fault: 'closed' });
    await stop();
  });
});

describe('addresses', () => {
  test('the socket is private, and gone after close', async () => {
    const listener = await socketLink.listen(address, () => {});
    expect(lstatSync(address).isSocket()).toBe(true);
    expect(lstatSync(address).mode & 0o077).toBe(0);
    expect(readdirSync(folder.path)).toEqual(['control.sock']);
    await listener.close();
    await listener.close();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('a long path leaves nothing open and nothing behind', async () => {
    const deep = `${folder.path}/${'a'.repeat(100)}/${'b'.repeat(100)}`;
    mkdirSync(deep, { recursive: true });
    // Descriptors of folders are what a long path takes; others come and go with the test runner.
    const openFolders = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === deep;
        } catch {
          return false;
        }
      });
    const listener = await socketLink.listen(`${deep}/control.sock`, (channel) => channel.close());
    expect(openFolders().length).toBe(1);
    const channel = await socketLink.connect(`${deep}/control.sock`);
    await new Promise<void>((resolve) => channel.onClose(() => resolve()));
    await listener.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readdirSync(deep)).toEqual([]);
    expect(openFolders()).toEqual([]);
  });

  test('a name that no socket can have is refused', async () => {
    await expect(socketLink.listen(`${folder.path}/${'n'.repeat(120)}`, () => {})).rejects.toMatchObject({
      fault: 'no-listener',
    });
  });

  test('a dead owner’s socket: nobody listens, and the next owner takes it', async () => {
    const child = fork(new URL('./socket-worker.ts', import.meta.url), [address], { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    expect(existsSync(address)).toBe(true);
    await expect(socketLink.connect(address)).rejects.toMatchObject({ fault: 'no-listener' });
    const listener = await socketLink.listen(address, () => {});
    (await socketLink.connect(address)).close();
    await listener.close();
  });

  test('a former listener that closes late leaves its successor’s socket alone', async () => {
    const former = await socketLink.listen(address, () => {});
    const next = await socketLink.listen(address, () => {});
    await former.close();
    (await socketLink.connect(address)).close();
    await next.close();
  });

  test('a file at the address is not replaced, and nobody listens there', async () => {
    writeFileSync(address, 'precious');
    await expect(socketLink.listen(address, () => {})).rejects.toMatchObject({ fault: 'no-listener' });
    await expect(socketLink.connect(address)).rejects.toMatchObject({ fault: 'no-listener' });
    expect(lstatSync(address).size).toBe(8);
    await expect(socketLink.connect(`${folder.path}/no/such/folder/x`)).rejects.toMatchObject({ fault: 'no-listener' });
  });
});

test('one who sends faster than the other reads waits', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(address);
  await once(server, 'listening');
  const arrived = once(server, 'connection') as Promise<[Socket]>;
  const channel = await socketLink.connect(address);
  const [socket] = await arrived;
  let sent = 0;
  const data = new Uint8Array(1_048_576);
  const sending = (async () => {
    for (; sent < 8; sent += 1) await channel.send({ head: sent, data });
  })();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(sent).toBeLessThan(2);
  socket.resume();
  await sending;
  expect(sent).toBe(8);
  channel.close();
  socket.destroy();
  server.close();
});

test('a killed peer breaks the connection, and what was being sent fails', async () => {
  const child = fork(new URL('./socket-worker.ts', import.meta.url), [address], { execArgv: ['--import', 'tsx'] });
  await once(child, 'message');
  const channel: Channel = await socketLink.connect(address);
  const closed = new Promise<void>((resolve) => channel.onClose(() => resolve()));
  const sending = (async () => {
    for (;;) await channel.send({ head: 1, data: new Uint8Array(1_048_576) });
  })();
  setTimeout(() => child.kill('SIGKILL'), 30);
  await expect(sending).rejects.toMatchObject({ name: 'LinkError', fault: 'closed' });
  await closed;
});

test('many connections at once', async () => {
  const echoes: Promise<unknown>[] = [];
  const listener = await socketLink.listen(address, (channel) => {
    channel.onMessage((message) => void channel.send(message).catch(() => {}));
  });
  for (let index = 0; index < 100; index += 1) {
    echoes.push(
      (async () => {
        const channel = await socketLink.connect(address);
        const answer = new Promise<unknown>((resolve) => channel.onMessage((message) => resolve(message.head)));
        await channel.send({ head: index });
        const head = await answer;
        channel.close();
        return head;
      })(),
    );
  }
  expect(await Promise.all(echoes)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  await listener.close();
});
