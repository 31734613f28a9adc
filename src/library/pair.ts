import { isSelected, selectorOfPair } from '../cli/pair-selectors.js';
import type { PairListing, PairSelector, SystemClient } from '../core/controller/controller.js';
import type { Pair, PairInfo, PairStatus, WaitOptions } from './api.js';
import { translated, waitError } from './boundary.js';
import { bytesIf } from './size.js';

/** A pair at the system of its primary. */
export class OpenedPair implements Pair {
  readonly primary: string;
  readonly secondary: string;
  readonly selector: PairSelector;
  readonly #client: () => SystemClient;

  constructor(
    client: () => SystemClient,
    { primary, secondary }: { readonly primary: string; readonly secondary: string },
  ) {
    this.#client = client;
    this.primary = primary;
    this.secondary = secondary;
    this.selector = selectorOfPair(this);
  }

  show(): Promise<PairInfo> {
    return translated(async () => {
      // Asked for with its name, so that a pair that is gone is refused with words about it.
      const input = { pairs: [this.selector], statuses: ['simplex' as const], timeoutMs: 0 };
      const { pairs } = (await this.#client().request('pair.wait', input)).output;
      return pairInfo(one(pairs.filter((pair) => isSelected(pair, [this.selector]))));
    });
  }

  wait(status: PairStatus | readonly PairStatus[], { timeoutMs, signal }: WaitOptions = {}): Promise<PairInfo> {
    return translated(async () => {
      const statuses = typeof status === 'string' ? [status] : status;
      const input = { pairs: [this.selector], statuses, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      const { verdict, pairs } = (await this.#client().request('pair.wait', input, { signal })).output;
      const info = pairInfo(one(pairs));
      if (verdict === 'reached') return info;
      throw waitError(
        verdict,
        `${this.primary} -> ${this.secondary} is ${info.status}${info.reason === null ? '' : `, ${info.reason}`}`,
      );
    });
  }

  split(options: Parameters<Pair['split']>[0] = {}): Promise<void> {
    return this.#ask('pair.split', options);
  }

  resync(options: Parameters<Pair['resync']>[0] = {}): Promise<void> {
    return this.#ask('pair.resync', options);
  }

  suspend(options: Parameters<Pair['suspend']>[0] = {}): Promise<void> {
    return this.#ask('pair.suspend', options);
  }

  setPace({ pace, rate }: Parameters<Pair['setPace']>[0]): Promise<void> {
    return translated(async () => {
      const input = { pairs: [this.selector], pace, rateBytesPerSecond: bytesIf(rate) };
      await this.#client().request('pair.pace', input);
    });
  }

  verify(): ReturnType<Pair['verify']> {
    return translated(async () => {
      const input = { pairs: [this.selector], repair: false };
      const { same, differingTracks } = one((await this.#client().request('pair.verify', input)).output.pairs);
      return { same, differingTracks };
    });
  }

  delete(options: Parameters<Pair['delete']>[0] = {}): Promise<void> {
    return this.#ask('pair.delete', options);
  }

  #ask(code: 'pair.split' | 'pair.resync' | 'pair.suspend' | 'pair.delete', options: object): Promise<void> {
    return translated(async () => {
      await this.#client().request(code, { ...options, pairs: [this.selector] });
    });
  }
}

function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('A request about one pair was answered with none.');
  return row;
}

/** The columns that the contract names, of all that a listing has. */
export function pairInfo(pair: PairListing): PairInfo {
  return {
    primary: pair.primary,
    secondary: pair.secondary,
    mode: pair.mode,
    status: pair.status,
    percentIdentical: pair.percentIdentical,
    tracks: pair.tracks,
    outOfSyncTracks: pair.outOfSyncTracks,
    outOfSyncBytes: pair.outOfSyncBytes,
    changedTracks: pair.changedTracks,
    secondaryChangedTracks: pair.secondaryChangedTracks,
    pace: pair.pace,
    rateBytesPerSecond: pair.rateBytesPerSecond,
    pointInTime: pair.pointInTime,
    splitAt: pair.splitAt,
    virtual: pair.virtual,
    readOnly: pair.readOnly,
    imageComplete: pair.imageComplete,
    reason: pair.reason,
  };
}
