import { describe, expect, it } from 'vitest';
import { readHistory } from '../../src/core/controller/controller.js';
import { RateLimit } from '../../src/core/copy/copy.js';
import { KIB } from '../../src/core/foundation/foundation.js';
import { recordBytes } from '../../src/core/journal/journal.js';
import { SESSION, SimSession } from './system/sim-session.js';
import { TRACK } from './system/sim-system.js';

/** So little that a message as large as the journals take, 32 KiB, would be worth two seconds of it. */
const RATE = 16 * KIB;
/** What a stall makes good, and what goes at once: of a second each, and the record that it ends in. */
const BURST = 0.2;
const AT_ONCE_BYTES = RATE * BURST + recordBytes(TRACK);

interface Moved {
  readonly afterMs: number;
  readonly bytes: number;
}

/** Caps what p1 sends, from now on. */
function cap(session: SimSession, bytesPerSecond: number): void {
  const controller = session.controller('p1');
  controller.capCopying(new RateLimit(controller.ports.clock, bytesPerSecond));
}

/** What s1 has durably of what p1 recorded since the call, looked at again and again until `ends`. */
async function watch(session: SimSession, ends: () => boolean): Promise<readonly Moved[]> {
  const { sessions } = session.controller('s1');
  const stream = await sessions.stream(sessions.sheets.demand(SESSION).id, session.ref('p1').id);
  const { clock } = session.world;
  const [beganAtMs, from] = [clock.monotonicMs(), stream.durableUpTo];
  const moved: Moved[] = [];
  while (!ends()) {
    await clock.sleep(20);
    moved.push({
      afterMs: clock.monotonicMs() - beganAtMs,
      bytes: (stream.durableUpTo - from) * recordBytes(TRACK),
    });
  }
  return moved;
}

/** How long each of the writes of a host took, one after the other with hardly a pause. */
async function write(session: SimSession, count: number): Promise<readonly number[]> {
  const { clock } = session.world;
  const took: number[] = [];
  for (let done = 0; done < count; done += 1) {
    const beganAtMs = clock.monotonicMs();
    await session.writeNow('p1', (done % 250) + 1, done % 4, false);
    took.push(clock.monotonicMs() - beganAtMs);
    await clock.sleep(4);
  }
  return took;
}

async function run(seed: number, bytesPerSecond: number | null, count: number) {
  const session = await SimSession.ready(seed);
  if (bytesPerSecond !== null) cap(session, bytesPerSecond);
  let ended = false;
  const writing = write(session, count).finally(() => {
    ended = true;
  });
  const [took, moved] = await session.world.run(Promise.all([writing, watch(session, () => ended)]));
  return { session, took, moved };
}

const longest = (took: readonly number[]) => Math.max(...took);

describe('a stream whose copier has a cap', () => {
  it.each([1, 2, 3])('moves no more than that, by the clock, and hardly less (%i)', async (seed) => {
    const free = await run(seed, null, 500);
    const { session, moved } = await run(seed, RATE, 500);
    const [most, spanMs] = [moved.at(-1)?.bytes ?? 0, moved.at(-1)?.afterMs ?? 0];
    expect(free.moved.at(-1)?.bytes ?? 0).toBeGreaterThan(4 * most);
    for (const { afterMs, bytes } of moved)
      expect(bytes).toBeLessThanOrEqual(RATE * (afterMs / 1000 + BURST) + AT_ONCE_BYTES);
    expect(most).toBeGreaterThan((RATE * spanMs) / 1000 / 2);
    // With more of it the rest comes as well.
    cap(session, 1024 * KIB);
    expect(await session.show()).toBe('applied');
    expect(await session.shown(3)).toEqual([await session.read('p1', 3), 0]);
  });

  it('holds no host: its writes wait in the journal, and are no slower than without a cap', async () => {
    const free = await run(4, null, 400);
    const capped = await run(4, RATE, 400);
    expect(longest(capped.took)).toBeLessThanOrEqual(2 * longest(free.took));
    const { pairs } = await capped.session.ask('p1', 'pair.list', {});
    expect(pairs.map(({ status }) => status)).toEqual(['duplex']);
  });

  it('holds no host either when the journal is full of what could not be sent yet: its pair comes back by differences', async () => {
    const limit = { journalLimitBytes: 512 * KIB };
    const session = await SimSession.ready(5, limit);
    cap(session, 4 * KIB);
    const took = await session.world.run(write(session, 400));
    expect(longest(took)).toBeLessThan(100);
    const events = readHistory(session.world.files, '/sys/p1').filter(({ after }) => after === 'suspended');
    expect(events[0]?.message).toMatch(/^the journals of p1 are full/);
    cap(session, 1024 * KIB);
    await session.follows();
    expect(await session.show()).toBe('applied');
    expect(await session.shown(3)).toEqual([await session.read('p1', 3), 0]);
  });
});
