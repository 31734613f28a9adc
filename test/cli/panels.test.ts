import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HISTORY_COLUMNS } from '../../src/cli/render/history.js';
import { PAIR_COLUMNS } from '../../src/cli/render/pairs.js';

const text = readFileSync(new URL('../../docs/reference/panels.md', import.meta.url), 'utf8');

describe('the page of the panels', () => {
  it('names no column that pair list has not', () => {
    const named = [...text.matchAll(/`pair list[^`]*--columns ([\w,]+)/g)].flatMap(([, keys = '']) => keys.split(','));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((key) => !PAIR_COLUMNS.some((column) => column.key === key))).toEqual([]);
  });

  it('names no sort that history has not', () => {
    const [, row = ''] = /\| `history --sort ([^|]*)\|/.exec(text) ?? [];
    const named = [...row.matchAll(/(\w+)`/g)].map(([, key]) => key);
    expect(named).toEqual(['time', 'primary', 'secondary', 'code', 'message']);
    expect(named.filter((key) => !HISTORY_COLUMNS.some((column) => column.key === key))).toEqual([]);
  });
});
