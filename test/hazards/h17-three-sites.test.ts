import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
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
});
