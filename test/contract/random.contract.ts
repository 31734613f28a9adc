import { describe, expect, test } from 'vitest';
import type { Random } from '../../src/core/ports/ports.js';

/** What every implementation of the Random port promises. */
export function randomContract(name: string, make: () => Random): void {
  describe(`Random contract: ${name}`, () => {
    test('ids are 32 hex digits and differ', () => {
      const random = make();
      const ids = Array.from({ length: 1_000 }, () => random.id());
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect(new Set(ids).size).toBe(1_000);
    });

    test('numbers stay below the bound and reach all of it', () => {
      const random = make();
      const seen = new Set<number>();
      for (let draw = 0; draw < 1_000; draw += 1) seen.add(random.below(7));
      expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(random.below(1)).toBe(0);
    });
  });
}
