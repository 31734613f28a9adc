import { describe, expect, it } from 'vitest';
import { GIB, TIB } from '../../../src/core/foundation/foundation.js';
import { Orders } from '../../hazards/formation-orders.js';
import { SimGroup } from '../../simulation/system/sim-group.js';

/** What the remote's storage is asked for: calls that change something, and bytes written. */
interface Cost {
  calls: number;
  bytes: number;
}

async function costOf(group: SimGroup, work: () => Promise<unknown>): Promise<Cost> {
  const cost: Cost = { calls: 0, bytes: 0 };
  group.osaka.process.process.beforeCall(({ write }) => {
    cost.calls += 1;
    cost.bytes += write?.source.length ?? 0;
  });
  await work();
  group.osaka.process.process.beforeCall(undefined);
  return cost;
}

/** PREPARE, COMMIT and REVERT of one and the same difference on volumes of this size, which are all but holes. */
async function costsOf(sizeBytes: number): Promise<Record<'prepare' | 'commit' | 'revert', Cost>> {
  const group = await SimGroup.ready(1, 1, { trackSizeBytes: 64 * 1024 }, sizeBytes);
  const orders = await Orders.of(group);
  const step = (kind: 'prepare' | 'commit' | 'revert', sequence: number) =>
    costOf(group, async () => {
      for (const answer of await orders.both(kind, sequence)) expect(answer).toMatchObject({ kind: 'ok' });
    });
  await orders.drained(11);
  const prepare = await step('prepare', 11);
  const commit = await step('commit', 11);
  await orders.both('thaw', 11);
  await group.write(2);
  await orders.drained(12);
  await step('prepare', 12);
  return { prepare, commit, revert: await step('revert', 12) };
}

describe('What a virtual copy costs at the remote', () => {
  it('is the same for a volume of 1 TiB as for one of 1 GiB, within two times', async () => {
    const small = await costsOf(GIB);
    const large = await costsOf(TIB);
    for (const step of ['prepare', 'commit', 'revert'] as const) {
      expect(large[step].calls).toBeLessThanOrEqual(small[step].calls * 2);
      expect(large[step].bytes).toBeLessThanOrEqual(small[step].bytes * 2);
      expect(large[step].bytes).toBeGreaterThan(0);
    }
  });
});
