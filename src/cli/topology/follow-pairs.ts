import type { SystemClient, SystemPlace } from '../../core/controller/controller.js';
import type { PairStatus } from '../../core/pair/pair.js';
import { parseAddress } from '../../core/volume/volume.js';
import { type Awaited, type Followed, followCopy } from '../follow-copy.js';
import { byId, type Toolkit } from '../open-toolkit.js';
import { selectorOfPair } from '../pair-selectors.js';
import type { Progress } from '../render/progress.js';

export interface WaitOptions {
  readonly limit: WaitLimit;
  readonly signal: AbortSignal;
  readonly startProgress: (label: string) => Progress;
}

/** A pair that is waited for, and the statuses that end the wait. */
export interface Reach {
  readonly primary: string;
  readonly secondary: string;
  readonly statuses: readonly PairStatus[];
}

/** One span for all that a command waits for. */
export class WaitLimit {
  readonly #endsAtMs: number;

  constructor(limitMs: number) {
    this.#endsAtMs = performance.now() + limitMs;
  }

  /** Infinity where there is no limit. */
  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }
}

/** Waits for all pairs at once, each at its own system; the systems are taken in the order of their ids. */
export async function followPairs(
  toolkit: Toolkit,
  reaches: readonly Reach[],
  { limit, signal, startProgress }: WaitOptions,
): Promise<Followed> {
  const names = [...new Set(reaches.map(({ primary }) => parseAddress(primary).system))];
  const places = byId(await Promise.all(names.map((name) => toolkit.find(name))));
  return withClients(toolkit, places, async (clients) => {
    const awaited = clients.flatMap(({ place, client }) => awaitedAt(place, client, reaches));
    const [first] = reaches;
    const progress = startProgress(`Copying ${reaches.length === 1 ? first?.primary : `${reaches.length} pairs`}`);
    return followCopy(awaited, { timeoutMs: limit.leftMs, signal, progress, trackBytes: new Map() });
  });
}

interface Opened {
  readonly place: SystemPlace;
  readonly client: SystemClient;
}

async function withClients<T>(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  work: (clients: readonly Opened[]) => Promise<T>,
  opened: readonly Opened[] = [],
): Promise<T> {
  const place = places[opened.length];
  if (!place) return work(opened);
  return toolkit.use(place, (client) => withClients(toolkit, places, work, [...opened, { place, client }]));
}

function awaitedAt({ name }: SystemPlace, client: SystemClient, reaches: readonly Reach[]): Awaited[] {
  const byStatuses = new Map<string, Awaited>();
  for (const reach of reaches) {
    if (parseAddress(reach.primary).system !== name) continue;
    const key = reach.statuses.join();
    const pairs = [...(byStatuses.get(key)?.pairs ?? []), selectorOfPair(reach)];
    byStatuses.set(key, { client, pairs, statuses: reach.statuses });
  }
  return [...byStatuses.values()];
}
