import { describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/core/controller/controller.js';
import { groupHistory } from '../../../src/core/group/group.js';
import { SimGroup } from '../../simulation/system/sim-group.js';

describe('The history of a group', () => {
  it('keeps each formation whole for programs, and as a sentence for people', async () => {
    const group = await SimGroup.ready(1);
    await group.start();
    await group.kyoto.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.write(2);
    const lost = await group.start();
    const { formations } = await group.tokyo.ask('cg.history', { group: 'g' });
    expect(formations).toMatchObject([
      { deed: 'formation', sequence: 1, outcome: 'formed', reason: null, system: 'tokyo', actor: 'test' },
      { deed: 'formation', sequence: 2, outcome: lost.outcome, reason: lost.reason, failure: lost.failure },
    ]);
    const sentences = readHistory(group.world.files, group.tokyo.place.path)
      .filter(({ operation }) => operation === 'cg formation')
      .map(({ message }) => message);
    expect(sentences[0]).toMatch(/^group 1 formed: \d+ tracks, writes paused [\d.]+ ms, drained in [\d.]+ ms$/);
    expect(sentences[1]).toBe(`group 2 void at kyoto, at drain: ${lost.reason}`);
  });

  it('tells of a recovery at the remote that carried it out', async () => {
    const group = await SimGroup.ready(2);
    await group.start();
    group.tokyo.kill();
    group.kyoto.kill();
    await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
    const { formations } = await group.osaka.ask('cg.history', { group: 'g' });
    expect(formations).toMatchObject([{ deed: 'recovery', sequence: 1, outcome: 'keep', system: 'osaka' }]);
  });

  it('of two systems is that of one group, also where an earlier one had its name', async () => {
    const group = await SimGroup.ready(3);
    await group.start();
    const { id } = await group.status();
    await group.tokyo.ask('cg.delete', { group: 'g' });
    await group.tokyo.ask('cg.create', { group: 'g', policy: {} });
    const events = group.sites.flatMap(({ place }) => readHistory(group.world.files, place.path));
    expect(groupHistory(events, id)).toHaveLength(1);
    expect((await group.tokyo.ask('cg.history', { group: 'g' })).formations).toEqual([]);
    const deeds = events.filter(({ primary, phase }) => primary === 'g' && phase === 'end');
    expect(deeds.map(({ operation }) => operation)).toEqual([
      'cg create',
      'cg add',
      'cg add',
      'cg formation',
      'cg delete',
      'cg create',
    ]);
  });
});

describe('The status of a group', () => {
  it('tells of each member what last went wrong at its system, also after that system had another owner', async () => {
    const group = await SimGroup.ready(4);
    await group.kyoto.ask('fault.set', { kind: 'link-down', peer: 'osaka' });
    await group.write(2);
    const lost = await group.start();
    const failures = async () => {
      const { members } = await group.status();
      return members.map(({ controller, lastFailure }) => [controller, lastFailure?.activity, lastFailure?.reason]);
    };
    expect(lost).toMatchObject({ outcome: 'void', failure: { activity: 'drain', controller: 'kyoto' } });
    const told = (reason: string | null) => [
      ['tokyo', undefined, undefined],
      ['kyoto', 'drain', reason],
    ];
    expect(await failures()).toEqual(told('the drain limit passed'));
    group.kyoto.kill();
    await group.kyoto.restart();
    expect(await failures()).toEqual(told(lost.reason));
  });
});
