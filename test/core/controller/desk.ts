import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import type { PairStatus } from '../../../src/core/pair/pair.js';
import { SimSystem } from '../../simulation/system/sim-system.js';
import { World } from '../../simulation/world/world.js';

export const TRACKS = 16;
export const db = [{ primary: 'db', secondary: 'copy' }];

/** A fixture system with volumes `db` (written in full) and `copy` of 16 tracks, and what else is asked for. */
export async function deskSystem(...more: string[]): Promise<SimSystem> {
  const system = await SimSystem.create(new World(7), { fixture: true });
  await system.volumes(TRACKS, 'db', 'copy', ...more);
  await system.write('db', 0, 1, TRACKS);
  return system;
}

/** The code of the operating error, or `nothing`. Any other error goes on. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    if (isToolkitError(error)) return error.code;
    throw error;
  }
}

/** What an operation that is refused may not change: pairs and volumes as they are listed, without what time alone changes. */
export async function picture(system: SimSystem): Promise<unknown> {
  const { pairs } = await system.ask('pair.list', {});
  const { volumes } = await system.ask('volume.list', {});
  return { pairs: pairs.map(({ asOf: _, secondsLeft: __, ...pair }) => pair), volumes };
}

async function split(system: SimSystem): Promise<void> {
  await system.pair('db', 'copy');
  await system.wait('db', 'copy', 'duplex');
  await system.ask('pair.split', { pairs: db });
  await system.wait('db', 'copy', 'split');
}

/** How a pair db -> copy comes into a status, by the same requests that a person makes. */
const WAYS = {
  simplex: async () => undefined,
  pending: (system) => system.pair('db', 'copy'),
  duplex: async (system) => {
    await system.pair('db', 'copy');
    await system.wait('db', 'copy', 'duplex');
  },
  'sp-pending': async (system) => {
    await system.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy', split: true }] });
  },
  split,
  resync: async (system) => {
    await split(system);
    await system.write('db', 3, 2);
    await system.ask('pair.resync', { pairs: db });
  },
  'resync-reverse': async (system) => {
    await split(system);
    await system.write('db', 3, 2);
    await system.ask('pair.resync', { pairs: db, reverse: true, discard: true });
  },
} satisfies Partial<Record<PairStatus, (system: SimSystem) => Promise<void>>>;

export type Start = keyof typeof WAYS | `suspended from ${Exclude<keyof typeof WAYS, 'simplex'>}`;

export const STARTS: readonly Start[] = [
  'simplex',
  'pending',
  'duplex',
  'sp-pending',
  'split',
  'resync',
  'resync-reverse',
  'suspended from pending',
  'suspended from duplex',
  'suspended from sp-pending',
  'suspended from split',
  'suspended from resync',
  'suspended from resync-reverse',
];

/** A system whose pair db -> copy has this status. */
export async function deskIn(start: Start): Promise<SimSystem> {
  const system = await deskSystem();
  const from = start.replace('suspended from ', '') as keyof typeof WAYS;
  await WAYS[from](system);
  if (start.startsWith('suspended')) await system.ask('pair.suspend', { pairs: db });
  return system;
}

export function statusOf(start: Start): PairStatus {
  return start.startsWith('suspended') ? 'suspended' : (start as PairStatus);
}
