import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Requests, SystemClient } from '../../src/core/controller/controller.js';
import type { ListedMember } from '../../src/core/group/group.js';
import { GROUP, GroupSites } from '../e2e/group-sites.js';
import { clientAt } from '../e2e/machine-client.js';
import { PacedLoad } from './group-load.js';
import { median } from './measure.js';

const run = promisify(execFile);
const MIB = 1_048_576;

export interface Row {
  readonly what: string;
  readonly figures: string;
  readonly goal: string;
  readonly met: boolean;
}

interface Formation {
  readonly outcome: string;
  readonly reason: string | null;
  readonly pauseMs: number | null;
  readonly drainMs: number | null;
  readonly tracks: number | null;
}

const PRIMARIES = ['tokyo', 'kyoto', 'nara', 'kobe'];
const VOLUMES_EACH = 8;

/** Formations over four systems with eight volumes each, one process for each system, hosts writing to all volumes. */
export async function pauses(folder: string, seconds: number, perSecond: number): Promise<Row[]> {
  const volumes = PRIMARIES.flatMap((system) =>
    Array.from({ length: VOLUMES_EACH }, (_, n) => ({
      system,
      remote: 'osaka',
      name: `${system}-${n}`,
      sizeBytes: 16 * MIB,
    })),
  );
  const sites = new GroupSites(folder, { volumes, durability: 'power', policy: ['--interval', '200ms'] });
  try {
    await sites.prepare();
    const load = new PacedLoad(perSecond);
    await load.start(volumes.map(({ system, name }) => ({ socket: sites.socketOf(system), volume: name })));
    await sites.startForming();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await sites.ok('cg', 'stop', GROUP);
    const latencies = await load.stop();
    return pauseRows(
      await formationsOf(sites),
      latencies,
      `${perSecond === 0 ? 'all it takes' : `${perSecond} writes/s a volume`}`,
    );
  } finally {
    await sites.abandon();
  }
}

async function formationsOf(sites: GroupSites): Promise<Formation[]> {
  const { stdout } = await sites.ok('cg', 'history', GROUP, '--json');
  return (JSON.parse(stdout) as { formations: Formation[] }).formations;
}

function pauseRows(formations: readonly Formation[], latencies: readonly number[], load: string): Row[] {
  const formed = formations.filter(({ outcome }) => outcome === 'formed');
  const pausesMs = formed.flatMap(({ pauseMs }) => pauseMs ?? []);
  const drains = formed.flatMap(({ drainMs }) => drainMs ?? []);
  const share = formed.length / formations.length;
  const [p50, p99] = [percentile(pausesMs, 50), percentile(pausesMs, 99)];
  const reasons = new Map<string, number>();
  for (const { outcome, reason } of formations)
    if (outcome !== 'formed') reasons.set(`${outcome}: ${reason}`, (reasons.get(`${outcome}: ${reason}`) ?? 0) + 1);
  return [
    {
      what: `pause, ${load}`,
      figures:
        `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms; drain p50 ${percentile(drains, 50).toFixed(1)} ms, p99 ${percentile(drains, 99).toFixed(1)} ms; ` +
        `a host's write p50 ${percentile(latencies, 50).toFixed(2)} ms, p99 ${percentile(latencies, 99).toFixed(2)} ms, ${latencies.length} writes`,
      goal: 'p50 5 ms',
      met: p50 <= 5,
    },
    {
      what: `formed, ${load}`,
      figures: `${formed.length} of ${formations.length} (${(share * 100).toFixed(1)} %) ${[...reasons].map(([why, times]) => `${why} x${times}`).join('; ')}`,
      goal: '99 %',
      met: share >= 0.99,
    },
  ];
}

const STEPS = ['prepare', 'commit', 'revert', 'thaw'] as const;
type Step = (typeof STEPS)[number];
const SIZES = { '1 GiB': 1024 * MIB, '1 TiB': 1024 * 1024 * MIB } as const;

/** What the steps at the remote cost with volumes of two sizes; this process gives the orders, as a master would. */
export async function stepCosts(folder: string, rounds: number): Promise<Row[]> {
  const masters: StepMaster[] = [];
  try {
    for (const [name, sizeBytes] of Object.entries(SIZES)) {
      const place = join(folder, name.replace(' ', ''));
      mkdirSync(place);
      masters.push(await StepMaster.open(place, sizeBytes));
    }
    for (let round = 0; round < rounds; round += 1)
      for (const master of round % 2 === 0 ? masters : masters.toReversed()) {
        await master.round('commit');
        await master.round('revert');
      }
    const [small, large] = masters;
    return STEPS.map((step) => {
      const [a, b] = [small?.timesMs[step] ?? [], large?.timesMs[step] ?? []];
      const ratio = median(a.map((ms, i) => (b[i] ?? ms) / ms));
      return {
        what: `${step}, 1 TiB to 1 GiB`,
        figures: `${ratio.toFixed(2)} times; ${median(a).toFixed(2)} ms, ${median(b).toFixed(2)} ms`,
        goal: 'at most 2 times',
        met: ratio <= 2,
      };
    });
  } finally {
    for (const master of masters) await master.close();
  }
}

type SystemOrder = Requests['group.order']['input']['order'];

class StepMaster {
  readonly timesMs: Record<Step, number[]> = { prepare: [], commit: [], revert: [], thaw: [] };
  readonly #sites: GroupSites;
  readonly #client: SystemClient;
  readonly #group: string;
  readonly #members: readonly ListedMember[];
  /** Above whatever a formation of the group's own was numbered. */
  #sequence = 1_000;

  private constructor(sites: GroupSites, client: SystemClient, group: string, members: readonly ListedMember[]) {
    this.#sites = sites;
    this.#client = client;
    this.#group = group;
    this.#members = members.map(({ relationshipId, secondary }) => ({ relationshipId, secondary }));
  }

  static async open(folder: string, sizeBytes: number): Promise<StepMaster> {
    const volumes = [{ system: 'tokyo', remote: 'osaka', name: 'db', sizeBytes }];
    const sites = new GroupSites(folder, { volumes, durability: 'power', policy: ['--coordination-limit', '5s'] });
    try {
      await sites.prepare();
      await sites.ok('cg', 'start', GROUP);
      const client = await clientAt(join(folder, 'tokyo'), 'bench');
      const { sheets } = (await client.request('cg.list', {})).output;
      const sheet = sheets.find(({ name }) => name === GROUP);
      return new StepMaster(sites, client, sheet?.id ?? '', sheet?.master?.members ?? []);
    } catch (error) {
      await sites.abandon();
      throw error;
    }
  }

  /** One formation to its end, with some tracks changed since the last. */
  async round(end: 'commit' | 'revert'): Promise<void> {
    this.#sequence += 1;
    const of = { to: '', sequence: this.#sequence, term: 1 };
    const relationshipIds = this.#members.map(({ relationshipId }) => relationshipId);
    for (let track = 0; track < 8; track += 1)
      await this.#client.request(
        'volume.write',
        { volume: 'db', offsetBytes: track * 65_536, durable: false },
        { data: new Uint8Array(4096).fill(this.#sequence) },
      );
    await this.#order({ ...of, kind: 'coordinate', coordinationLimitMs: 2_000, drainLimitMs: 30_000, relationshipIds });
    await this.#order({ ...of, kind: 'run' });
    await this.#order({ ...of, kind: 'drain' });
    const group = { sequence: this.#sequence, term: 1, timeMs: Date.now(), memberList: this.#members };
    await this.#timed('prepare', { to: '', kind: 'prepare', group });
    await this.#timed(end, { ...of, kind: end, relationshipIds });
    await this.#timed('thaw', { ...of, kind: 'thaw', stopSending: false });
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#sites.abandon();
  }

  async #timed(step: Step, order: SystemOrder): Promise<void> {
    const startedMs = performance.now();
    await this.#order(order);
    this.timesMs[step].push(performance.now() - startedMs);
  }

  async #order(order: SystemOrder): Promise<void> {
    const { answer } = (await this.#client.request('group.order', { group: this.#group, term: 1, order })).output;
    if (answer.kind !== 'ok') throw new Error(`${order.kind}: ${JSON.stringify(answer)}`);
  }
}

const COPY_GOAL = 0.6;

/** The initial copy between two served systems, beside nbdcopy to nbdkit over the same kind of socket. */
export async function remoteCopy(folder: string, rounds: number, sizeBytes: number): Promise<Row[]> {
  const place = join(folder, 'copy');
  mkdirSync(place);
  const sites = new GroupSites(place, {
    volumes: [{ system: 'tokyo', remote: 'osaka', name: 'db', sizeBytes }],
    durability: 'power',
  });
  const file = (name: string) => join(place, name);
  await run('dd', ['if=/dev/urandom', `of=${file('source.img')}`, 'bs=1M', `count=${sizeBytes / MIB}`]);
  await run('cp', [file('source.img'), file('target.img')]);
  const nbdkit = spawn('nbdkit', ['-f', '-U', file('nbdkit.sock'), 'file', file('target.img')], { stdio: 'ignore' });
  try {
    for (const system of ['tokyo', 'osaka']) await sites.ok('system', 'create', system);
    for (const system of ['tokyo', 'osaka'])
      await sites.ok('volume', 'import', `${system}:db`, file('source.img'), '--create');
    await sites.serve('tokyo', 'osaka');
    while (!existsSync(file('nbdkit.sock'))) await new Promise((resolve) => setTimeout(resolve, 25));
    const measures = {
      copyset: async () => {
        await sites.ok('pair', 'create', 'tokyo:db', 'osaka:db', '--overwrite', '--pace', 'fast', '--wait');
      },
      nbdkit: async () => {
        await run('nbdcopy', ['--flush', file('source.img'), `nbd+unix:///?socket=${file('nbdkit.sock')}`]);
      },
    };
    const names = ['copyset', 'nbdkit'] as const;
    const times = { copyset: [] as number[], nbdkit: [] as number[] };
    for (let round = 0; round < rounds; round += 1)
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        await run('sync', ['-f', place]);
        const startedMs = performance.now();
        await measures[name]();
        times[name].push(performance.now() - startedMs);
        if (name === 'copyset') await sites.ok('pair', 'delete', 'tokyo:db', 'osaka:db', '--force', '--unreserve');
      }
    const ratio = median(times.nbdkit.map((ms, i) => ms / (times.copyset[i] ?? ms)));
    const rate = (name: 'copyset' | 'nbdkit') =>
      `${name} ${(sizeBytes / MIB / (median(times[name]) / 1000)).toFixed(0)} MiB/s`;
    return [
      {
        what: 'initial copy between two processes',
        figures: `${ratio.toFixed(2)} of nbdcopy to nbdkit; ${rate('copyset')}, ${rate('nbdkit')}`,
        goal: `${COPY_GOAL}`,
        met: ratio >= COPY_GOAL,
      },
    ];
  } finally {
    await sites.abandon();
    nbdkit.kill();
  }
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
