import { describe, expect, it } from 'vitest';
import { Wakefulness } from '../../src/platform/wakefulness.js';

/** A loop whose time passes as the test says. */
class TestLoop {
  now = 0;
  #next: (() => void) | undefined;
  readonly wakefulness = new Wakefulness({
    nowMs: () => this.now,
    soon: (call) => {
      this.#next = call;
    },
  });

  get isAwake(): boolean {
    return this.#next !== undefined;
  }

  bytesAfter(spanMs: number): void {
    this.now += spanMs;
    this.wakefulness.stir();
  }

  /** Turns of the loop, ten microseconds each, until it would sleep; how many there were. */
  turnsToSleep(): number {
    let turns = 0;
    for (; this.#next && turns < 1_000; turns += 1) {
      const call = this.#next;
      this.#next = undefined;
      this.now += 0.01;
      call();
    }
    return turns;
  }
}

describe('a process that serves hosts', () => {
  it('stays awake between requests that follow each other closely, and sleeps soon after the last', () => {
    const loop = new TestLoop();
    loop.bytesAfter(0);
    expect(loop.isAwake).toBe(false);
    for (let request = 0; request < 50; request += 1) {
      loop.bytesAfter(0.05);
      expect(loop.isAwake).toBe(true);
    }
    expect(loop.turnsToSleep()).toBeLessThan(100);
    expect(loop.isAwake).toBe(false);
  });

  it('spends nothing on hosts that ask now and then', () => {
    const loop = new TestLoop();
    for (let request = 0; request < 50; request += 1) {
      loop.bytesAfter(1);
      expect(loop.isAwake).toBe(false);
    }
  });

  it('stays awake again for the next host that is busy', () => {
    const loop = new TestLoop();
    for (const span of [0, 0.05]) loop.bytesAfter(span);
    loop.turnsToSleep();
    loop.bytesAfter(5);
    expect(loop.isAwake).toBe(false);
    loop.bytesAfter(0.05);
    expect(loop.isAwake).toBe(true);
  });
});
