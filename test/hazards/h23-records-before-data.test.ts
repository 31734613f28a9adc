import { describe, expect, it } from 'vitest';
import { isHalf } from '../../src/core/pair/pair.js';
import { isRecording, journalled, markedOrKept, show } from '../simulation/system/two-journal.js';
import { TwoSystems } from '../simulation/system/two-systems.js';
import { overSeeds } from './stage.js';

/** What differs between the two images, as tracks. */
function differing(systems: TwoSystems): number[] {
  const copy = systems.image('osaka', 'db-copy');
  return systems.image('tokyo', 'db').flatMap((value, track) => (value === copy[track] ? [] : [track]));
}

describe('the records of a journal pair and its data', () => {
  it('H23: a kill between record and data: the primary holds what its record says, and both come to be equal', async () => {
    for (const nth of [1, 3]) {
      const systems = await journalled(11 + nth);
      expect(await show(systems)).toBe('applied');
      await systems.ask('tokyo', 'fault.set', { kind: 'crash', step: 'journal.appended', nth });
      for (let track = 0; track < nth; track += 1)
        await systems.world.run(
          Promise.race([
            systems.writeNow('tokyo', 'db', track, 50 + track).catch(() => undefined),
            systems.world.clock.sleep(500),
          ]),
        );
      const after = await TwoSystems.again(systems, 'kill');
      expect(after.image('tokyo', 'db')[nth - 1]).toBe(50 + nth - 1);
      expect(isRecording(after)).toBe(true);
      expect(await show(after)).toBe('applied');
      expect(differing(after)).toEqual([]);
      await after.close();
    }
  });

  it('H23: after any crash every track in which the two differ is in a map or in a record that is kept', async () => {
    await overSeeds(16, async (seed) => {
      const systems = await journalled(seed);
      const { rng, clock } = systems.world;
      const host = async () => {
        for (let i = 0; i < 30; i += 1) {
          await systems.writeNow('tokyo', 'db', rng.below(16), 2 + ((seed * 31 + i) % 250));
          await clock.sleep(rng.unit() * 20);
        }
      };
      const marks = async () => {
        for (;;) {
          await clock.sleep(40);
          await systems.askNow('tokyo', 'session.mark', { session: 'j' });
        }
      };
      const crash = clock.sleep(rng.unit() * 250);
      await systems.world.run(Promise.race([Promise.all([host(), marks()]).catch(() => undefined), crash]));
      const kind = seed % 2 === 0 ? 'kill' : 'power';
      const after = await TwoSystems.again(systems, kind, 'random');
      const known = markedOrKept(after);
      expect(differing(after).filter((track) => !known.has(track))).toEqual([]);
      await after.ask('tokyo', 'session.start', { session: 'j' });
      await after.rest();
      expect(await show(after)).toBe('applied');
      expect(differing(after)).toEqual([]);
      await after.close();
    });
  });

  it('H23: a pair that stops being journalled has the tracks of every record that was not applied in its map', async () => {
    const systems = await journalled(39);
    expect(await show(systems)).toBe('applied');
    await systems.write('tokyo', 'db', 9, 88);
    await systems.ask('tokyo', 'pair.suspend', { pairs: [{ primary: 'db' }] });
    expect(isRecording(systems)).toBe(false);
    expect([...markedOrKept(systems)]).toContain(9);
    await systems.ask('tokyo', 'pair.resync', { pairs: [{ primary: 'db' }], discard: true });
    await systems.wait('duplex');
    expect(await show(systems)).toBe('applied');
    expect(differing(systems)).toEqual([]);
    await systems.close();
  });

  it('H23: a flush that returned holds the record too: nothing that a host flushed is missing from map and journal', async () => {
    const systems = await journalled(40);
    expect(await show(systems)).toBe('applied');
    await systems.write('tokyo', 'db', 7, 99);
    const after = await TwoSystems.again(systems, 'power', 'none');
    expect(after.image('tokyo', 'db')[7]).toBe(99);
    // It may have been copied already since the systems are up again.
    const known = markedOrKept(after);
    expect(differing(after).filter((track) => !known.has(track))).toEqual([]);
    await after.close();
  });

  it('H23: what lies before a checkpoint and is later than it is kept, and shown with the next one', async () => {
    const systems = await journalled(41);
    const { controller } = systems.own('tokyo');
    const [half] = [...controller.catalog.pairs.values()].filter(isHalf);
    const session = half?.remote.journal?.session ?? '';
    const sheet = controller.streams.sheets.byId(session);
    // Its time is drawn, then a write lands, then it is placed.
    const time = controller.ports.clock.sequenceNs() + BigInt(sheet?.primary?.anchor?.offsetNs ?? '0');
    await systems.write('tokyo', 'db', 4, 77);
    const checkpoint = {
      number: (sheet?.primary?.seen ?? 0) + 1,
      time: time.toString(),
      issuer: controller.peers.self.id,
    };
    const input = { session, term: sheet?.term ?? 0, configTerm: sheet?.primary?.configTerm ?? 0, checkpoint };
    await systems.ask('tokyo', 'session.checkpoint', input);
    await systems.ask('osaka', 'session.wait', {
      session: 'j',
      mark: `${sheet?.run}.${checkpoint.number}`,
      timeoutMs: 20_000,
    });
    expect((await systems.read('osaka', 'db-copy'))[4]).toBe(1);
    expect(await show(systems)).toBe('applied');
    expect((await systems.read('osaka', 'db-copy'))[4]).toBe(77);
    await systems.close();
  });
});
