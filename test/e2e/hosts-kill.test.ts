import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Moment, ServerKills } from './hosts-kill.js';
import { useRootFolder } from './root-folder.js';

let kills: ServerKills;
const root = useRootFolder();

beforeAll(async () => {
  kills = new ServerKills(root.path);
  await kills.prepare('power');
});
afterEach(() => kills.abandon());

describe('a server killed with -9 while hosts write and flush', { timeout: 120_000 }, () => {
  it.each<[Moment, number]>([
    ['duplex', 4],
    ['splitting', 2],
    ['split', 1],
    ['resync', 4],
    ['restore', 1],
    ['pending', 2],
  ])('in %s loses no answered write and no difference (%i connections)', async (moment, connections) => {
    const { writes, flushes } = await kills.round(moment, connections, 30);
    expect(writes).toBeGreaterThanOrEqual(500);
    expect(flushes).toBeGreaterThan(0);
  });
});
