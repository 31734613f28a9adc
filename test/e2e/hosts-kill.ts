import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCopyset } from '../cli/run-copyset.js';
import { NumberedLoad } from './hosts-load.js';
import { Server } from './hosts-serving.js';

export const VOLUME_BYTES = 8 * 1_048_576;
const TRACK_BYTES = 65_536;

/** What the pair is doing when its server is killed. */
export const MOMENTS = ['duplex', 'splitting', 'split', 'resync', 'restore', 'pending'] as const;
export type Moment = (typeof MOMENTS)[number];

interface PairRow {
  readonly status: string;
  readonly outOfSyncTracks: number;
  readonly changedTracks: number;
  readonly secondaryChangedTracks: number;
}

export interface KillReport {
  readonly writes: number;
  readonly flushes: number;
  /** In what the pair was found by the first command after the kill. */
  readonly found: string;
}

/**
 * Kills servers under the load of hosts. A round begins and ends with tokyo:db and tokyo:copy as a pair in duplex, both images equal;
 * whatever is wrong after a kill is thrown.
 */
export class ServerKills {
  readonly #root: string;
  /** Hosts that a failed round left behind. */
  #loads: NumberedLoad[] = [];
  #server: Server | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  async prepare(durability: 'power' | 'none'): Promise<void> {
    await this.#ok('system', 'create', 'tokyo', '--durability', durability);
    for (const name of ['db', 'copy'])
      await this.#ok('volume', 'create', `tokyo:${name}`, '--size', String(VOLUME_BYTES));
    await this.#ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--wait');
  }

  /** One server's life: hosts write, the pair comes to the moment, and `afterMs` later kill -9 strikes. */
  async round(moment: Moment, connections: number, afterMs: number): Promise<KillReport> {
    this.#loads = [];
    const server = await Server.start(this.#root, 'tokyo', '--nbd', `unix:${join(this.#root, 'all.sock')}`);
    this.#server = server;
    const load = await this.#load('db', connections);
    await load.more(500);
    const issued = await this.#bring(moment);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await server.kill();
    for (const one of this.#loads) await one.stop();
    const found = await this.#check(moment, load, issued);
    await this.#settle();
    return { writes: load.completed, flushes: load.flushes, found };
  }

  /** After a failed round. */
  async abandon(): Promise<void> {
    await this.#server?.kill();
    for (const load of this.#loads) await load.stop();
  }

  async #load(volume: string, connections: number): Promise<NumberedLoad> {
    const load = await NumberedLoad.start(this.#server?.socket ?? '', volume, { connections, flushes: true });
    this.#loads.push(load);
    return load;
  }

  /** Answers the moments in the hosts' order between which a split took place, where one did. */
  async #bring(moment: Moment): Promise<{ before: number; after: number } | undefined> {
    const [load] = this.#loads;
    if (moment === 'duplex' || !load) return undefined;
    if (moment === 'pending') {
      await this.#ok('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--force', '--unreserve');
      await this.#ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite', '--rate', '8MiB');
      return undefined;
    }
    const before = load.now();
    await this.#ok('pair', 'split', 'tokyo:db');
    const after = load.now();
    if (moment === 'splitting') return { before, after };
    const secondary = await this.#load('copy', 2);
    await secondary.more(300);
    if (moment === 'split') return undefined;
    await this.#ok('pair', 'wait', 'tokyo:db', '--status', 'split', '--timeout', '60s');
    await secondary.more(300);
    const reverse = moment === 'restore' ? ['--reverse'] : [];
    await this.#ok('pair', 'resync', 'tokyo:db', '--discard', ...reverse);
    return undefined;
  }

  async #check(
    moment: Moment,
    load: NumberedLoad,
    issued: { before: number; after: number } | undefined,
  ): Promise<string> {
    // The first command that owns the system again takes the regions in doubt into the maps.
    await this.#ok('pair', 'verify', 'tokyo:db');
    const pair = await this.#pair();
    const differing = this.#differingTracks();
    const marked = pair.outOfSyncTracks + pair.changedTracks + pair.secondaryChangedTracks;
    demand(differing <= marked, `${differing} tracks differ, and the maps have ${marked}`);
    // After a restore had begun the primary is what the secondary was.
    if (moment !== 'restore') {
      const lost = load.lostIn(await this.#exported('db'));
      demand(lost.length === 0, `answered writes are lost: ${lost.slice(0, 5).join('; ')}`);
    }
    if (issued) {
      const cut = load.cutOf(await this.#exported('copy'));
      demand(cut.torn.length === 0, `the point in time has torn blocks: ${cut.torn.slice(0, 5).join('; ')}`);
      const isInstant = cut.from < cut.until && cut.until > issued.before && cut.from < issued.after;
      demand(isInstant, `the secondary is no instant: ${JSON.stringify({ ...cut, ...issued })}`);
    }
    const secondary = this.#loads[1];
    if (secondary && moment === 'split') {
      const lost = secondary.lostIn(await this.#exported('copy'));
      demand(lost.length === 0, `answered writes to the secondary are lost: ${lost.slice(0, 5).join('; ')}`);
    }
    return pair.status;
  }

  /** To duplex by differences; then nothing differs. */
  async #settle(): Promise<void> {
    await this.#ok('pair', 'pace', 'tokyo:db', '--pace', 'fast', '--rate', '0');
    await this.#ok('copier', 'run', '--once', '--timeout', '60s');
    const { status } = await this.#pair();
    if (status === 'split') await this.#ok('pair', 'resync', 'tokyo:db', '--discard', '--wait=60s');
    await this.#ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '60s');
    demand(this.#differingTracks() === 0, 'the images differ after the resync');
    await this.#ok('system', 'check', 'tokyo');
  }

  async #pair(): Promise<PairRow> {
    const { stdout } = await this.#ok('pair', 'list', '--json');
    const [row] = (JSON.parse(stdout) as { pairs: PairRow[] }).pairs;
    demand(row !== undefined, 'the pair is gone');
    return row as PairRow;
  }

  async #exported(volume: string): Promise<Buffer> {
    const file = join(this.#root, `${volume}.img`);
    await this.#ok('volume', 'export', `tokyo:${volume}`, file);
    return readFileSync(file);
  }

  #differingTracks(): number {
    const [db, copy] = ['db', 'copy'].map((name) => readFileSync(join(this.#root, `tokyo/images/${name}.img`)));
    let differing = 0;
    for (let at = 0; at < VOLUME_BYTES; at += TRACK_BYTES)
      if (db?.compare(copy as Buffer, at, at + TRACK_BYTES, at, at + TRACK_BYTES) !== 0) differing += 1;
    return differing;
  }

  async #ok(...words: string[]): Promise<{ stdout: string }> {
    const ended = await runCopyset(words, { cwd: this.#root });
    demand(ended.code === 0, `copyset ${words.join(' ')} ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
    return ended;
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
