import { failure } from '../core/foundation/foundation.js';
import { parseSize, quoted } from '../core/volume/volume.js';
import { string } from './flags.js';
import { type Cell, type Column, renderTable } from './render/table.js';
import { nearest } from './suggestion.js';
import type { Outcome } from './toolkit-command.js';

/** The flags of every listing: `static override flags = { ...listingFlags, … }`. */
export const listingFlags = {
  columns: string({
    summary: 'Columns to show, in this order, comma-separated.',
    helpValue: 'KEY[,KEY]',
    helpGroup: 'LISTING',
  }),
  sort: string({ summary: 'Column to sort by; -KEY sorts downwards.', helpValue: '[-]KEY', helpGroup: 'LISTING' }),
  filter: string({
    summary: 'Rows to keep: KEY=VALUE[,VALUE], also with != < > and ~ (contains). Repeated: all must hold.',
    helpValue: 'KEY=VALUE',
    helpGroup: 'LISTING',
    multiple: true,
  }),
};

export interface ListingFlags {
  readonly columns?: string | undefined;
  readonly sort?: string | undefined;
  readonly filter?: string[] | undefined;
}

export interface Listing<Row> {
  /** The JSON key of the rows, such as `pairs`. */
  readonly key: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly flags: ListingFlags;
  /** Further JSON keys, such as `totals`. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** What is said to a person instead of an empty table. */
  readonly empty?: string;
  readonly exitCode?: number;
}

/** Sorts and filters rows for programs and people alike; `--columns` is for people only, since JSON keys are stable. */
export function listing<Row>(list: Listing<Row>): Outcome {
  const shown = chosenColumns(list.columns, list.flags.columns);
  const rows = sorted(filtered(list.rows, list.columns, list.flags.filter ?? []), list.columns, list.flags.sort);
  return {
    data: { [list.key]: rows, ...list.more },
    text: () => (rows.length === 0 ? (list.empty ?? '') : renderTable(rows, shown)),
    ...(list.exitCode === undefined ? {} : { exitCode: list.exitCode }),
  };
}

function chosenColumns<Row>(columns: readonly Column<Row>[], names: string | undefined): readonly Column<Row>[] {
  if (names === undefined) return columns.filter((column) => !column.hidden);
  return names.split(',').map((name) => columnOf(columns, name.trim(), '--columns'));
}

function columnOf<Row>(columns: readonly Column<Row>[], key: string, flag: string): Column<Row> {
  const found = columns.find((column) => column.key.toLowerCase() === key.toLowerCase());
  if (found) return found;
  const keys = columns.map((column) => column.key);
  const close = nearest(key, keys);
  const hint = `${close === undefined ? '' : `Did you mean ${close}? `}Columns: ${keys.join(', ')}`;
  throw failure('usage', `${flag}: there is no column ${quoted(key)}.`, hint);
}

function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: string | undefined): readonly Row[] {
  if (sort === undefined) return rows;
  const down = sort.startsWith('-');
  const column = columnOf(columns, down ? sort.slice(1) : sort, '--sort');
  const direction = down ? -1 : 1;
  return [...rows].sort((a, b) => direction * compareCells(column.value(a), column.value(b)));
}

/** Numbers by size, the rest as text with numbers in it by size; what is missing comes last. */
function compareCells(a: Cell, b: Cell): number {
  const aMissing = a === undefined || a === null;
  const bMissing = b === undefined || b === null;
  if (aMissing || bMissing) return Number(aMissing) - Number(bMissing);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

function filtered<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  filters: readonly string[],
): readonly Row[] {
  const tests = filters.map((filter) => rowTest(columns, filter));
  return rows.filter((row) => tests.every((test) => test(row)));
}

function rowTest<Row>(columns: readonly Column<Row>[], filter: string): (row: Row) => boolean {
  const parts = /^([A-Za-z]+)(!=|=|<|>|~)(.*)$/.exec(filter);
  if (!parts)
    throw failure('usage', `--filter: ${quoted(filter)} is not a filter.`, 'For example: --filter status=split,duplex');
  const [, key = '', operator = '', text = ''] = parts;
  const column = columnOf(columns, key, '--filter');
  const wanted = text.split(',');
  const equal = (cell: Cell): boolean => wanted.some((value) => sameCell(cell, value));
  switch (operator) {
    case '=':
      return (row) => equal(column.value(row));
    case '!=':
      return (row) => !equal(column.value(row));
    case '~':
      return (row) => String(column.value(row) ?? '').includes(text);
    default:
      return (row) => isBeyond(column.value(row), text, operator);
  }
}

function sameCell(cell: Cell, value: string): boolean {
  if (typeof cell === 'boolean') return (cell ? ['yes', 'true'] : ['no', 'false']).includes(value);
  if (typeof cell === 'number') return cell === numberOf(value);
  return String(cell ?? '') === value;
}

function isBeyond(cell: Cell, text: string, operator: string): boolean {
  if (cell === undefined || cell === null) return false;
  const order = compareCells(cell, typeof cell === 'number' ? numberOf(text) : text);
  return operator === '<' ? order < 0 : order > 0;
}

/** A filter's number may be written as a size. */
function numberOf(text: string): number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : parseSize(text);
}
