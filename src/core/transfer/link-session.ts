import { type FlatRuns, pairMapKey } from '../catalog/catalog.js';
import { failure, isToolkitError, type Milliseconds, type TrackCount } from '../foundation/foundation.js';
import { type Fabric, type LivePair, Mutex } from '../hostio/hostio.js';
import {
  isReturning,
  type LinkMark,
  type MapName,
  mapTakingDoubt,
  type PairRecord,
  type PairState,
} from '../pair/pair.js';
import { displacePrimary, goOn, isLoss, type LinkTurn, returnsByItself, setApart } from './link-turns.js';
import type { HalfShown, HandedMap, Order, PeerHalf, TransferCode, TransferRequests } from './wire.js';

/** Between two tries to reach the other half: short at first, then no longer than this. */
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;
/** A link on which nothing was said for so long is asked whether it still stands. */
const BEAT_MS = 2_000;

export interface LinkOptions {
  /** This system, as the other half shall remember it. */
  readonly self: { readonly id: string; readonly name: string; readonly path: string };
  /** A pair whose link is lost for longer is suspended. */
  readonly limitMs: Milliseconds;
  /** The pair's state was changed by what the other half said: returned by itself, or displaced. */
  readonly changed: (before: PairRecord, after: PairRecord, why: string) => void;
  /** Absent for pairs that are copied behind their host. */
  readonly sync?: SyncOptions | undefined;
}

/** What the link of a synchronous pair has beside. */
export interface SyncOptions {
  /** How long the secondary may count as linked after it was last heard from. */
  readonly heardMs: Milliseconds;
  /** The link was opened, or could no longer be, or the other half was told something. */
  readonly turned: () => void;
  /** Whether a pair that a lost link suspended may go on by itself now: a session does so as one. */
  readonly mayReturn: () => boolean;
}

/** One pair's link to its other half: opens it, keeps the state there up to date, and waits out its losses. */
export class LinkSession {
  readonly #fabric: Fabric;
  readonly #pair: LivePair;
  readonly #peer: PeerHalf;
  readonly #options: LinkOptions;
  /** Held while a session is opened or the state is told: what is told last is also what arrives last. */
  readonly #speaking = new Mutex();
  #session = 0;
  #sequence = 0;
  #isOpen = false;
  #isOpening = false;
  #told: PairState | undefined;
  /** The state that the pair had when another was announced: until the pair has it, the other half is not told the old one again (H16). */
  #announcedIn: PairState | undefined;
  /** How many states were told, whether or not they arrived. */
  #tells = 0;
  #heardMs = 0;
  #lostSinceMs: number | undefined;
  #nextTryMs = 0;
  #retryMs = RETRY_FIRST_MS;

  constructor(fabric: Fabric, pair: LivePair, peer: PeerHalf, options: LinkOptions) {
    this.#fabric = fabric;
    this.#pair = pair;
    this.#peer = peer;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Open, with all that its opening brought taken over: writes of a host may be sent. */
  get isReady(): boolean {
    return this.#isOpen && !this.#isOpening;
  }

  /** Whether the other half knows the pair's present state. */
  get hasTold(): boolean {
    return this.isReady && this.#told === this.#pair.record?.state;
  }

  /** The number of the present or last link session. */
  get session(): number {
    return this.#session;
  }

  /** For how long the other half has not answered. */
  get lostMs(): Milliseconds | undefined {
    return this.#lostSinceMs === undefined ? undefined : this.#fabric.clock.monotonicMs() - this.#lostSinceMs;
  }

  /** Milliseconds until it is worth trying again; 0 = now. */
  waitMs(): Milliseconds {
    return Math.max(0, this.#nextTryMs - this.#fabric.clock.monotonicMs());
  }

  /** Whether orders may be given now; opens the link where it is closed. A loss is waited out up to its limit. */
  async ready(): Promise<boolean> {
    if (this.isReady) return true;
    if (this.waitMs() > 0) return false;
    return this.#quietly(async () => {
      if (!this.#isOpen) await this.#open();
      return this.#isOpen;
    });
  }

  /** Opens the link anew or throws why it cannot be: for a command that needs the other half now. */
  async demand(): Promise<HalfShown> {
    return this.#inTurn(() => this.#open());
  }

  /** What the other half is now, whoever leads. */
  async show(): Promise<HalfShown> {
    const { record } = this.#pair;
    return (await this.#peer.request('remote.show', { pair: record?.remote?.id ?? '' })).output;
  }

  /** Gives one order. Throws `link-lost`, `term-superseded` and whatever the other half refuses with. */
  async ask<Code extends TransferCode>(
    code: Code,
    input: Omit<TransferRequests[Code]['input'], keyof Order>,
    data?: Uint8Array,
  ): Promise<{ output: TransferRequests[Code]['output']; data?: Uint8Array | undefined }> {
    if (!this.#isOpen) throw failure('link-lost', 'The link of the pair is not open.');
    return this.#order(code, input, data);
  }

  /** Tells the other half the pair's state, if it does not know it. Nothing where the link is lost: it learns at the next opening. */
  async tell(): Promise<boolean> {
    const { record } = this.#pair;
    if (!record?.remote || record.remote.displaced || this.#told === record.state) return true;
    return this.#quietly(async () => {
      if (this.#isOpen) await this.#tellNow();
      else if (this.waitMs() === 0) await this.#open();
      return this.#isOpen;
    });
  }

  /** Tells the other half a state that the pair is to have, durably, before it has it. */
  async announce(state: PairState): Promise<void> {
    await this.#inTurn(async () => {
      this.#told = undefined;
      this.#announcedIn = this.#pair.record?.state;
      await this.#tellState(state);
    });
  }

  /** What was announced did not come about, or has: from now on the other half is told what the pair has. */
  endAnnouncement(): void {
    this.#announcedIn = undefined;
  }

  /** What is to be done while nothing is copied: tell what changed, and return by itself where a link was lost. */
  async maintain(): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote) return;
    const { state, remote } = record;
    if (remote.displaced && !isReturning(record)) return;
    if (state.status === 'suspended' && returnsByItself(state.reason)) {
      if (remote.manual || this.waitMs() > 0) return;
      // It waits for others, and is opened anew when they can return too: the other half then says whether anybody wrote there.
      if (this.hasTold && this.#options.sync?.mayReturn() === false) return;
      await this.#quietly(async () => {
        await this.#open();
        return true;
      });
      return;
    }
    if (!this.#isOpen || this.#told !== state) await this.tell();
    else if (this.#fabric.clock.monotonicMs() - this.#heardMs >= BEAT_MS)
      await this.#quietly(async () => {
        await this.ask('remote.beat', {});
        return true;
      });
  }

  /**
   * Takes what the other half's host wrote into a map here, durably, before it is forgotten there (H16). The host may go on writing:
   * what it writes after the collection is in the next one. Answers how many tracks it was.
   */
  async gather(into: MapName): Promise<TrackCount> {
    const { output } = await this.ask('remote.collect', {});
    this.#fabric.hooks.step('half.collected');
    if (output.tracks > 0) await this.#takeOver('changed', into);
    return output.tracks;
  }

  /** All runs of a map of the other half. */
  async mapOf(map: TransferRequests['remote.map']['input']['map']): Promise<FlatRuns> {
    const pair = this.#pair.record?.remote?.id ?? '';
    const runs: number[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const input: TransferRequests['remote.map']['input'] = { pair, map, from };
      const { output }: { output: TransferRequests['remote.map']['output'] } = await this.#request('remote.map', input);
      for (const number of output.runs) runs.push(number);
      from = output.next;
    }
    return runs;
  }

  /** Whether an error is a loss of the link, which is waited out; past its limit the pair is suspended, durably. */
  async takes(error: unknown): Promise<boolean> {
    if (isToolkitError(error, 'term-superseded')) {
      await this.#displace();
      return true;
    }
    if (isToolkitError(error, 'inhibited')) {
      // The other half waits for its group to be settled, and so do we, with every bit kept (H7).
      this.#nextTryMs = this.#fabric.clock.monotonicMs() + RETRY_FIRST_MS;
      return true;
    }
    if (!isToolkitError(error) || !isLoss(error)) return false;
    const now = this.#fabric.clock.monotonicMs();
    this.#isOpen = false;
    this.#lostSinceMs ??= now;
    this.#nextTryMs = now + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    this.#options.sync?.turned();
    const follows = this.#pair.roles.drain !== null || this.#pair.isJournalled;
    if (now - this.#lostSinceMs >= this.#options.limitMs && follows)
      await this.#fabric.suspend(this.#pair, 'link-lost', error.message);
    return true;
  }

  /** A synchronous pair in duplex whose tracks differ is resynced, and its other half knows it before anything of that arrives (H17). */
  async tellApart(): Promise<boolean> {
    if (!this.#pair.outOfSync.map.isEmpty) await this.#setApart();
    return this.hasTold || (await this.tell());
  }

  async #setApart(): Promise<void> {
    this.#noteTurn(await setApart(this.#fabric, this.#pair), 'tracks differ');
  }

  /** Late answers of this session are never waited for again, and what it still sends is refused once another is open (H4). */
  giveUp(): void {
    this.#isOpen = false;
    this.#options.sync?.turned();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#speaking.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** In turn; a lost link is false. */
  #quietly(work: () => Promise<boolean>): Promise<boolean> {
    return this.#inTurn(async () => {
      try {
        return await work();
      } catch (error) {
        if (await this.takes(error)) return false;
        throw error;
      }
    });
  }

  async #open(): Promise<HalfShown> {
    this.#session += 1;
    this.#isOpen = false;
    this.#isOpening = true;
    const { self, sync } = this.#options;
    try {
      const { output } = await this.#order('remote.open', { from: self, heardMs: sync?.heardMs });
      await this.#opened(output);
      return output;
    } catch (error) {
      this.#isOpen = false;
      throw error;
    } finally {
      this.#isOpening = false;
      sync?.turned();
    }
  }

  async #opened(shown: HalfShown): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote) return;
    if (shown.term > record.remote.term) return this.#displace();
    this.#isOpen = true;
    this.#lostSinceMs = undefined;
    this.#nextTryMs = 0;
    this.#retryMs = RETRY_FIRST_MS;
    this.#told = undefined;
    if (shown.doubtTracks > 0) await this.#takeDoubt();
    const { sync } = this.#options;
    // Also after a crash here, whose doubt is marked: the other half must not be told that it is equal.
    if (sync && !this.#pair.outOfSync.map.isEmpty) await this.#setApart();
    if ((!shown.written || isReturning(record)) && (sync?.mayReturn() ?? true))
      this.#noteTurn(await goOn(this.#fabric, this.#pair), 'the link is back');
    if (!record.remote.displaced) await this.#tellNow();
  }

  /** What a crash of the other half left in doubt there. A formation cannot be finished with it: its tracks may be overwritten here. */
  async #takeDoubt(): Promise<void> {
    if (this.#pair.forming) await this.#fabric.thaw(this.#pair, 'the controller of the secondary died');
    await this.#takeOver('outOfSync', 'doubt');
  }

  /** Takes a map of the other half into one here, durably, before it is emptied there. */
  async #takeOver(map: HandedMap, into: MapName | 'doubt'): Promise<void> {
    const runs = await this.mapOf(map);
    await this.#fabric.catalog.change(() => {
      const { record } = this.#pair;
      if (!record || runs.length === 0) return [];
      const name = into === 'doubt' ? mapTakingDoubt(record, 'primary') : into;
      return [{ do: 'set', map: pairMapKey(record.number, name), runs }];
    });
    await this.#fabric.catalog.durable();
    this.#fabric.hooks.step('half.taken');
    await this.ask('remote.merged', { map });
  }

  async #tellNow(): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote || record.remote.displaced || this.#told === record.state) return;
    if (this.#announcedIn === record.state) return;
    this.#announcedIn = undefined;
    await this.#tellState(record.state);
    this.#told = record.state;
    this.#options.sync?.turned();
  }

  async #tellState(state: PairState): Promise<void> {
    const group = this.#pair.record?.remote?.group ?? null;
    this.#tells += 1;
    await this.ask('remote.tell', { state, group, missingTracks: this.#pair.outOfSync.map.count, nth: this.#tells });
  }

  /** The other half was made a primary: hosts are refused here until a person decides which side counts. */
  async #displace(): Promise<void> {
    this.#isOpen = false;
    this.#noteTurn(await displacePrimary(this.#fabric, this.#pair), 'its secondary was made a primary');
  }

  #noteTurn(turn: LinkTurn | undefined, why: string): void {
    if (turn) this.#options.changed(turn.before, turn.after, why);
  }

  async #order<Code extends TransferCode>(
    code: Code,
    input: Omit<TransferRequests[Code]['input'], keyof Order>,
    data?: Uint8Array,
  ) {
    const { record } = this.#pair;
    if (!record?.remote) throw failure('pair-not-found', 'The pair was deleted meanwhile.');
    const session = this.#session;
    const mark: LinkMark = { term: record.remote.term, epoch: this.#fabric.catalog.epoch, session };
    this.#sequence += 1;
    const order = { pair: record.remote.id, mark, sequence: this.#sequence };
    try {
      return await this.#request(code, { ...input, ...order } as TransferRequests[Code]['input'], data);
    } catch (error) {
      // The order may still arrive; it must find a later session there.
      if (isLoss(error) && session === this.#session) this.#isOpen = false;
      throw error;
    }
  }

  async #request<Code extends TransferCode>(code: Code, input: TransferRequests[Code]['input'], data?: Uint8Array) {
    const answered = await this.#peer.request(code, input, data);
    this.#heardMs = this.#fabric.clock.monotonicMs();
    return answered;
  }
}
