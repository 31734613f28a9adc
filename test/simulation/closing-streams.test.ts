import { describe, expect, it } from 'vitest';
import { isToolkitError } from '../../src/core/foundation/foundation.js';
import { SimSession } from './system/sim-session.js';

/** What p1 has recorded for s1 and could not send, and the stream at s1 that waits for it. */
async function unsent(seed: number) {
  const session = await SimSession.ready(seed);
  await session.ask('p1', 'fault.set', { kind: 'link-down', peer: 's1' });
  for (const value of [2, 3, 4]) await session.write(1, value);
  const { sheets } = await session.ask('p1', 'session.list', {});
  const id = sheets[0]?.id ?? '';
  const stream = await session.world.run(session.controller('s1').sessions.stream(id, session.ref('p1').id));
  const { journal } = session.controller('p1').streams.of(id, session.ref('s1'));
  const from = stream.journal.nextSequence;
  const bytes = journal?.read(from, 65_536).bytes ?? new Uint8Array(0);
  return { session, stream, from, bytes, until: journal?.nextSequence ?? 0 };
}

/** How many steps of other work lie between the append and the close. */
const TURNS = Array.from({ length: 24 }, (_, turns) => turns);

describe('records that meet a receive journal which is being closed', () => {
  it.each(TURNS)('%i turns before it are refused to be sent again, or are durable', async (turns) => {
    const { session, stream, from, bytes, until } = await unsent(21);
    const appended = stream
      .append(from, bytes, () => undefined)
      .then(
        () => 'durable',
        (error: unknown) => (isToolkitError(error, 'session-refuses') ? 'refused' : error),
      );
    const close = async () => {
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await stream.close();
    };
    const [told] = await session.world.run(Promise.all([appended, close()]));
    expect(['durable', 'refused']).toContain(told);
    expect(stream.durableUpTo).toBe(told === 'durable' ? until - 1 : from - 1);
    session.losePower('s1');
    await session.start('s1');
    const again = await session.world.run(session.controller('s1').sessions.stream(stream.session, stream.primary));
    if (told === 'durable') expect(again.journal.nextSequence).toBe(until);
    await session.ask('p1', 'fault.clear', {});
    await session.write(1, 9);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.read('s1')).toBe(9);
  });

  it('come after it are refused', async () => {
    const { session, stream, from, bytes } = await unsent(22);
    await session.world.run(stream.close());
    const late = session.world.run(stream.append(from, bytes, () => undefined));
    await expect(late).rejects.toMatchObject({ code: 'session-refuses' });
  });
});

describe('a server of secondaries that is stopped while hosts write', () => {
  it.each([1, 2, 3, 4, 5, 6])('takes part again when it is started, with no pair suspended (%i)', async (seed) => {
    const session = await SimSession.ready(seed);
    let stops = false;
    const writing = async () => {
      for (let value = 1; !stops; value = (value % 250) + 1) {
        await session.writeNow('p1', value, value % 4, false);
        await session.world.clock.sleep(1);
      }
    };
    const stopping = async () => {
      for (let times = 0; times < 5; times += 1) {
        await session.world.clock.sleep(20 + 7 * seed);
        await session.stopNow('s1');
        await session.startNow('s1');
      }
      stops = true;
    };
    await session.world.run(Promise.all([writing(), stopping()]));
    await session.follows();
    const { pairs } = await session.ask('p1', 'pair.list', {});
    expect(pairs.map(({ status }) => status)).toEqual(['duplex']);
    expect(await session.show()).toBe('applied');
    for (let track = 0; track < 4; track += 1)
      expect(await session.read('s1', track)).toBe(await session.read('p1', track));
  });
});
