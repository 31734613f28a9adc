import { describe, expect, it } from 'vitest';
import { BUGS } from './bugs.js';
import { planted, sourceOf } from './plugin.js';

describe('the planted bugs', () => {
  it('have names of their own', () => {
    const ids = BUGS.map((bug) => bug.id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it.each(BUGS)('$id can be planted: $why', (bug) => {
    expect(planted(bug, sourceOf(bug))).not.toBe(sourceOf(bug));
  });
});
