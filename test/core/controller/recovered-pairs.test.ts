import { describe, expect, it } from 'vitest';
import { SimGroup } from '../../simulation/system/sim-group.js';
import { SESSION, SimSession } from '../../simulation/system/sim-session.js';

const DB = { pairs: [{ primary: 'db' }], discard: true };

/** Both primaries were lost and are back; the remote went on with 7. */
async function recoveredGroup(): Promise<SimGroup> {
  const group = await SimGroup.ready(1);
  await group.start();
  await group.tokyo.write('db', 0, 2);
  group.tokyo.kill();
  group.kyoto.kill();
  await group.osaka.ask('cg.recover', { group: 'g', at: [group.osaka.ref], without: [] });
  await group.osaka.write('db', 1, 7);
  await group.tokyo.restart();
  await group.kyoto.restart();
  return group;
}

describe('the old primary of a recovered group', () => {
  it('is not copied over what was recovered, and what it says leads to the way home', async () => {
    const group = await recoveredGroup();
    await expect(group.tokyo.write('db', 0, 3)).rejects.toMatchObject({
      code: 'displaced',
      hint: 'copyset cg failback g --wait brings back what was recovered.',
    });
    await expect(group.tokyo.ask('pair.resync', DB)).rejects.toMatchObject({
      code: 'force-needed',
      hint: expect.stringContaining('copyset cg failback g --wait'),
    });
    expect(await group.osaka.read('db', 4)).toEqual([1, 7, 0, 0]);
    expect(await group.osaka.ask('cg.failback', { group: 'g', wait: {} })).toMatchObject({ outcome: 'returned' });
    expect(await group.tokyo.read('db', 4)).toEqual([1, 7, 0, 0]);
  });

  it('tells with --plan what would be lost, and overwrites it with --force', async () => {
    const group = await recoveredGroup();
    const { plan = [] } = await group.tokyo.ask('pair.resync', { ...DB, plan: true });
    expect(plan[0]?.bytesLost).toBeGreaterThan(0);
    expect(plan[0]?.refusedUnless).toBe('--force');
    await group.tokyo.ask('pair.resync', { ...DB, force: true });
    await group.tokyo.ask('pair.wait', { pairs: DB.pairs, statuses: ['duplex'] });
    await expect(group.osaka.write('db', 1, 8)).rejects.toMatchObject({ code: 'not-writable' });
    await group.tokyo.ask('pair.split', { pairs: DB.pairs });
    await group.tokyo.ask('pair.wait', { pairs: DB.pairs, statuses: ['split'] });
    expect(await group.osaka.read('db', 2)).toEqual([2, 0]);
  });
});

describe('the old primary of a recovered session', () => {
  it('is not copied over what was recovered, and what it says leads to the way home', async () => {
    const session = await SimSession.ready(7);
    await session.write(1, 3);
    await session.show();
    for (const number of session.numbers) session.kill(`p${number}`);
    const at = session.secondaries.map((name) => session.ref(name));
    await session.ask('s1', 'session.recover', { session: SESSION, at });
    for (const number of session.numbers) await session.start(`p${number}`);
    await expect(session.write(1, 5)).rejects.toMatchObject({
      code: 'displaced',
      hint: expect.stringContaining('copyset checkpoint failback'),
    });
    await expect(session.ask('p1', 'pair.resync', DB)).rejects.toMatchObject({
      code: 'force-needed',
      hint: expect.stringContaining(`copyset checkpoint failback ${SESSION} --wait`),
    });
    const back = await session.ask('s1', 'session.failback', { session: SESSION, wait: { timeoutMs: 60_000 } });
    expect(back).toMatchObject({ outcome: 'returned' });
    expect(await session.read('p1')).toBe(3);
  });
});
