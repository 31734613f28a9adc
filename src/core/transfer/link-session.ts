import { type Change, type FlatRuns, pairMapKey } from '../catalog/catalog.js';
import { failure, isToolkitError, type Milliseconds } from '../foundation/foundation.js';
import type { Fabric, LivePair } from '../hostio/hostio.js';
import {
  activeState,
  alongsideOf,
  type LinkMark,
  mapTakingDoubt,
  type PairRecord,
  type PairState,
  withTracksApart,
} from '../pair/pair.js';
import type { HalfShown, HandedMap, Order, PeerHalf, TransferCode, TransferRequests } from './wire.js';

/** Between two tries to reach the other half: short at first, then no longer than this. */
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;

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
  /** The link was opened, or could no longer be. */
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
  #session = 0;
  #isOpen = false;
  #opening: Promise<boolean> | undefined;
  /** Openings under way, those that a command demanded included. */
  #openings = 0;
  #told: PairState | undefined;
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
    return this.#isOpen && this.#openings === 0;
  }

  /** Whether the other half knows the pair's present state. */
  get hasTold(): boolean {
    return this.isReady && this.#told === this.#pair.record?.state;
  }

  /** The number of the present or last link session. */
  get session(): number {
    return this.#session;
  }

  /** Milliseconds until it is worth trying again; 0 = now. */
  waitMs(): Milliseconds {
    if (this.#isOpen || this.#lostSinceMs === undefined) return 0;
    return Math.max(0, this.#nextTryMs - this.#fabric.clock.monotonicMs());
  }

  /** Whether orders may be given now; opens the link where it is closed. A loss is waited out up to its limit. */
  async ready(): Promise<boolean> {
    if (this.isReady) return true;
    if (this.waitMs() > 0 || (this.#openings > 0 && !this.#opening)) return false;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Opens the link or throws why it cannot be: for a command that needs the other half now. */
  async demand(): Promise<HalfShown> {
    this.#openings += 1;
    try {
      const { sync, self } = this.#options;
      const shown = await this.#ask('remote.open', { from: self, heardMs: sync?.heardMs }, undefined, true);
      await this.#opened(shown.output);
      return shown.output;
    } catch (error) {
      this.#isOpen = false;
      throw error;
    } finally {
      this.#openings -= 1;
      this.#options.sync?.turned();
    }
  }

  /** Nothing more is sent before the link is opened anew: what is under way may or may not arrive. */
  lose(): void {
    this.#isOpen = false;
    this.#lostSinceMs ??= this.#fabric.clock.monotonicMs();
  }

  /** A synchronous pair in duplex whose tracks differ is resynced, and its other half knows it before anything of that arrives (H17). */
  async tellApart(): Promise<boolean> {
    if (!this.#pair.outOfSync.map.isEmpty) await this.#setApart();
    return this.hasTold || (await this.tell());
  }

  async #setApart(): Promise<void> {
    const now = this.#pair.record;
    if (!now || withTracksApart(now) === now) return;
    let before: PairRecord | undefined;
    let after: PairRecord | undefined;
    await this.#fabric.catalog.change((): Change[] => {
      before = this.#pair.record;
      after = before && withTracksApart(before);
      return !after || after === before ? [] : [{ do: 'put-pair', record: after }];
    });
    if (!before || !after || after === before) return;
    await this.#fabric.catalog.durable();
    this.#options.changed(before, after, 'tracks differ');
  }

  /** Gives one order. Throws `link-lost`, `term-superseded` and whatever the other half refuses with. */
  async ask<Code extends TransferCode>(
    code: Code,
    input: Omit<TransferRequests[Code]['input'], keyof Order>,
    data?: Uint8Array,
  ): Promise<{ output: TransferRequests[Code]['output']; data?: Uint8Array | undefined }> {
    if (!this.#isOpen) throw failure('link-lost', 'The link of the pair is not open.');
    return this.#ask(code, input, data);
  }

  /** Tells the other half the pair's state, if it does not know it. Nothing where the link is lost: it learns at the next opening. */
  async tell(): Promise<boolean> {
    const { record } = this.#pair;
    if (!record?.remote || this.#told === record.state) return true;
    try {
      if (!(await this.ready())) return false;
      await this.#tellNow();
      return true;
    } catch (error) {
      if (await this.takes(error)) return false;
      throw error;
    }
  }

  /** The other half was told another state than the pair's, for a moment. */
  forgetTold(): void {
    this.#told = undefined;
  }

  /** What is to be done while nothing is copied: tell what changed, and return by itself where a link was lost. */
  async maintain(): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote || record.remote.displaced) return;
    const { state } = record;
    const lost = state.status === 'suspended' && state.reason === 'link-lost';
    if (lost && record.remote.manual) return;
    const { sync } = this.#options;
    // Opened anew where it waited for others to return, so that the other half says whether anybody wrote there meanwhile.
    if (lost && this.isReady && sync?.mayReturn()) this.#isOpen = false;
    if (lost || alongsideOf(record) !== null) await this.ready();
    if (this.#told !== state) await this.tell();
  }

  /** All runs of a map of the other half. */
  async mapOf(map: HandedMap | 'allocated'): Promise<FlatRuns> {
    const pair = this.#pair.record?.remote?.id ?? '';
    const runs: number[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const { output }: { output: TransferRequests['remote.map']['output'] } = await this.#request('remote.map', {
        pair,
        map,
        from,
      });
      runs.push(...output.runs);
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
    if (!isToolkitError(error, 'link-lost') && !isToolkitError(error, 'peer-missing') && !isToolkitError(error, 'busy'))
      return false;
    const now = this.#fabric.clock.monotonicMs();
    this.#isOpen = false;
    this.#lostSinceMs ??= now;
    this.#nextTryMs = now + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    this.#options.sync?.turned();
    if (now - this.#lostSinceMs >= this.#options.limitMs && this.#pair.roles.drain)
      await this.#fabric.suspend(this.#pair, 'link-lost', error.message);
    return true;
  }

  async #open(): Promise<boolean> {
    try {
      await this.demand();
      return this.#isOpen;
    } catch (error) {
      if (await this.takes(error)) return false;
      throw error;
    }
  }

  async #opened(shown: HalfShown): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote) return;
    if (shown.term > record.remote.term) return this.#displace();
    this.#isOpen = true;
    this.#lostSinceMs = undefined;
    this.#retryMs = RETRY_FIRST_MS;
    this.#told = undefined;
    if (shown.doubtTracks > 0) await this.#takeOver('outOfSync');
    // Also after a crash here, whose doubt is marked: the other half must not be told that it is equal.
    if (this.#options.sync && !this.#pair.outOfSync.map.isEmpty) await this.#setApart();
    if (!shown.written && (this.#options.sync?.mayReturn() ?? true)) await this.#return();
    await this.#tellNow();
  }

  /** Takes a map of the other half into the map that takes new writes here, durably, before it is emptied there (H16). */
  async #takeOver(map: HandedMap): Promise<void> {
    const runs = await this.mapOf(map);
    await this.#fabric.catalog.change(() => {
      const { record } = this.#pair;
      if (!record) return [];
      return [{ do: 'set', map: pairMapKey(record.number, mapTakingDoubt(record, 'primary')), runs }];
    });
    await this.#fabric.catalog.durable();
    await this.ask('remote.merged', { map });
  }

  async #tellNow(): Promise<void> {
    const { record } = this.#pair;
    if (!record?.remote || this.#told === record.state) return;
    const { state } = record;
    await this.#ask('remote.tell', { state, group: record.remote.group });
    this.#told = state;
    this.#options.sync?.turned();
  }

  /** A pair that a lost link suspended goes on where it was. */
  async #return(): Promise<void> {
    const release = this.#pair.mutex.tryAcquire();
    if (!release) return;
    let before: PairRecord | undefined;
    let after: PairRecord | undefined;
    try {
      await this.#fabric.catalog.change((): Change[] => {
        before = this.#pair.record;
        const next = before && returned(before);
        if (!before || !next) return [];
        after = { ...before, state: next };
        return [{ do: 'put-pair', record: after }];
      }, true);
      if (!before || !after) return;
      await this.#fabric.catalog.durable();
    } finally {
      release();
    }
    this.#options.changed(before, after, 'the link is back');
  }

  /** The other half was made a primary: hosts are refused here until a person decides which side counts. */
  async #displace(): Promise<void> {
    this.#isOpen = false;
    let before: PairRecord | undefined;
    let after: PairRecord | undefined;
    await this.#fabric.catalog.change((): Change[] => {
      before = this.#pair.record;
      if (!before?.remote || before.remote.displaced) return [];
      after = { ...before, remote: { ...before.remote, displaced: true } };
      return [{ do: 'put-pair', record: after }];
    }, true);
    if (!before || !after) return;
    await this.#fabric.catalog.durable();
    this.#options.changed(before, after, 'its secondary was made a primary');
  }

  async #ask<Code extends TransferCode>(
    code: Code,
    input: Omit<TransferRequests[Code]['input'], keyof Order>,
    data?: Uint8Array,
    opens = false,
  ) {
    const { record } = this.#pair;
    if (!record?.remote) throw failure('pair-not-found', 'The pair was deleted meanwhile.');
    if (opens) this.#session += 1;
    const mark: LinkMark = { term: record.remote.term, epoch: this.#fabric.catalog.epoch, session: this.#session };
    const order = { pair: record.remote.id, mark };
    return this.#request(code, { ...input, ...order } as TransferRequests[Code]['input'], data);
  }

  #request<Code extends TransferCode>(code: Code, input: TransferRequests[Code]['input'], data?: Uint8Array) {
    return this.#peer.request(code, input, data);
  }
}

/** The state of a pair whose lost link is back, or undefined where it stays as it is (DESIGN.md 3.2). */
function returned({ state, remote }: PairRecord): PairState | undefined {
  if (state.status !== 'suspended' || state.reason !== 'link-lost' || remote?.manual || state.allowWrite)
    return undefined;
  const active = activeState(state);
  return active.status === 'duplex' ? { status: 'resync' } : active;
}
