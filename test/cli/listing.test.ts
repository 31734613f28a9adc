import { describe, expect, it } from 'vitest';
import { type ListingFlags, listing } from '../../src/cli/listing.js';
import type { Column } from '../../src/cli/render/table.js';
import { ToolkitError } from '../../src/core/foundation/foundation.js';

interface Row {
  readonly name: string;
  readonly sizeBytes: number;
  readonly status?: string;
  readonly reserved: boolean;
}

const ROWS: Row[] = [
  { name: 'db-10', sizeBytes: 65_536, status: 'split', reserved: true },
  { name: 'db-2', sizeBytes: 1024, status: 'duplex', reserved: false },
  { name: 'log', sizeBytes: 2048, reserved: false },
];
const COLUMNS: Column<Row>[] = [
  { key: 'name', title: 'NAME', value: (row) => row.name },
  { key: 'sizeBytes', title: 'SIZE', value: (row) => row.sizeBytes, align: 'right' },
  { key: 'status', title: 'STATUS', value: (row) => row.status },
  { key: 'reserved', value: (row) => row.reserved, hidden: true },
];

const list = (flags: ListingFlags) => listing({ key: 'volumes', rows: ROWS, columns: COLUMNS, flags, empty: 'None.' });
const names = (flags: ListingFlags) => (list(flags).data.volumes as Row[]).map((row) => row.name);
const text = async (flags: ListingFlags) => {
  const shown = list(flags).text;
  return typeof shown === 'function' ? shown() : shown;
};

describe('a listing', () => {
  it('sorts numbers in words by size, and what is missing last', () => {
    expect(names({ sort: 'name' })).toEqual(['db-2', 'db-10', 'log']);
    expect(names({ sort: 'status' })).toEqual(['db-2', 'db-10', 'log']);
    expect(names({ sort: '-sizeBytes' })).toEqual(['db-10', 'log', 'db-2']);
  });

  it.each([
    [['status=split,duplex'], ['db-10', 'db-2']],
    [['status!=split'], ['db-2', 'log']],
    [['sizeBytes>1KiB'], ['db-10', 'log']],
    [['sizeBytes<64KiB', 'name~db'], ['db-2']],
    [['reserved=yes'], ['db-10']],
  ])('filters by %j', (filter, expected) => {
    expect(names({ filter })).toEqual(expected);
  });

  it('shows plain columns that never move where no terminal is', async () => {
    expect(await text({ sort: 'sizeBytes' })).toBe(
      ['NAME    SIZE  STATUS', 'db-2    1024  duplex', 'log     2048  -', 'db-10  65536  split'].join('\n'),
    );
  });

  it('shows the columns asked for, hidden ones too, in that order', async () => {
    expect(await text({ columns: 'reserved,name', filter: ['name=log'] })).toBe(
      ['reserved  NAME', 'no        log'].join('\n'),
    );
  });

  it('says a sentence instead of an empty table', async () => {
    expect(await text({ filter: ['name=none'] })).toBe('None.');
  });

  it.each([{ sort: 'nme' }, { columns: 'name,x' }, { filter: ['name'] }, { filter: ['x=1'] }])(
    'refuses %j as usage',
    async (flags) => {
      const attempt = () => text(flags);
      await expect(Promise.resolve().then(attempt)).rejects.toSatisfy(
        (error) => error instanceof ToolkitError && error.code === 'usage',
      );
    },
  );
});
