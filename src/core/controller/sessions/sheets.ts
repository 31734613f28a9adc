import * as v from 'valibot';
import type { Catalog, Change } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import {
  type PrimaryTable,
  type ReceiveRow,
  type SecondaryTable,
  type SessionSheet,
  sessionSheetSchema,
} from '../../session/session.js';
import { quoted } from '../../volume/volume.js';

const PREFIX = 'session:';

/** The sheets of checkpoint sessions in a system's catalog, checked when they are read. */
export class SessionSheets {
  readonly #catalog: Catalog;
  #sheets: readonly SessionSheet[] = [];
  #knownAt = -1;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** In the order of their names. Throws `metadata-damaged`. */
  all(): readonly SessionSheet[] {
    if (this.#knownAt === this.#catalog.rowsVersion) return this.#sheets;
    const own = [...this.#catalog.sheets].filter(([name]) => name.startsWith(PREFIX));
    this.#sheets = own.map(([name, sheet]) => checked(name, sheet)).sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#knownAt = this.#catalog.rowsVersion;
    return this.#sheets;
  }

  byId(id: string): SessionSheet | undefined {
    return this.all().find((sheet) => sheet.id === id);
  }

  named(name: string): SessionSheet | undefined {
    return this.all().find((sheet) => sheet.name === name);
  }

  /** Throws `session-not-found`. */
  demand(name: string): SessionSheet {
    const sheet = this.named(name);
    if (sheet) return sheet;
    throw failure(
      'session-not-found',
      `This storage system knows no checkpoint session ${quoted(name)}.`,
      'copyset checkpoint status shows the sessions there are.',
    );
  }

  /** The change that puts what `next` makes of a sheet in its place; null takes it away. */
  change(id: string, next: (sheet: SessionSheet) => SessionSheet | null, fresh?: SessionSheet): Change[] {
    const present = this.byId(id) ?? fresh;
    if (!present) return [];
    const sheet = next(present);
    if (sheet) checkedBefore.set(sheet, sheet);
    return [{ do: 'put-sheet', name: PREFIX + id, sheet }];
  }

  /** Changes a sheet, durably. */
  async update(id: string, next: (sheet: SessionSheet) => SessionSheet | null, fresh?: SessionSheet): Promise<void> {
    await this.#catalog.change(() => this.change(id, next, fresh));
    await this.#catalog.durable();
  }
}

const known = new WeakMap<Catalog, SessionSheets>();

/** For whoever only looks: they are read once, and again when a row changed. */
export function sheetsOf(catalog: Catalog): SessionSheets {
  const sheets = known.get(catalog) ?? new SessionSheets(catalog);
  known.set(catalog, sheets);
  return sheets;
}

/** A change of a sheet's table for the secondary's side. */
export function atSecondary(next: (table: SecondaryTable, sheet: SessionSheet) => SecondaryTable) {
  return (sheet: SessionSheet): SessionSheet => ({
    ...sheet,
    secondary: sheet.secondary && next(sheet.secondary, sheet),
  });
}

/** All records of the stream up to there are in the images: none of them is read from the journal any more. */
export function appliedRow({ shownSequence: _, ...row }: ReceiveRow, upTo: number): ReceiveRow {
  return { ...row, appliedSequence: Math.max(row.appliedSequence, upTo), remadeIn: null };
}

/** Up to where the stream shows more than is applied, if it does. */
export function shownAhead({ appliedSequence, shownSequence = 0 }: ReceiveRow): number | undefined {
  return shownSequence > appliedSequence ? shownSequence : undefined;
}

/** The same for the primary's side. */
export function atPrimary(next: (table: PrimaryTable, sheet: SessionSheet) => PrimaryTable) {
  return (sheet: SessionSheet): SessionSheet => ({ ...sheet, primary: sheet.primary && next(sheet.primary, sheet) });
}

/** Rows are replaced, never changed: what was checked once, or made here, stays good. */
const checkedBefore = new WeakMap<object, SessionSheet>();

function checked(name: string, sheet: unknown): SessionSheet {
  const row = typeof sheet === 'object' && sheet !== null ? sheet : undefined;
  const before = row && checkedBefore.get(row);
  if (before) return before;
  const parsed = v.safeParse(sessionSheetSchema, sheet);
  if (parsed.success) {
    if (row) checkedBefore.set(row, parsed.output);
    return parsed.output;
  }
  throw failure('metadata-damaged', `The sheet ${name} of a checkpoint session cannot be read.`);
}
