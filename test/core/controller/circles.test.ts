import { describe, expect, it } from 'vitest';
import { SimSite } from '../../simulation/system/sim-sites.js';
import { World } from '../../simulation/world/world.js';

class Three {
  readonly sites: ReadonlyMap<string, SimSite>;

  private constructor(sites: ReadonlyMap<string, SimSite>) {
    this.sites = sites;
  }

  static async make(seed: number): Promise<Three> {
    const world = new World(seed);
    const sites = new Map<string, SimSite>();
    for (const name of ['tokyo', 'osaka', 'nara']) {
      const site = await SimSite.create(world, name);
      await site.volumes(4, 'db', 'log');
      sites.set(name, site);
    }
    return new Three(sites);
  }

  at(name: string): SimSite {
    const site = this.sites.get(name);
    if (!site) throw new Error(`no ${name}`);
    return site;
  }

  pair(from: string, to: string, volumes: readonly [string, string] = ['db', 'db']) {
    const [primary, secondary] = volumes;
    const secondarySystem = from === to ? undefined : this.at(to).ref;
    return this.at(from).ask('pair.create', { pairs: [{ primary, secondary, secondarySystem }] });
  }

  async pairs(name: string): Promise<number> {
    return (await this.at(name).ask('pair.list', {})).pairs.length;
  }
}

describe('pairs over three systems', () => {
  it('make a chain, but no circle, and what is refused leaves nothing behind', async () => {
    const three = await Three.make(1);
    await three.pair('tokyo', 'osaka');
    await three.pair('osaka', 'nara');
    await expect(three.pair('nara', 'tokyo')).rejects.toMatchObject({ code: 'cycle' });
    expect([await three.pairs('nara'), await three.pairs('tokyo')]).toEqual([1, 1]);
    const { volumes } = await three.at('tokyo').ask('volume.list', {});
    expect(volumes.map(({ reserved }) => reserved)).toEqual([false, false]);
    await three.pair('nara', 'tokyo', ['db', 'log']);
  });

  it('make none through a pair inside one of them, whichever pair is made last', async () => {
    const three = await Three.make(2);
    await three.pair('tokyo', 'osaka');
    await three.pair('osaka', 'nara');
    await three.pair('nara', 'tokyo', ['db', 'log']);
    await expect(three.pair('tokyo', 'tokyo', ['log', 'db'])).rejects.toMatchObject({ code: 'cycle' });
    const other = await Three.make(3);
    await other.pair('tokyo', 'tokyo', ['log', 'db']);
    await other.pair('tokyo', 'osaka');
    await expect(other.pair('osaka', 'tokyo', ['db', 'log'])).rejects.toMatchObject({ code: 'cycle' });
  });

  it.each([4, 5, 6, 7, 8, 9, 10, 11])('that are made at the same time make none either (seed %i)', async (seed) => {
    const three = await Three.make(seed);
    const made = await Promise.allSettled([
      three.pair('tokyo', 'osaka'),
      three.pair('osaka', 'nara'),
      three.pair('nara', 'tokyo'),
    ]);
    const refused = made.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    // Who asks a system that asks at the same moment may wait its limit out instead.
    for (const { reason } of refused as PromiseRejectedResult[]) expect(['cycle', 'link-lost']).toContain(reason.code);
  });

  it('are refused where nobody can say what lies above, unless that was left by a takeover', async () => {
    const three = await Three.make(5);
    await three.pair('tokyo', 'osaka');
    await three.pair('nara', 'nara', ['db', 'log']);
    await three.at('osaka').ask('fault.set', { kind: 'link-down', peer: 'tokyo' });
    await expect(three.pair('osaka', 'nara')).rejects.toMatchObject({
      code: 'link-lost',
      message: expect.stringContaining('circle'),
    });
    expect(await three.pairs('nara')).toBe(1);
    await three.at('osaka').ask('pair.takeover', { volumes: ['db'], force: true });
    await three.pair('osaka', 'nara');
  });
});
