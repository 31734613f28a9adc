import { expect, it } from 'vitest';
import type { Site } from '../../simulation/system/sites.js';
import { apart, bytes, inWorld, LIMIT_MS, sites, TRACKS } from '../transfer/sync-stage.js';

const refOf = ({ name, path, place }: Site) => ({ id: place.info.id, name, path });

it('a split over several systems shows what was on its way to a synchronous secondary at its instant', () =>
  inWorld(1, async (world) => {
    const [tokyo, osaka, nagoya] = (await sites(world, ['tokyo', 'osaka', 'nagoya'], 'db', 'log')) as [
      Site,
      Site,
      Site,
    ];
    await tokyo.pair('db', nagoya);
    await osaka.pair('log', nagoya);
    const { peers } = tokyo.owner.controller;
    const request = peers.request.bind(peers);
    peers.request = async (system, code, input, options) => {
      if (code === 'remote.write') await world.clock.sleep(LIMIT_MS * 0.8);
      return request(system, code, input, options);
    };
    let isWritten = false;
    const written = tokyo
      .device('db')
      .write(bytes(7), 0)
      .then(() => {
        isWritten = true;
      });
    await world.clock.sleep(10);
    const parts = [
      { system: refOf(tokyo), pairs: [{ primary: 'db' }] },
      { system: refOf(osaka), pairs: [{ primary: 'log' }] },
    ];
    await tokyo.ask('split.over', { parts, words: {} });
    // It completed with the freeze and waited for nobody, and its track is still to be copied: the secondary is not open.
    expect([isWritten, tokyo.status('db')]).toEqual([true, 'sp-pending']);
    await written;
    await tokyo.until('db', 'split');
    expect(nagoya.bytesOf('db', 0, 1)[0]).toBe(7);
    expect(apart(tokyo.image('db', TRACKS), nagoya.image('db', TRACKS))).toEqual([]);
  }));
