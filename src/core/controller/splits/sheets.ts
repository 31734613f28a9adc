import * as v from 'valibot';
import type { Catalog, Change } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import {
  COMMITTED_KEPT,
  type CommittedSplits,
  committedSplitsSchema,
  type SplitRecord,
  splitRecordSchema,
} from '../../group/group.js';

const PREFIX = 'split:';
const COMMITTED = 'splits';

/** What a system durably knows of splits over several systems: as their coordinator, and which of them it has committed as a member. */
export class SplitSheets {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** The splits that this system coordinates and that are not settled everywhere. */
  all(): readonly SplitRecord[] {
    const own = [...this.#catalog.sheets].filter(([name]) => name.startsWith(PREFIX));
    return own.map(([name, sheet]) => checked(name, splitRecordSchema, sheet));
  }

  find(id: string): SplitRecord | undefined {
    const sheet = this.#catalog.sheets.get(PREFIX + id);
    return sheet === undefined ? undefined : checked(PREFIX + id, splitRecordSchema, sheet);
  }

  async keep(record: SplitRecord, more: readonly Change[] = []): Promise<void> {
    await this.#catalog.change(() => [{ do: 'put-sheet', name: PREFIX + record.id, sheet: record }, ...more]);
    await this.#catalog.durable();
  }

  /** Needs no flush: a record that comes back is settled once more, with nothing left to do. */
  async forget(id: string): Promise<void> {
    await this.#catalog.change(() =>
      this.#catalog.sheets.has(PREFIX + id) ? [{ do: 'put-sheet', name: PREFIX + id, sheet: null }] : [],
    );
  }

  committed(): readonly string[] {
    const sheet = this.#catalog.sheets.get(COMMITTED);
    return sheet === undefined ? [] : checked(COMMITTED, committedSplitsSchema, sheet).committed;
  }
}

/** A member remembers what it committed, in the very frame that does it: a new coordinator may ask. */
export function noteCommitted(before: readonly string[], split: string): Change {
  const committed = [...before.filter((id) => id !== split), split].slice(-COMMITTED_KEPT);
  const sheet: CommittedSplits = { version: 1, committed };
  return { do: 'put-sheet', name: COMMITTED, sheet };
}

function checked<T>(name: string, schema: v.GenericSchema<unknown, T>, sheet: unknown): T {
  const parsed = v.safeParse(schema, sheet);
  if (parsed.success) return parsed.output;
  throw failure('metadata-damaged', `The sheet ${name} of a split over several systems cannot be read.`);
}
