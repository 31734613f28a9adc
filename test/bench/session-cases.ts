import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SystemClient } from '../../src/core/controller/controller.js';
import { clientAt } from '../e2e/machine-client.js';
import { SESSION, SessionSites } from '../e2e/session-sites.js';
import type { Row } from './group-cases.js';
import { median } from './measure.js';

const run = promisify(execFile);
const MIB = 1_048_576;
const WRITE_GOAL = 0.6;
const STREAM_GOAL = 0.5;
const LOOK_MS = 5;

/** Volumes of the same served system: without a pair, primary of an asynchronous pair, primary of a journal pair in a running session. */
const KINDS = ['unpaired', 'async', 'journal'] as const;
type Kind = (typeof KINDS)[number];

export interface SessionBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly sizeBytes: number;
}

/** One system with a volume of each kind, and what follows it, each served by a process of its own. */
export class SessionBench {
  readonly #sites: SessionSites;
  readonly #options: SessionBenchOptions;
  readonly #client: SystemClient;

  private constructor(sites: SessionSites, options: SessionBenchOptions, client: SystemClient) {
    this.#sites = sites;
    this.#options = options;
    this.#client = client;
  }

  static async open(folder: string, options: SessionBenchOptions): Promise<SessionBench> {
    const { sizeBytes } = options;
    const volumes = [{ system: 'tokyo', remote: 'osaka', name: 'journal', sizeBytes }];
    const sites = new SessionSites(folder, { volumes, durability: 'power', order: 'clock', interval: '1s' });
    try {
      await sites.prepare();
      await sites.ok('volume', 'create', 'tokyo:unpaired', '--size', String(sizeBytes));
      for (const system of ['tokyo', 'osaka'])
        await sites.ok('volume', 'create', `${system}:async`, '--size', String(sizeBytes));
      await sites.ok('pair', 'create', 'tokyo:async', 'osaka:async', '--pace', 'fast', '--wait');
      const client = await clientAt(join(folder, 'tokyo'), 'bench');
      const bench = new SessionBench(sites, options, client);
      // Every block is there before anything is measured.
      for (const kind of KINDS) {
        await bench.#fio(kind, ['--rw=write', '--bs=256k', '--iodepth=8']);
        await bench.#settled(kind);
      }
      return bench;
    } catch (error) {
      await sites.abandon();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#sites.abandon();
  }

  /** What recording costs a host that never flushes, while the stream is sent and applied. */
  async writes(): Promise<Row> {
    const perSecond: Record<Kind, number[]> = { unpaired: [], async: [], journal: [] };
    const { rounds, seconds } = this.#options;
    const words = ['--rw=randwrite', '--bs=4k', '--iodepth=16', '--time_based', `--runtime=${seconds}`];
    for (let round = 0; round < rounds; round += 1)
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        perSecond[kind].push(await this.#fio(kind, words));
        await this.#settled(kind);
      }
    const beside = (kind: Kind) => median(perSecond[kind].map((one, i) => one / (perSecond.unpaired[i] ?? one)));
    const figures = KINDS.map((kind) => `${kind} ${median(perSecond[kind]).toFixed(0)}/s`).join(', ');
    return {
      what: '4k random writes at depth 16',
      figures: `${beside('journal').toFixed(2)} of unpaired (async ${beside('async').toFixed(2)}); ${figures}`,
      goal: `${WRITE_GOAL}`,
      met: beside('journal') >= WRITE_GOAL,
    };
  }

  /** How fast what was written comes to the secondary that could not take it meanwhile, as records and as tracks of an asynchronous pair. */
  async stream(): Promise<Row> {
    const rates: Record<'async' | 'journal', number[]> = { async: [], journal: [] };
    const { rounds, sizeBytes } = this.#options;
    const osaka = this.#sites.servers.get('osaka')?.shell.child;
    const names = ['async', 'journal'] as const;
    for (let round = 0; round < rounds; round += 1)
      for (const kind of round % 2 === 0 ? names : names.toReversed()) {
        osaka?.kill('SIGSTOP');
        await this.#fio(kind, ['--rw=write', '--bs=64k', '--iodepth=8']);
        const startedMs = performance.now();
        osaka?.kill('SIGCONT');
        await this.#settled(kind);
        rates[kind].push(sizeBytes / MIB / ((performance.now() - startedMs) / 1000));
      }
    const ratio = median(rates.journal.map((one, i) => one / (rates.async[i] ?? one)));
    const figures = names.map((kind) => `${kind} ${median(rates[kind]).toFixed(0)} MiB/s`).join(', ');
    return {
      what: 'stream to the secondary',
      figures: `${ratio.toFixed(2)} of an asynchronous pair's copy; ${figures}`,
      goal: `${STREAM_GOAL}`,
      met: ratio >= STREAM_GOAL,
    };
  }

  /** Throws unless every pair went through all of it as it was. */
  async demandDuplex(): Promise<void> {
    await this.#sites.duplex();
    const { state } = await this.#sites.status();
    if (state !== 'running') throw new Error(`session ${SESSION} is ${state}`);
    const { pairs } = (await this.#client.request('pair.list', {})).output;
    for (const { status } of pairs) if (status !== 'duplex') throw new Error(`a pair is ${status}`);
  }

  /** The secondary has all that was written to the volume. */
  async #settled(kind: Kind): Promise<void> {
    while (!(await this.#isSettled(kind))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  async #isSettled(kind: Kind): Promise<boolean> {
    if (kind === 'unpaired') return true;
    if (kind === 'async') {
      const { pairs } = (await this.#client.request('pair.list', {})).output;
      return pairs.every(({ outOfSyncTracks }) => outOfSyncTracks === 0);
    }
    const { reports } = (await this.#client.request('session.list', {})).output;
    // The heartbeat of a quiet system is one record.
    return reports.every(({ streams }) => streams.every(({ bufferedRecords }) => (bufferedRecords ?? 0) <= 1));
  }

  async #fio(kind: Kind, words: readonly string[]): Promise<number> {
    const fixed = ['--name=job', '--ioengine=nbd', '--randrepeat=0', '--output-format=json'];
    const { stdout } = await run(
      'fio',
      [...fixed, `--uri=${this.#sites.uriOf('tokyo', kind)}`, `--size=${this.#options.sizeBytes}`, ...words],
      { cwd: tmpdir(), maxBuffer: 16 * MIB },
    );
    const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: { write: { iops: number } }[] };
    return report.jobs[0]?.write.iops ?? 0;
  }
}
