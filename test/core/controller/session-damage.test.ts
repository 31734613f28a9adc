import { describe, expect, it } from 'vitest';
import { readHistory } from '../../../src/core/controller/controller.js';
import { isRecording, journalled, SESSION, show } from '../../simulation/system/two-journal.js';
import { type Site, TwoSystems } from '../../simulation/system/two-systems.js';

type Direction = 'transmit' | 'receive';

function folderOf({ world: { files } }: TwoSystems, site: Site, direction: Direction): string {
  const [stream] = files.list(`/sys/${site}/journals`).filter((name) => {
    const inside = files.list(`/sys/${site}/journals/${name}`);
    return inside.some((one) => one.startsWith(direction));
  });
  const [folder] = files.list(`/sys/${site}/journals/${stream}`).filter((one) => one.startsWith(direction));
  return `/sys/${site}/journals/${stream}/${folder}`;
}

/** Bytes in the middle of the first record's data, which was durable. */
function damageRecord(systems: TwoSystems, site: Site, direction: Direction): void {
  const { files } = systems.world;
  const folder = folderOf(systems, site, direction);
  const file = files.open(`${folder}/${files.list(folder).sort()[0]}`, 'write');
  file.write(new Uint8Array(64).fill(0xee), 4096 + 16);
  file.close();
}

function loseSegments(systems: TwoSystems, site: Site, direction: Direction): void {
  const { files } = systems.world;
  const folder = folderOf(systems, site, direction);
  for (const name of files.list(folder)) files.remove(`${folder}/${name}`);
}

function messages({ world: { files } }: TwoSystems, site: Site): string {
  return readHistory(files, `/sys/${site}`)
    .map(({ message, session }) => `${message} ${session?.reason}`)
    .join('\n');
}

/** The pair is back, every write is at its secondary, and its next writes go as records again. */
async function comesBack(systems: TwoSystems): Promise<void> {
  await systems.rest(10_000);
  expect(await systems.status('tokyo')).toBe('duplex');
  expect(await show(systems)).toBe('applied');
  expect(await systems.read('osaka', 'db-copy')).toEqual(systems.image('tokyo', 'db'));
  await systems.write('tokyo', 'db', 9, 99);
  expect(isRecording(systems)).toBe(true);
  expect(await show(systems)).toBe('applied');
  expect((await systems.read('osaka', 'db-copy'))[9]).toBe(99);
}

/** Both are killed, something happens to the files, and both come up again. */
async function struck(systems: TwoSystems, strike: (systems: TwoSystems) => void): Promise<TwoSystems> {
  for (const site of ['tokyo', 'osaka'] as const) systems.kill(site);
  systems.healLink();
  strike(systems);
  return TwoSystems.again(systems, 'kill');
}

describe('a damaged transmit journal', () => {
  const strikes: Record<string, (systems: TwoSystems) => void> = {
    'with a bad record inside': (systems) => damageRecord(systems, 'tokyo', 'transmit'),
    'whose segments are missing': (systems) => loseSegments(systems, 'tokyo', 'transmit'),
  };
  it.each(Object.entries(strikes))('%s is made anew, and its pair comes back by its differences', async (_, strike) => {
    const systems = await journalled(1);
    expect(await show(systems)).toBe('applied');
    systems.cutLink();
    await systems.write('tokyo', 'db', 5, 7);
    const after = await struck(systems, strike);
    await after.write('tokyo', 'db', 6, 8);
    await comesBack(after);
    expect(messages(after, 'tokyo')).toMatch(/what is kept for osaka/i);
    await after.close();
  });

  it('begins where the secondary ends, and nothing of the former is taken for it', async () => {
    const systems = await journalled(2);
    await systems.write('tokyo', 'db', 5, 7);
    await systems.rest();
    // Received, and in no checkpoint yet.
    const after = await struck(systems, (one) => damageRecord(one, 'tokyo', 'transmit'));
    await comesBack(after);
    const left = after.world.files.list(folderOf(after, 'tokyo', 'transmit').replace(/\/[^/]*$/, ''));
    expect(left).toEqual([expect.stringMatching(/^transmit-\d+$/)]);
    await after.close();
  });

  it('whose end was lost unseen does not number records anew that its secondary has', async () => {
    const systems = await journalled(3);
    expect(await show(systems)).toBe('applied');
    const before = copyOf(systems, 'tokyo');
    await systems.write('tokyo', 'db', 5, 7);
    await systems.rest();
    const after = await struck(systems, (one) => putBack(one, before));
    await after.write('tokyo', 'db', 6, 8);
    await comesBack(after);
    expect(messages(after, 'tokyo')).toMatch(/does not go on where osaka ends/);
    await after.close();
  });

  it('is made anew also while it is in use, when what is to be sent cannot be read', async () => {
    const systems = await journalled(4);
    expect(await show(systems)).toBe('applied');
    systems.cutLink();
    await systems.write('tokyo', 'db', 5, 7);
    const { journal } = systems.own('tokyo').controller.streams.ofSession(sessionOf(systems))[0] ?? {};
    spoilLast(systems, journal?.usedBytes ?? 0);
    systems.healLink();
    await comesBack(systems);
    await systems.close();
  });
});

describe('a damaged receive journal', () => {
  const strikes: Record<string, (systems: TwoSystems) => void> = {
    'with a bad record inside': (systems) => damageRecord(systems, 'osaka', 'receive'),
    'whose segments are missing': (systems) => loseSegments(systems, 'osaka', 'receive'),
  };
  it.each(Object.entries(strikes))('%s is filled once more by its primary, and no pair tracks', async (_, strike) => {
    const systems = await journalled(5);
    expect(await show(systems)).toBe('applied');
    await systems.write('tokyo', 'db', 5, 7);
    await systems.rest();
    const after = await struck(systems, strike);
    expect(isRecording(after)).toBe(true);
    expect(await show(after)).toBe('applied');
    expect(await after.read('osaka', 'db-copy')).toEqual(after.image('tokyo', 'db'));
    expect(messages(after, 'osaka')).toMatch(/received from tokyo cannot be read, and is asked for once more/);
    expect(isRecording(after)).toBe(true);
    await comesBack(after);
    await after.close();
  });

  it('in the middle of an update refuses hosts until its primary has sent it again, then shows the checkpoint', async () => {
    const systems = await killedInUpdate(6);
    await systems.start('osaka');
    expect(systems.own('osaka').controller.sessions.sheets.named(SESSION)?.secondary?.releasing?.number).toBe(2);
    await expect(systems.read('osaka', 'db-copy')).rejects.toThrow(/being applied/);
    await systems.start('tokyo');
    await comesBack(systems);
    await systems.close();
  });

  it('in the middle of an update, with its primary damaged as well, shows no half of it', async () => {
    const systems = await killedInUpdate(7);
    loseSegments(systems, 'tokyo', 'transmit');
    await systems.start('osaka');
    await expect(systems.read('osaka', 'db-copy')).rejects.toThrow(/being applied/);
    await systems.start('tokyo');
    await comesBack(systems);
    await systems.close();
  });
});

/** Osaka dies while it applies a checkpoint and loses what it received; tokyo is killed as well. */
async function killedInUpdate(seed: number): Promise<TwoSystems> {
  const systems = await journalled(seed);
  expect(await show(systems)).toBe('applied');
  await systems.write('tokyo', 'db', 5, 7);
  await systems.ask('osaka', 'fault.set', { kind: 'crash', step: 'session.flushed' });
  await show(systems).catch(() => undefined);
  systems.kill('tokyo');
  systems.world.files.remove('/sys/osaka/faults.json');
  loseSegments(systems, 'osaka', 'receive');
  return systems;
}

function sessionOf(systems: TwoSystems): string {
  return systems.own('tokyo').controller.sessions.sheets.named(SESSION)?.id ?? '';
}

/** The last written bytes of the journal in use are not what was written. */
function spoilLast(systems: TwoSystems, usedBytes: number): void {
  const { files } = systems.world;
  const folder = folderOf(systems, 'tokyo', 'transmit');
  const file = files.open(`${folder}/${files.list(folder).sort()[0]}`, 'write');
  file.write(new Uint8Array(64).fill(0xee), usedBytes - 1_024);
  file.close();
}

type Kept = ReadonlyMap<string, Uint8Array>;

function copyOf(systems: TwoSystems, site: Site): Kept {
  const { files } = systems.world;
  const folder = folderOf(systems, site, 'transmit');
  return new Map(
    files.list(folder).map((name) => {
      const file = files.open(`${folder}/${name}`, 'read');
      const bytes = new Uint8Array(file.sizeBytes());
      file.read(bytes, 0);
      file.close();
      return [`${folder}/${name}`, bytes];
    }),
  );
}

function putBack(systems: TwoSystems, kept: Kept): void {
  for (const [path, bytes] of kept) {
    const file = systems.world.files.open(path, 'write');
    file.write(bytes, 0);
    file.close();
  }
}
