import { Catalog, FAULT_TABLE } from '../../../src/core/catalog/catalog.js';
import { KIB, tuning } from '../../../src/core/foundation/foundation.js';
import { createJournal, Journal, JournalBudget, type NewRecord } from '../../../src/core/journal/journal.js';
import { foreignVolume, newJournalHalf, type PairRecord } from '../../../src/core/pair/pair.js';
import type { Checkpoint } from '../../../src/core/sequence/sequence.js';
import type { SecondaryTable, SessionOrder } from '../../../src/core/session/session.js';
import { type Keep, World } from '../world/world.js';
import { SimSite } from './sim-sites.js';
import { TRACK } from './sim-system.js';

export const TRACKS = 4;
/** Journals of the usual size would take most of a test's time. */
tuning.journalSegmentBytes = 64 * KIB;

type Unstamped<Row> = Row extends unknown ? Omit<Row, 'time'> : never;

/** The primary's end of a stream, driven by hand: what it says is in the stream is in it, in that order and at those times. */
export class Feed {
  readonly pair: string;
  readonly #desk: StreamDesk;
  readonly #primary: SimSite;
  readonly #secondary: SimSite;
  readonly #journal: Journal;
  #sentTo = 0;

  constructor(desk: StreamDesk, primary: SimSite, secondary: SimSite, journal: Journal, pair: string) {
    this.#desk = desk;
    this.#primary = primary;
    this.#secondary = secondary;
    this.#journal = journal;
    this.pair = pair;
  }

  get next(): number {
    return this.#journal.nextSequence;
  }

  append(record: Unstamped<NewRecord>): void {
    this.#journal.append({ ...record, time: this.#desk.tick() } as NewRecord);
  }

  write(track: number, value: number): void {
    this.append({ kind: 'write', pair: this.pair, offset: track * TRACK, data: new Uint8Array(TRACK).fill(value) });
  }

  enter(): void {
    this.append({ kind: 'enter', pair: this.pair });
  }

  leave(): void {
    this.append({ kind: 'leave', pair: this.pair });
  }

  place({ number, time, issuer }: Checkpoint, whole = true): void {
    this.append({ kind: 'checkpoint', upTo: BigInt(time), number, issuer, term: 1, whole });
  }

  /** Sends all that was not sent. */
  async send(): Promise<void> {
    const { world } = this.#desk;
    if (!this.#journal.isPrepared) await world.run(this.#journal.prepare());
    while (this.#sentTo + 1 < this.#journal.nextSequence) {
      const { bytes } = this.#journal.read(this.#sentTo + 1, 65_536);
      const input = {
        session: this.#desk.id,
        term: 1,
        primary: this.#primary.ref.id,
        from: this.#sentTo + 1,
        generation: 0,
      };
      const { durableUpTo } = await this.#secondary.ask('stream.append', input, bytes);
      if (durableUpTo <= this.#sentTo) throw new Error('the secondary took nothing of what it was sent');
      // One that answered nothing before may have more than was known.
      this.#sentTo = durableUpTo;
    }
  }

  /** Sends once more what the secondary has lost. */
  async sendAgain(): Promise<void> {
    const input = { session: this.#desk.id, term: 1, primary: this.#primary.ref.id };
    this.#sentTo = (await this.#secondary.ask('stream.state', input)).durableUpTo;
    await this.send();
  }

  /** Tells the secondary that a direct copy is about to begin. */
  withdraw(): Promise<{ recoverable: boolean }> {
    const input = {
      session: this.#desk.id,
      term: 1,
      primary: this.#primary.ref.id,
      pair: this.pair,
      before: this.next,
      generation: 0,
    };
    return this.#secondary.ask('stream.withdraw', input);
  }
}

/**
 * Session `j` of two primaries, tokyo and kyoto, and two secondaries, osaka and nara, each with a volume `db` of four tracks. The
 * secondaries are real; what the primaries send is written by the test.
 */
export class StreamDesk {
  readonly world: World;
  readonly sites: readonly [SimSite, SimSite, SimSite, SimSite];
  id = '';
  #time = 1_000n;
  #number = 0;
  feeds: readonly Feed[] = [];

  private constructor(world: World, sites: StreamDesk['sites']) {
    this.world = world;
    this.sites = sites;
  }

  static async create(seed: number, order: SessionOrder = 'clock', backup = false): Promise<StreamDesk> {
    const world = new World(seed);
    const made: SimSite[] = [];
    for (const name of ['tokyo', 'kyoto', 'osaka', 'nara']) made.push(await SimSite.create(world, name));
    const [tokyo, kyoto, osaka, nara] = made as unknown as StreamDesk['sites'];
    const desk = new StreamDesk(world, [tokyo, kyoto, osaka, nara]);
    for (const site of desk.sites) await site.volumes(TRACKS, 'db', 'kept');
    const policy = { intervalMs: 0 };
    await tokyo.ask('session.create', { session: 'j', order, policy, enableAtSecondary: false });
    desk.feeds = [await desk.#couple(tokyo, osaka, backup), await desk.#couple(kyoto, nara, backup)];
    await tokyo.ask('session.start', { session: 'j' });
    return desk;
  }

  /** With both pairs entered, their first tracks holding 1, checkpoint 1 applied. */
  static async ready(seed: number, order: SessionOrder = 'clock', backup = false): Promise<StreamDesk> {
    const desk = await StreamDesk.create(seed, order, backup);
    for (const feed of desk.feeds) {
      feed.write(0, 1);
      feed.enter();
    }
    await desk.checkpoint();
    await desk.apply();
    return desk;
  }

  get secondaries(): readonly [SimSite, SimSite] {
    return [this.sites[2], this.sites[3]];
  }

  /** The secondary master: the one with the lower id. */
  get master(): SimSite {
    return [...this.secondaries].sort((a, b) => (a.ref.id < b.ref.id ? -1 : 1))[0] as SimSite;
  }

  get other(): SimSite {
    return this.secondaries.find((site) => site !== this.master) as SimSite;
  }

  /** What comes to a secondary. */
  feed(site: SimSite): Feed {
    return this.feeds[this.secondaries.indexOf(site)] as Feed;
  }

  tick(): bigint {
    this.#time += 10n;
    return this.#time;
  }

  issue(): Checkpoint {
    this.#number += 1;
    return { number: this.#number, time: this.tick().toString(), issuer: this.sites[0].ref.id };
  }

  /** One more checkpoint, in both streams and sent. */
  async checkpoint(): Promise<Checkpoint> {
    const checkpoint = this.issue();
    for (const feed of this.feeds) feed.place(checkpoint);
    for (const feed of this.feeds) await feed.send();
    return checkpoint;
  }

  apply(to?: number, instant?: boolean) {
    const wanted = to === undefined ? undefined : ({ by: 'number', number: to } as const);
    return this.master.ask('session.apply', { session: 'j', to: wanted, instant });
  }

  /** The first tracks of both secondaries, as their hosts read them. */
  async first(): Promise<[number, number]> {
    const values: number[] = [];
    for (const site of this.secondaries) values.push((await site.read('db', 1))[0] ?? -1);
    return values as [number, number];
  }

  async table(site: SimSite): Promise<SecondaryTable> {
    const { sheets } = await site.ask('session.list', {});
    const table = sheets.find(({ id }) => id === this.id)?.secondary;
    if (!table) throw new Error(`${site.place.name} is no secondary of the session`);
    return table;
  }

  async afterPowerLoss(site: SimSite, keep: Keep = 'none'): Promise<void> {
    site.losePower(keep);
    await site.restart();
  }

  /** Another process becomes the owner, and meets no fault. */
  async restart(site: SimSite): Promise<void> {
    this.world.files.remove(`${site.place.path}/${FAULT_TABLE}`);
    await site.restart();
  }

  async #couple(primary: SimSite, secondary: SimSite, backup: boolean): Promise<Feed> {
    const input = { session: 'j', primary: primary.ref, secondary: secondary.ref };
    const { sheet } = await this.sites[0].ask('session.enlist', input);
    this.id = sheet.id;
    const pair = await this.#half(primary, secondary, sheet.id, backup);
    const { files } = this.world;
    const folder = `/sys/${primary.place.name}-feed`;
    const place = { folder, what: 'the feed', bootId: 'boot' };
    await this.world.run(createJournal(files, place));
    const budget = new JournalBudget(files, `${folder}s`, 2 ** 30);
    const { journal } = Journal.open(files, { ...place, budget });
    await this.world.run(journal.prepare());
    return new Feed(this, primary, secondary, journal, pair);
  }

  /** The secondary's half of a journal pair that is duplex, whose primary is only a name. */
  async #half(primary: SimSite, secondary: SimSite, session: string, backup: boolean): Promise<string> {
    secondary.kill();
    const catalog = Catalog.open(this.world.files, this.world.random, secondary.place.path);
    const volumes = [...catalog.volumes.values()];
    const number = catalog.pairNumberNext;
    const pair = number.toString(16).padStart(32, secondary.ref.id.charAt(0));
    const kept = backup ? (volumes.find(({ name }) => name === 'kept')?.number ?? null) : null;
    const record: PairRecord = {
      number,
      primary: foreignVolume(number),
      secondary: volumes.find(({ name }) => name === 'db')?.number ?? 0,
      mode: 'journal',
      remote: {
        id: pair,
        side: 'secondary',
        peer: { system: primary.ref, number: 0, name: 'db' },
        term: 1,
        taken: null,
        manual: false,
        session: null,
        group: null,
        toldAtMs: null,
        toldMissingTracks: null,
        takenOver: null,
        displaced: false,
        journal: newJournalHalf(session, kept),
      },
      state: { status: 'duplex' },
      pace: 'medium',
      rateBytesPerSecond: null,
      copyPointer: 0,
      generation: 1,
      createdAtMs: 0,
      splitAtMs: null,
    };
    await this.world.run(catalog.change(() => [{ do: 'put-pair', record }]));
    await this.world.run(catalog.durable());
    catalog.close();
    await secondary.restart();
    return pair;
  }
}
