import { FAULT_TABLE } from '../../../src/core/catalog/catalog.js';
import type { SplitOverAnswer } from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import type { Keep } from '../world/world.js';
import { World, WorldStopped } from '../world/world.js';
import { SimSite } from './sim-sites.js';
import { TRACK } from './sim-system.js';

const TRACKS = 24;

/**
 * Two systems, each with a local pair and one to a third system; all are duplex. One dependent writer goes over the primaries of the
 * local pairs: write k + 1, at the other system, is issued after write k was answered.
 */
export class TwoSites {
  readonly sites: readonly SimSite[];
  readonly remote: SimSite;
  readonly world: World;
  /** How many of the writes were answered. */
  answered = 0;
  #stops = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(world: World, tokyo: SimSite, kyoto: SimSite, osaka: SimSite) {
    this.world = world;
    // As a command takes them: the first in the order of ids coordinates.
    this.sites = [tokyo, kyoto].sort((a, b) => (a.ref.id < b.ref.id ? -1 : 1));
    this.remote = osaka;
  }

  static async create(seed: number): Promise<TwoSites> {
    const world = new World(seed);
    const [tokyo, kyoto, osaka] = [
      await SimSite.create(world, 'tokyo'),
      await SimSite.create(world, 'kyoto'),
      await SimSite.create(world, 'osaka'),
    ];
    for (const site of [tokyo, kyoto]) {
      await site.volumes(TRACKS, 'db', 'copy', 'log');
      await osaka.volumes(TRACKS, `log-of-${site.place.name}`);
      await site.ask('pair.create', { pairs: [{ primary: 'db', secondary: 'copy' }] });
      const secondary = `log-of-${site.place.name}`;
      await site.ask('pair.create', {
        pairs: [{ primary: 'log', secondary, secondarySystem: osaka.ref }],
        mode: 'async',
      });
      await site.ask('pair.wait', { pairs: [{ primary: '*' }], statuses: ['duplex'] });
    }
    return new TwoSites(world, tokyo, kyoto, osaka);
  }

  /** How long a split takes that nothing disturbs, and half of it more: troubles come at any instant of it, and a little after. */
  static async courseMs(): Promise<number> {
    const two = await TwoSites.create(1);
    const begunMs = two.world.clock.monotonicMs();
    await two.split();
    return 1.5 * (two.world.clock.monotonicMs() - begunMs);
  }

  /** A system that is no member coordinates, so that it can be lost without one. */
  splitFromAfar(): Promise<unknown> {
    return this.remote.client.request('split.over', this.splitInput({}, 'db'));
  }

  get coordinator(): SimSite {
    return this.sites[0] as SimSite;
  }

  get member(): SimSite {
    return this.sites[1] as SimSite;
  }

  /** Splits all pairs of both systems. */
  split(words: { readOnly?: boolean; virtual?: boolean } = {}, primary = '*'): Promise<SplitOverAnswer> {
    return this.coordinator.ask('split.over', this.splitInput(words, primary));
  }

  splitInput(words: { readOnly?: boolean; virtual?: boolean } = {}, primary = '*') {
    return { parts: this.sites.map(({ ref }) => ({ system: ref, pairs: [{ primary }] })), words };
  }

  /** Begins to write, in the background of whatever `world.run` is told to do. */
  startWriting(): void {
    this.#stops = false;
    this.#writing = this.#write();
    this.#writing.catch(() => undefined);
  }

  async stopWriting(): Promise<void> {
    this.#stops = true;
    await this.world.run(this.#writing);
  }

  async #write(): Promise<void> {
    for (let k = this.answered; k < 2 * TRACKS && !this.#stops; k += 1) {
      const site = this.sites[k % 2] as SimSite;
      const data = new Uint8Array(TRACK).fill(k + 1);
      const input = { volume: 'db', offsetBytes: Math.floor(k / 2) * TRACK, durable: false };
      await site.client.request('volume.write', input, { data });
      this.answered = k + 1;
      await this.world.clock.sleep(this.world.rng.unit() * 2);
    }
  }

  /** How many of the writes the secondaries show; throws where they show a later one without an earlier one. */
  async shown(volume = 'copy'): Promise<number> {
    const seen = await Promise.all(this.sites.map((site) => site.read(volume, TRACKS)));
    const values = Array.from({ length: 2 * TRACKS }, (_, k) => seen[k % 2]?.[Math.floor(k / 2)] ?? -1);
    const count = values.indexOf(0);
    const upTo = count === -1 ? values.length : count;
    values.forEach((value, k) => {
      if (value !== (k < upTo ? k + 1 : 0))
        throw new Error(`write ${k + 1} is ${value} where ${upTo} are shown: ${values}`);
    });
    return upTo;
  }

  /** The statuses of all pairs, by system and primary. */
  async statuses(): Promise<string[]> {
    const lists = await Promise.all(this.sites.map((site) => site.ask('pair.list', {})));
    return lists.flatMap(({ pairs }) =>
      pairs.filter(({ primary }) => !primary.startsWith('osaka')).map(({ status }) => status),
    );
  }

  async reasons(): Promise<(string | null)[]> {
    const lists = await Promise.all(this.sites.map((site) => site.ask('pair.list', {})));
    return lists.flatMap(({ pairs }) => pairs.map(({ reason }) => reason));
  }

  /** What becomes of a split within a minute: its answer, the code of its failure, or silence where the coordinator died. */
  async outcome(split: Promise<unknown>): Promise<string> {
    const told = split.then(
      () => 'split',
      (error: unknown) => {
        if (isToolkitError(error)) return error.code;
        if (error instanceof WorldStopped) return 'silence';
        throw error;
      },
    );
    told.catch(() => undefined);
    const silence = this.world.clock.sleep(60_000).then(() => 'silence');
    return this.world.run(Promise.race([told, silence]));
  }

  /** Those that died come up again, without the faults that killed them; then all have time to settle. */
  async comeBack(): Promise<void> {
    for (const site of [...this.sites, this.remote]) {
      if (site.process.process.alive) continue;
      this.world.files.remove(`${site.place.path}/${FAULT_TABLE}`);
      await site.restart();
    }
    await this.rest(20_000);
  }

  /** All pairs came to the same end: `split`, or `following` with every difference copied. Throws where they did not. */
  async settledAs(): Promise<'split' | 'following'> {
    const reasons = (await this.reasons()).filter((reason) => reason !== null);
    if (reasons.length > 0) throw new Error(`not settled: ${reasons.join('; ')}`);
    const statuses = await this.statuses();
    if (statuses.every((status) => status === 'split' || status === 'sp-pending')) {
      await this.shown();
      return 'split';
    }
    if (statuses.some((status) => !['duplex', 'resync', 'pending'].includes(status)))
      throw new Error(`some and not all are split: ${statuses.join()}`);
    for (const site of this.sites) {
      await site.ask('pair.wait', { pairs: [{ primary: '*' }], statuses: ['duplex'] });
      const { pairs } = await site.ask('pair.verify', { pairs: [{ primary: 'db' }], repair: false });
      if (pairs.some(({ same }) => !same)) throw new Error('a difference was lost');
      // A mark that nobody copies away is a difference that only the next freeze would find.
      const left = (await site.ask('pair.list', {})).pairs.filter(({ changedTracks }) => changedTracks > 0);
      if (left.length > 0)
        throw new Error(`${left[0]?.primary} has ${left[0]?.changedTracks} tracks that nobody copies`);
      await site.ask('pair.split', { pairs: [{ primary: 'log' }] });
      await site.ask('pair.wait', { pairs: [{ primary: 'log' }], statuses: ['split'] });
      const there = await this.remote.read(`log-of-${site.place.name}`, TRACKS);
      const here = await site.read('log', TRACKS);
      if (there.join() !== here.join()) throw new Error(`a difference was lost: ${here} at P, ${there} at S`);
    }
    return 'following';
  }

  /** Lets so much time go by. */
  rest(spanMs: number): Promise<unknown> {
    return this.world.run(this.world.clock.sleep(spanMs));
  }

  /** Whether a host's write at each primary is answered. */
  async hostsGoOn(): Promise<void> {
    for (const site of this.sites) await site.write('log', TRACKS - 1, 1);
  }

  /** The same systems after all processes died, or the power failed. */
  async afterCrash(kind: 'kill' | 'power', keep: Keep = 'none'): Promise<TwoSites> {
    const world = this.world.crash(kind, keep);
    const [osaka, ...sites] = [this.remote, ...this.sites];
    const far = await SimSite.open(world, osaka.place);
    const near: SimSite[] = [];
    for (const { place } of sites) near.push(await SimSite.open(world, place));
    const again = new TwoSites(world, near[0] as SimSite, near[1] as SimSite, far);
    again.answered = this.answered;
    return again;
  }
}
