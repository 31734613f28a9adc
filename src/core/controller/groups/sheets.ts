import * as v from 'valibot';
import type { Catalog, Change } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import { type GroupSheet, groupSheetSchema, type MasterTable } from '../../group/group.js';
import { quoted } from '../../volume/volume.js';

const PREFIX = 'group:';

/** The sheets of consistency groups in a system's catalog, checked when they are read. */
export class GroupSheets {
  readonly #catalog: Catalog;
  #sheets: readonly GroupSheet[] = [];
  #knownAt = -1;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** In the order of their names. Throws `metadata-damaged`. */
  all(): readonly GroupSheet[] {
    if (this.#knownAt === this.#catalog.rowsVersion) return this.#sheets;
    const own = [...this.#catalog.sheets].filter(([name]) => name.startsWith(PREFIX));
    this.#sheets = own.map(([name, sheet]) => checked(name, sheet)).sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#knownAt = this.#catalog.rowsVersion;
    return this.#sheets;
  }

  byId(id: string): GroupSheet | undefined {
    return this.all().find((sheet) => sheet.id === id);
  }

  /** A former master keeps its row, which stands back behind a later group of the same name. */
  named(name: string): GroupSheet | undefined {
    const known = this.all().filter((one) => one.name === name);
    return known.find((sheet) => !isLeftOver(sheet)) ?? known[0];
  }

  /** The sheet of the group whose master this system is. Throws `group-not-found`, `not-master`. */
  mastered(name: string): GroupSheet & { readonly master: MasterTable } {
    const sheet = this.named(name);
    if (!sheet)
      throw failure(
        'group-not-found',
        `This storage system knows no consistency group ${quoted(name)}.`,
        'copyset cg list shows the groups there are.',
      );
    if (!sheet.master || sheet.master.handedOver) {
      const master = sheet.remote?.master ?? sheet.subordinate?.master;
      throw failure('not-master', `The master of group ${name} is ${master?.name ?? 'another system'}.`, undefined, {
        details: { master: master?.name ?? null },
      });
    }
    return { ...sheet, master: sheet.master };
  }

  /** The change that puts what `next` makes of a sheet in its place; a sheet without a table goes. */
  change(id: string, next: (sheet: GroupSheet) => GroupSheet, fresh?: GroupSheet): Change[] {
    const present = this.byId(id) ?? fresh;
    if (!present) return [];
    const sheet = next(present);
    const isEmpty = !sheet.master && !sheet.subordinate && !sheet.remote;
    known.set(sheet, sheet);
    return [{ do: 'put-sheet', name: PREFIX + id, sheet: isEmpty ? null : sheet }];
  }

  /** Changes a sheet, durably. */
  async update(id: string, next: (sheet: GroupSheet) => GroupSheet, fresh?: GroupSheet): Promise<void> {
    await this.#catalog.change(() => this.change(id, next, fresh));
    await this.#catalog.durable();
  }
}

/** Nothing but the row of a master that was replaced. */
export function isLeftOver({ master, subordinate, remote }: GroupSheet): boolean {
  return !subordinate && !remote && (master?.handedOver ?? true);
}

export function emptySheet(id: string, name: string): GroupSheet {
  return { version: 1, id, name, master: null, subordinate: null, remote: null };
}

/** Rows are replaced, never changed: what was checked once, or made here, stays good. */
const known = new WeakMap<object, GroupSheet>();

function checked(name: string, sheet: unknown): GroupSheet {
  const row = typeof sheet === 'object' && sheet !== null ? sheet : undefined;
  const before = row && known.get(row);
  if (before) return before;
  const parsed = v.safeParse(groupSheetSchema, sheet);
  if (parsed.success) {
    if (row) known.set(row, parsed.output);
    return parsed.output;
  }
  throw failure('metadata-damaged', `The sheet ${name} of a consistency group cannot be read.`);
}
