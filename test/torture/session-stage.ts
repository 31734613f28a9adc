import { HostConnection } from '../e2e/hosts-client.js';
import { type SessionPlan, SessionSites } from '../e2e/session-sites.js';
import type { Rng } from '../simulation/world/rng.js';
import { CountedWrites, type Target } from './counting-writer.js';
import type { Lane } from './group-disasters.js';
import { SessionDisasters } from './session-disasters.js';

export const VOLUME_BYTES = 2 * 1_048_576;
/** Full while a link is cut for some thousand writes. */
const SMALL_JOURNAL_BYTES = 12 * 1_048_576;
type Shape = 'one remote' | 'two remotes';
const volume = (system: string, remote: string, name: string) => ({ system, remote, name, sizeBytes: VOLUME_BYTES });
const SHAPES: Readonly<Record<Shape, SessionPlan['volumes']>> = {
  'one remote': [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'osaka', 'b'), volume('tokyo', 'osaka', 'c')],
  'two remotes': [volume('tokyo', 'osaka', 'a'), volume('kyoto', 'kobe', 'b')],
};

/** The systems of some rounds, with what their volumes must hold. */
export interface Stage {
  readonly sites: SessionSites;
  readonly writes: CountedWrites;
  readonly disasters: SessionDisasters;
  /** Undefined: as large as usual. */
  readonly journalLimitBytes: number | undefined;
  rounds: number;
  /** The last write that the primaries hold. */
  k: number;
  /** The last one that any checkpoint showed. */
  shown: number;
}

/** Systems that are not made yet; `number` counts the stages of a campaign. */
export function stageOf(root: string, rng: Rng, number: number, lane: Lane): Stage {
  const volumes = SHAPES[(number + lane.number) % 2 === 0 ? 'one remote' : 'two remotes'];
  const order = rng.chance(0.7) ? 'clock' : 'arrival';
  const durability = rng.chance(0.15) ? 'power' : 'none';
  const sites = new SessionSites(root, {
    volumes,
    durability,
    order,
    interval: '200ms',
  });
  // With each shape in turns, whatever the lane.
  const isSmall = (number + Math.floor(number / 2)) % 2 === 0;
  const journalLimitBytes = isSmall ? SMALL_JOURNAL_BYTES : undefined;
  const writes = new CountedWrites(rng.next(), volumes.length, VOLUME_BYTES);
  const disasters = new SessionDisasters(
    rng.fork(),
    sites.primaries,
    sites.remotes,
    lane,
    journalLimitBytes !== undefined,
  );
  return { sites, writes, disasters, journalLimitBytes, rounds: 0, k: 0, shown: 0 };
}

/** How many writes the volumes show; throws where they show no prefix. */
export function prefixIn({ writes }: Stage, images: readonly Buffer[], what: string): number {
  const { k, wrong } = writes.prefixIn(images);
  const few = wrong.slice(0, 6).join('; ');
  demand(wrong.length === 0, `${what} show no prefix of ${k} writes: ${wrong.length} blocks, ${few}`);
  return k;
}

/** What hosts read on one side of the session. */
export async function imagesOf(sites: SessionSites, side: readonly string[]): Promise<Buffer[]> {
  const hosts: HostConnection[] = [];
  try {
    for (const { socket, volume: name } of targetsOf(sites, side)) hosts.push(await HostConnection.open(socket, name));
    return await Promise.all(hosts.map((host) => host.read(0, VOLUME_BYTES)));
  } finally {
    for (const host of hosts) host.close();
  }
}

export function targetsOf(sites: SessionSites, side: readonly string[]): Target[] {
  return sites.plan.volumes.map(({ system, remote, name }) => {
    const at = side.includes(system) ? system : remote;
    return { system: at, volume: name, socket: sites.socketOf(at) };
  });
}

export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
