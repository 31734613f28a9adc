/** One column of a listing. `key` is stable: `--columns`, `--sort` and `--filter` name it. */
export interface Column<Row> {
  readonly key: string;
  /** The heading; the key where there is none. */
  readonly title?: string;
  /** What is compared and filtered. */
  readonly value: (row: Row) => Cell;
  /** What a person reads; the value where there is none. */
  readonly show?: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** Shown only when `--columns` asks for it. */
  readonly hidden?: boolean;
  /** Left out first where a terminal is too narrow for all; never where programs read. */
  readonly minor?: boolean;
}

export type Cell = string | number | boolean | null | undefined;

/** Stands where a row has nothing, so that columns never move under `awk`. */
const NOTHING = '-';

const GAP = '  ';

/** A line and a space on either side of a column. */
const BORDER_WIDTH = 3;

/** A table for people on a terminal; aligned columns without lines or colour anywhere else, or with NO_COLOR. */
export async function renderTable<Row>(rows: readonly Row[], all: readonly Column<Row>[]): Promise<string> {
  const columns = fitting(rows, all);
  const table = await rendered(rows, columns);
  if (columns.length === all.length) return table;
  const left = all.filter((column) => !columns.includes(column)).map(({ key }) => key);
  return `${table}\n(too narrow for ${left.join(', ')}; --columns chooses)`;
}

/** The columns that a terminal has room for: the minor ones go, the last first. */
function fitting<Row>(rows: readonly Row[], all: readonly Column<Row>[]): readonly Column<Row>[] {
  if (process.stdout.isTTY !== true) return all;
  let columns = all;
  while (plainWidth(rows, columns) > process.stdout.columns) {
    const last = columns.findLast(({ minor }) => minor);
    if (!last) break;
    columns = columns.filter((column) => column !== last);
  }
  return columns;
}

function plainWidth<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): number {
  const head = columns.map((column) => column.title ?? column.key);
  const widths = widthsOf(
    head,
    rows.map((row) => columns.map((column) => cellText(row, column))),
  );
  return widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length);
}

async function rendered<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<string> {
  const head = columns.map((column) => column.title ?? column.key);
  const body = rows.map((row) => columns.map((column) => cellText(row, column)));
  return isDecorated(widthsOf(head, body)) ? decorated(head, body, columns) : plain(head, body, columns);
}

/** Lines between the columns are left out where they would make a row wider than the terminal. */
function isDecorated(widths: readonly number[]): boolean {
  if (process.stdout.isTTY !== true || process.env.NO_COLOR) return false;
  const width = widths.reduce((sum, one) => sum + one + BORDER_WIDTH, 1);
  return width <= process.stdout.columns;
}

function widthsOf(head: readonly string[], body: readonly string[][]): number[] {
  return head.map((title, index) => Math.max(title.length, ...body.map((line) => (line[index] ?? '').length)));
}

function cellText<Row>(row: Row, column: Column<Row>): string {
  const value = column.value(row);
  if (value === undefined || value === null || value === '') return NOTHING;
  if (column.show) return column.show(row);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

function plain<Row>(head: string[], body: string[][], columns: readonly Column<Row>[]): string {
  const lines = [head, ...body];
  const widths = widthsOf(head, body);
  const pad = (text: string, index: number): string =>
    columns[index]?.align === 'right' ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0);
  return lines.map((line) => line.map(pad).join(GAP).trimEnd()).join('\n');
}

/** The two libraries are loaded only here: scripts do not pay for them at every start. */
async function decorated<Row>(head: string[], body: string[][], columns: readonly Column<Row>[]): Promise<string> {
  const [{ default: Table }, { default: chalk }] = await Promise.all([import('cli-table3'), import('chalk')]);
  const table = new Table({
    head: head.map((title) => chalk.bold(title)),
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { head: [], border: ['gray'], compact: true },
  });
  table.push(...body);
  return table.toString();
}
