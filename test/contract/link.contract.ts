import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MESSAGE_MAX_BYTES } from '../../src/core/foundation/foundation.js';
import { type Channel, type Link, LinkError, type Message } from '../../src/core/ports/ports.js';

export interface LinkUnderTest {
  /** Two ends that reach each other. */
  readonly near: Link;
  readonly far: Link;
  readonly address: string;
  run<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

/** What every implementation of the Link port promises. */
export function linkContract(name: string, make: () => LinkUnderTest): void {
  describe(`Link contract: ${name}`, () => {
    let world: LinkUnderTest;
    beforeEach(() => {
      world = make();
    });
    afterEach(() => world.end());

    async function connected(): Promise<{ near: Channel; far: Channel; stop: () => Promise<void> }> {
      let arrived: (channel: Channel) => void = () => {};
      const arrival = new Promise<Channel>((resolve) => {
        arrived = resolve;
      });
      const listener = await world.far.listen(world.address, (channel) => arrived(channel));
      const near = await world.near.connect(world.address);
      return { near, far: await arrival, stop: () => listener.close() };
    }

    const next = (channel: Channel) => new Promise<Message>((resolve) => channel.onMessage(resolve));
    const collect = (channel: Channel, count: number) =>
      new Promise<Message[]>((resolve) => {
        const got: Message[] = [];
        channel.onMessage((message) => {
          got.push(message);
          if (got.length === count) resolve(got);
        });
      });
    const ended = (channel: Channel) =>
      new Promise<Error | undefined>((resolve) => channel.onClose((reason) => resolve(reason)));

    test('messages arrive whole, in order, with their data beside them', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          const got = collect(far, 40);
          for (let index = 0; index < 40; index += 1) {
            const data = index % 3 === 0 ? undefined : new Uint8Array(index * 5_000).fill(index);
            await near.send({ head: { index, text: 'Größe\n' }, data });
          }
          const messages = await got;
          messages.forEach((message, index) => {
            expect(message.head).toEqual({ index, text: 'Größe\n' });
            const expected = index % 3 === 0 ? 0 : index * 5_000;
            expect(message.data?.length ?? 0).toBe(expected);
            if (expected > 0) expect(message.data?.every((byte) => byte === index)).toBe(true);
          });
          near.close();
          await stop();
        })(),
      );
    });

    test('both ends speak at the same time', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          const atNear = collect(near, 20);
          const atFar = collect(far, 20);
          const speak = async (channel: Channel, word: string) => {
            for (let index = 0; index < 20; index += 1) await channel.send({ head: `${word}${index}` });
          };
          await Promise.all([speak(near, 'n'), speak(far, 'f')]);
          expect((await atFar).map((message) => message.head)).toEqual(Array.from({ length: 20 }, (_, i) => `n${i}`));
          expect((await atNear).map((message) => message.head)).toEqual(Array.from({ length: 20 }, (_, i) => `f${i}`));
          far.close();
          await stop();
        })(),
      );
    });

    test('what was sent before anyone listens to messages is not lost', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          await near.send({ head: 1 });
          await near.send({ head: 2 });
          const got = await collect(far, 2);
          expect(got.map((message) => message.head)).toEqual([1, 2]);
          near.close();
          await stop();
        })(),
      );
    });

    test('the data of a sent message may be used again', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          const got = collect(far, 10);
          const data = new Uint8Array(300_000);
          for (let index = 0; index < 10; index += 1) {
            data.fill(index);
            await near.send({ head: index, data });
          }
          for (const message of await got) expect(message.data?.every((byte) => byte === message.head)).toBe(true);
          near.close();
          await stop();
        })(),
      );
    });

    test('an ordinary end is told to both ends without a reason, after the last message', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          const order: unknown[] = [];
          far.onMessage((message) => order.push(message.head));
          const farEnd = ended(far).then((reason) => order.push(reason ?? 'end'));
          await near.send({ head: 'last' });
          near.close();
          await farEnd;
          expect(order).toEqual(['last', 'end']);
          expect(await ended(near)).toBeUndefined();
          await expect(near.send({ head: 1 })).rejects.toMatchObject({ name: 'LinkError', fault: 'closed' });
          await expect(far.send({ head: 1 })).rejects.toMatchObject({ fault: 'closed' });
          await stop();
        })(),
      );
    });

    test('the largest message passes, a larger one is refused and the connection stays', async () => {
      await world.run(
        (async () => {
          const { near, far, stop } = await connected();
          const got = next(far);
          await expect(near.send({ head: 1, data: new Uint8Array(MESSAGE_MAX_BYTES + 1) })).rejects.toMatchObject({
            fault: 'too-large',
          });
          await near.send({ head: 'largest', data: new Uint8Array(MESSAGE_MAX_BYTES) });
          expect((await got).data?.length).toBe(MESSAGE_MAX_BYTES);
          near.close();
          await stop();
        })(),
      );
    });

    test('nobody there: no-listener, before, and again after the listener closed', async () => {
      await world.run(
        (async () => {
          const nobody = async () => {
            await expect(world.near.connect(world.address)).rejects.toSatisfy(
              (error) => error instanceof LinkError && error.fault === 'no-listener',
            );
          };
          await nobody();
          const { near, far, stop } = await connected();
          await stop();
          await nobody();
          // Open connections stay.
          const got = next(far);
          await near.send({ head: 'still' });
          expect((await got).head).toBe('still');
          near.close();
          const again = await world.far.listen(world.address, () => {});
          await again.close();
        })(),
      );
    });

    test('a successor takes the address over, and the former listener does not take it away', async () => {
      await world.run(
        (async () => {
          const former = await world.far.listen(world.address, () => {});
          const { near, far, stop } = await connected();
          await former.close();
          const second = await world.near.connect(world.address);
          second.close();
          near.close();
          far.close();
          await stop();
        })(),
      );
    });
  });
}
