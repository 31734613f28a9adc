import { describe, expect, it } from 'vitest';
import { mergeHalves } from '../../src/cli/halves.js';
import { REMOTE, TwoSystems } from '../simulation/system/two-systems.js';

async function rowsOf(systems: TwoSystems) {
  const [primary, secondary] = [await systems.row('tokyo'), await systems.row('osaka')];
  if (!primary || !secondary) throw new Error('there are two halves');
  return { primary, secondary };
}

describe('the halves of a pair between systems', () => {
  it('are one row: the primary leads, the secondary tells how it stands and as of when', async () => {
    const systems = await TwoSystems.duplex(1);
    const { primary, secondary } = await rowsOf(systems);
    const [row, ...more] = mergeHalves([secondary, primary]);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ status: 'duplex', secondaryStatus: 'duplex', half: { side: 'primary' } });
    await systems.close();
  });

  it('say split after a takeover, whatever the former primary believes', async () => {
    const systems = await TwoSystems.duplex(2);
    const before = await rowsOf(systems);
    await systems.ask('osaka', 'pair.takeover', { volumes: ['db-copy'] });
    const { secondary } = await rowsOf(systems);
    expect(mergeHalves([before.primary, secondary])).toMatchObject([
      {
        status: 'split',
        primaryStatus: 'duplex',
        secondaryStatus: 'split',
        reason: expect.stringContaining('takeover'),
      },
    ]);
    await systems.close();
  });

  it('do not say that the secondary follows where the primary does not say so', async () => {
    const systems = await TwoSystems.duplex(3);
    const { secondary } = await rowsOf(systems);
    systems.cutLink();
    await systems.ask('tokyo', 'pair.suspend', { pairs: REMOTE });
    const { primary } = await rowsOf(systems);
    await systems.rest(20_000);
    const stale = (await rowsOf(systems)).secondary;
    expect(mergeHalves([primary, stale])[0]?.secondaryStatus).toBe('suspended');
    expect(mergeHalves([stale])).toMatchObject([{ status: 'suspended', half: { side: 'secondary' } }]);
    expect(secondary.status).toBe('duplex');
    await systems.close();
  });
});
