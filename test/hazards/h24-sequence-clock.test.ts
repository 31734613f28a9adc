import { describe, expect, it } from 'vitest';
import { isHalf } from '../../src/core/pair/pair.js';
import { isRecording, journalled } from '../simulation/system/two-journal.js';
import { TwoSystems } from '../simulation/system/two-systems.js';

/** The times of all records that tokyo keeps, in the order of the stream. */
function times(systems: TwoSystems): bigint[] {
  const { catalog, streams } = systems.own('tokyo').controller;
  const [half] = [...catalog.pairs.values()].filter(isHalf);
  if (!half?.remote.journal) return [];
  const { journal } = streams.of(half.remote.journal.session, half.remote.peer.system);
  return [...(journal?.records(journal.firstSequence) ?? [])].map(({ time }) => time);
}

/** What the session's clock shows now at tokyo. */
function nowAt(systems: TwoSystems): bigint {
  const { ports, streams } = systems.own('tokyo').controller;
  const anchor = streams.sheets.named('j')?.primary?.anchor;
  return ports.clock.sequenceNs() + BigInt(anchor?.offsetNs ?? '0');
}

describe('the clock of a session', () => {
  it('H24: a controller that starts again stamps by the clock as it is, not ahead of it: a write elsewhere that depends on its writes is later', async () => {
    const systems = await journalled(1);
    await systems.write('tokyo', 'db', 1, 5);
    const after = await TwoSystems.again(systems, 'kill');
    await after.write('tokyo', 'db', 2, 6);
    const last = times(after).at(-1) ?? 0n;
    // Whoever learns of the write and reads the same clock reads more.
    expect(last).toBeGreaterThan(0n);
    expect(nowAt(after)).toBeGreaterThan(last);
    const all = times(after);
    expect(all.every((time, at) => at === 0 || time > (all[at - 1] ?? 0n))).toBe(true);
    await after.close();
  });

  it('H24: after a loss of power nothing is stamped until a clock above all stamps is agreed on', async () => {
    const systems = await journalled(2);
    await systems.write('tokyo', 'db', 1, 5);
    const before = times(systems).at(-1) ?? 0n;
    const after = await TwoSystems.again(systems, 'power', 'all');
    await after.write('tokyo', 'db', 2, 6);
    expect(isRecording(after)).toBe(false);
    expect(times(after).every((time) => time <= before)).toBe(true);
    await after.ask('tokyo', 'session.start', { session: 'j' });
    await after.rest();
    expect(isRecording(after)).toBe(true);
    await after.write('tokyo', 'db', 3, 7);
    expect(times(after).filter((time) => time > before).length).toBeGreaterThan(0);
    expect(times(after).at(-1) ?? 0n).toBeGreaterThan(before);
    await after.close();
  });

  it('H24: a checkpoint that is not behind the own clock is never whole', async () => {
    const systems = await journalled(3);
    const { controller } = systems.own('tokyo');
    const sheet = controller.streams.sheets.named('j');
    const ahead = (nowAt(systems) + 1_000_000_000n).toString();
    const number = (sheet?.primary?.seen ?? 0) + 1;
    const input = {
      session: sheet?.id ?? '',
      term: sheet?.term ?? 0,
      configTerm: sheet?.primary?.configTerm ?? 0,
      checkpoint: { number, time: ahead, issuer: controller.peers.self.id },
    };
    const { placed } = await systems.ask('tokyo', 'session.checkpoint', input);
    expect(placed).toEqual({ kind: 'placed', whole: false });
    await systems.close();
  });
});
