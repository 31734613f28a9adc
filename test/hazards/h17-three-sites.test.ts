import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { SimSite } from '../simulation/system/sim-sites.js';
import { formed } from './formation-orders.js';

describe('a member that is itself a secondary', () => {
  it('H17: makes a formation void while its own pair copies: what it holds is a mix', async () => {
    const group = await SimGroup.ready(1);
    await formed(group);
    await group.tokyo.volumes(4, 'source');
    await group.tokyo.write('source', 0, 3);
    await group.tokyo.ask('pair.create', {
      pairs: [{ primary: 'source', secondary: 'db', pace: 'hold' }],
      overwrite: true,
    });
    const answer = await group.start();
    expect(answer).toMatchObject({ outcome: 'void' });
    expect(answer.reason).toContain('secondary');
    expect(await group.first('db-backup', 'log-backup')).toEqual([1, 1]);
    await group.tokyo.ask('pair.delete', { pairs: [{ primary: 'source', secondary: 'db' }], force: true });
  });

  it('H17, H29: makes a formation void while its origin may have gone on alone, though it still says duplex', async () => {
    const group = await SimGroup.ready(2);
    const origin = await originOf(group);
    await formed(group);
    await origin.ask('fault.set', { kind: 'link-down', peer: 'tokyo' });
    await origin.write('db', 0, 3);
    const alone = await group.start();
    expect(alone).toMatchObject({ outcome: 'void' });
    expect(alone.reason).toContain('may have gone on alone');
    await origin.ask('fault.clear', {});
    await origin.ask('pair.resync', { pairs: [{ primary: 'db' }] });
    await origin.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'] });
    await formed(group);
    expect(await group.first('db-backup', 'log-backup')).toEqual([3, 1]);
  });

  it('H17: makes a formation void while news that its origin was suspended is under way', async () => {
    const group = await SimGroup.ready(2);
    const origin = await originOf(group);
    await formed(group);
    await origin.ask('fault.set', { kind: 'link-slow', peer: 'tokyo', delayMs: 2_000 });
    // Answered when it was told; the world goes on with what is asked next.
    const suspended = origin.client.request('pair.suspend', { pairs: [{ primary: 'db' }] });
    await origin.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['suspended'] });
    await origin.write('db', 0, 3);
    await group.kyoto.write('log', 0, 4);
    const alone = await group.start();
    expect(alone).toMatchObject({ outcome: 'void' });
    expect(alone.reason).toContain('went on alone');
    expect(await group.first('db-backup', 'log-backup')).toEqual([2, 1]);
    await group.world.run(suspended);
    await origin.ask('fault.clear', {});
    await origin.ask('pair.resync', { pairs: [{ primary: 'db' }] });
    await origin.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'] });
    await formed(group);
    expect(await group.first('db-backup', 'log-backup')).toEqual([3, 4]);
  });
});

/** The first member follows a volume of another site, which wrote 2 there. */
async function originOf(group: SimGroup): Promise<SimSite> {
  const origin = await SimSite.create(group.world, 'sendai');
  await origin.volumes(4, 'db');
  const pairs = [{ primary: 'db', secondary: 'db', secondarySystem: group.tokyo.ref }];
  await origin.ask('pair.create', { pairs, mode: 'sync', overwrite: true });
  await origin.ask('pair.wait', { pairs: [{ primary: 'db' }], statuses: ['duplex'] });
  await origin.write('db', 0, 2);
  return origin;
}
