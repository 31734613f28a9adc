import { describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/core/controller/controller.js';
import { History, type HistoryEvent } from '../../../src/core/controller/history.js';
import { SimSystem } from '../../simulation/system/sim-system.js';
import { SimFiles } from '../../simulation/world/world.js';
import { putAll, readAll } from '../storage/files.js';
import { codeOf, db, deskSystem } from './desk.js';

function eventsOf(system: SimSystem, operation: string) {
  const events = readHistory(system.world.files, system.place.path);
  return events.filter((event) => event.operation === operation);
}

describe('the history', () => {
  it('has the start and the end of each operation, joined by an id', async () => {
    const system = await deskSystem();
    await system.pair('db', 'copy');
    const [start, end] = eventsOf(system, 'pair create');
    expect(start).toMatchObject({
      phase: 'start',
      code: 'started',
      primary: 'tokyo:db',
      secondary: 'tokyo:copy',
      actor: 'test',
    });
    expect(end).toMatchObject({ phase: 'end', code: 'done', before: 'simplex', after: 'pending', tracks: 16 });
    expect(end?.id).toBe(start?.id);
    await system.wait('db', 'copy', 'duplex');
    expect(eventsOf(system, 'copy')[0]).toMatchObject({
      phase: 'end',
      before: 'pending',
      after: 'duplex',
      actor: 'copier',
    });
    await system.close();
  });

  it('has an abnormal end with the error for what failed, and nothing for what was refused before it began', async () => {
    const system = await deskSystem();
    await system.ask('fault.set', { kind: 'io-error', volume: 'db', track: 2, on: 'read' });
    expect(await codeOf(system.ask('volume.scrub', { volumes: ['db'], accept: false }))).toBe('io-error');
    expect(eventsOf(system, 'volume scrub').map((event) => event.phase)).toEqual(['start', 'abnormal']);
    expect(eventsOf(system, 'volume scrub')[1]).toMatchObject({ code: 'io-error' });
    expect(await codeOf(system.ask('pair.split', { pairs: db }))).toBe('pair-not-found');
    expect(eventsOf(system, 'pair split')).toEqual([]);
    await system.close();
  });

  it('of an operation whose controller died gets its end when the system is opened again', async () => {
    const system = await deskSystem();
    await system.pair('db', 'copy');
    const { process } = system.world;
    process.stopAtCall(process.calls + 3);
    await system.ask('pair.suspend', { pairs: db }).catch(() => undefined);
    const again = await SimSystem.open(system.world.crash('kill'));
    const events = eventsOf(again, 'pair suspend');
    expect(events.map((event) => [event.phase, event.code])).toEqual([
      ['start', 'started'],
      ['abnormal', 'died'],
    ]);
    expect(events[1]?.after).toBe((await again.status('db', 'copy'))?.status);
    await again.close();
    const third = await SimSystem.open(again.world);
    expect(eventsOf(third, 'pair suspend')).toHaveLength(2);
    await third.close();
  });

  it('passes over a line that a crash cut short, and over bytes that are none of ours', async () => {
    const system = await deskSystem();
    await system.close();
    const { files } = system.world;
    const path = `${system.place.path}/history.ndjson`;
    const bytes = readAll(files, path);
    const count = readHistory(files, system.place.path).length;
    putAll(files, path, new Uint8Array([...bytes, ...new TextEncoder().encode('{"phase":"sta')]));
    const again = await SimSystem.open(system.world);
    await again.volumes(4, 'new');
    expect(readHistory(files, system.place.path)).toHaveLength(count + 2);
    await again.close();
  });

  it('finds what has no end, in whatever order starts and ends were written, and whatever else their lines say', () => {
    const session = { id: 'a', phase: 'end' } as unknown as NonNullable<HistoryEvent['session']>;
    const event = (word: string): HistoryEvent => ({
      ...{
        time: '',
        system: 's',
        code: 'x',
        operation: word,
        primary: null,
        secondary: null,
        before: null,
        after: null,
      },
      ...{ tracks: null, seconds: null, message: '"id":"a","phase":"end"}', actor: 'test', id: word[1] ?? '' },
      ...(word[2] === 's' ? { session } : {}),
      phase: word[0] === '+' ? 'start' : word[0] === '-' ? 'end' : 'abnormal',
    });
    const stories: readonly (readonly [string, string])[] = [
      ['+a -a', ''],
      ['+a +b -b', 'a'],
      ['+a +b -a -b', ''],
      ['+a -b +c', 'ac'],
      ['+a +a -a', ''],
      ['+as -b', 'a'],
      ['+a -as', ''],
      ['+b -as -c', 'b'],
      ['+a !a +b !c', 'b'],
      ['-a +a', 'a'],
    ];
    for (const [story, open] of stories) {
      const history = new History(new SimFiles(), '');
      for (const word of story.split(' ')) history.append(event(word));
      expect([
        story,
        history
          .unfinished()
          .map(({ id }) => id)
          .join(''),
      ]).toEqual([story, open]);
    }
  });
});
