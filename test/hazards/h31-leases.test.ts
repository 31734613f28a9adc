import { describe, expect, it } from 'vitest';
import { SimGroup } from '../simulation/system/sim-group.js';
import { Orders } from './formation-orders.js';

describe("a stop of hosts' writes", () => {
  it('H31: ends at its time, though the master that ordered it is dead', async () => {
    const group = await SimGroup.ready(1);
    await group.tokyo.ask('cg.pause', { group: 'g', stop: 'writes' });
    group.tokyo.kill();
    const from = group.world.scheduler.nowMs;
    await group.kyoto.write('log', 1, 5);
    const waitedMs = group.world.scheduler.nowMs - from;
    expect(waitedMs).toBeGreaterThan(5_000);
    expect(waitedMs).toBeLessThan(31_000);
  });

  it('H31: is held for as long as it is renewed, and ends at the word', async () => {
    const group = await SimGroup.ready(2);
    const orders = await Orders.of(group);
    const hold = { group: orders.id, term: 1, what: 'writes' as const };
    await group.kyoto.ask('group.hold', { ...hold, leaseMs: 1_000 });
    await group.pass(800);
    await group.kyoto.ask('group.hold', { ...hold, leaseMs: 1_000 });
    const from = group.world.scheduler.nowMs;
    await group.kyoto.write('log', 1, 5);
    expect(group.world.scheduler.nowMs - from).toBeGreaterThan(900);
    await group.kyoto.ask('group.hold', { ...hold, leaseMs: 60_000 });
    await group.kyoto.ask('group.hold', { ...hold, what: null, leaseMs: 0 });
    await group.kyoto.write('log', 1, 6);
    expect(group.world.scheduler.nowMs - from).toBeLessThan(3_000);
  });
});
