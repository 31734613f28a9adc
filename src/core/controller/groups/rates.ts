import { RateLimit } from '../../copy/copy.js';
import type { ByteCount, Milliseconds } from '../../foundation/foundation.js';
import type { Controller } from '../open-controller.js';

/** This system's shares of the rates of its groups: what the pairs of one group send from here together. */
export class GroupRates {
  readonly #controller: Controller;
  readonly #limits = new Map<string, RateLimit>();
  #groups = new Map<string, { readonly id: string; readonly share: ByteCount | null }>();
  #knownAt = -1;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** Milliseconds until this pair may send; 0 = now. */
  waitMs(pairId: string): Milliseconds {
    return this.#limitOf(pairId)?.waitMs() ?? 0;
  }

  spend(pairId: string, bytes: ByteCount): void {
    this.#limitOf(pairId)?.spend(bytes);
  }

  #limitOf(pairId: string): RateLimit | undefined {
    const group = this.#groupsByPair().get(pairId);
    if (!group || group.share === null) return undefined;
    let limit = this.#limits.get(group.id);
    if (!limit) {
      limit = new RateLimit(this.#controller.ports.clock, group.share);
      this.#limits.set(group.id, limit);
    }
    limit.set(group.share);
    return limit;
  }

  #groupsByPair() {
    const { catalog, groups } = this.#controller;
    if (this.#knownAt === catalog.rowsVersion) return this.#groups;
    const rows = groups.sheets.all().flatMap(({ id, subordinate }) =>
      (subordinate?.members ?? []).map(({ pairId }) => {
        return [pairId, { id, share: subordinate?.shareBytesPerSecond ?? null }] as const;
      }),
    );
    this.#groups = new Map(rows);
    this.#knownAt = catalog.rowsVersion;
    return this.#groups;
  }
}
