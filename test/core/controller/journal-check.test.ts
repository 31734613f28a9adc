import { describe, expect, it } from 'vitest';
import type { SimSite } from '../../simulation/system/sim-sites.js';
import { StreamDesk } from '../../simulation/system/stream-desk.js';
import { flipBit } from '../storage/files.js';

/** With several segments of records that nobody has applied; nobody owns the secondary. */
async function held(seed: number): Promise<{ desk: StreamDesk; site: SimSite; folder: string }> {
  const desk = await StreamDesk.ready(seed);
  const site = desk.other;
  const feed = desk.feed(site);
  for (let value = 2; value < 40; value++) {
    feed.write(0, value);
    await feed.send();
  }
  site.kill();
  const primary = desk.sites[desk.secondaries.indexOf(site)]?.ref.id;
  return { desk, site, folder: `${site.place.path}/journals/${desk.id}-${primary}/receive` };
}

const segment = (number: number) => `${String(number).padStart(10, '0')}.segment`;

async function findings(desk: StreamDesk, site: SimSite, deep = true) {
  await desk.restart(site);
  const { findings: found } = await site.ask('system.check', { repair: false, deep });
  return found.filter(({ subject }) => subject.startsWith('journals/')).map((one) => `${one.severity}: ${one.message}`);
}

describe('a deep check of a system with journals', () => {
  it('finds nothing in a sound one, whatever it holds that is not applied', async () => {
    const { desk, site } = await held(1);
    expect(await findings(desk, site)).toEqual([]);
  });

  it('names a record that is not whole, and what to do', async () => {
    const { desk, site, folder } = await held(2);
    flipBit(desk.world.files, `${folder}/${segment(2)}`, 4_096 + 300);
    expect(await findings(desk, site)).toEqual([
      expect.stringMatching(
        /^error: record \d+ is not whole \(0000000002\.segment, at byte 4096\); .*sends its records once more/,
      ),
    ]);
    expect(await findings(desk, site, false)).toEqual([]);
  });

  it('calls a record harmless that is applied already', async () => {
    const { desk, site, folder } = await held(3);
    flipBit(desk.world.files, `${folder}/${segment(1)}`, 4_096 + 300);
    expect(await findings(desk, site)).toEqual([expect.stringMatching(/^warning: record 1 .*it is applied already/)]);
  });

  it('names a segment that is missing, and a journal that is', async () => {
    const { desk, site, folder } = await held(4);
    desk.world.files.remove(`${folder}/${segment(2)}`);
    expect(await findings(desk, site)).toEqual([
      expect.stringMatching(/^error: segment 0000000002\.segment is missing/),
    ]);
    site.kill();
    for (const name of desk.world.files.list(folder)) desk.world.files.remove(`${folder}/${name}`);
    expect(await findings(desk, site)).toEqual([expect.stringMatching(/^error: /)]);
  });
});
