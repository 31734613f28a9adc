import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileError, type Grant, type GrantAnswer, type Owners } from '../../src/core/ports/ports.js';

export interface OwnersUnderTest {
  readonly owners: Owners;
  /** A system's folder that is there, and one that is not. */
  readonly system: string;
  readonly absent: string;
  run<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

export function granted(answer: GrantAnswer): Grant {
  if (answer.kind !== 'granted') throw new Error(`not granted: ${JSON.stringify(answer)}`);
  return answer.grant;
}

/** What every implementation of the Owners port promises. */
export function ownersContract(name: string, make: () => OwnersUnderTest): void {
  describe(`Owners contract: ${name}`, () => {
    let world: OwnersUnderTest;
    const acquire = (purpose = 'test') => world.run(world.owners.acquire(world.system, purpose));

    beforeEach(() => {
      world = make();
    });
    afterEach(() => world.end());

    test('one owner at a time; the other learns who it is', async () => {
      const grant = granted(await acquire('pair create'));
      expect(grant.lost).toBe(false);
      const second = await acquire();
      expect(second).toMatchObject({ kind: 'held', owner: { purpose: 'pair create' } });
      expect(world.owners.current(world.system)).toMatchObject({ purpose: 'pair create' });
      await world.run(grant.release());
      expect(world.owners.current(world.system)).toBeUndefined();
      await world.run(granted(await acquire()).release());
    });

    test('of many who ask at once exactly one gets it', async () => {
      for (let round = 0; round < 20; round += 1) {
        const answers = await world.run(
          Promise.all([1, 2, 3, 4, 5].map((asker) => world.owners.acquire(world.system, `asker ${asker}`))),
        );
        const grants = answers.filter((answer) => answer.kind === 'granted');
        expect(grants.length).toBe(1);
        await world.run(granted(grants[0] as GrantAnswer).release());
      }
    });

    test('releasing twice is harmless, and does not free the next owner', async () => {
      const first = granted(await acquire());
      await world.run(first.release());
      const second = granted(await acquire('second'));
      await world.run(first.release());
      expect(world.owners.current(world.system)).toMatchObject({ purpose: 'second' });
      expect(second.lost).toBe(false);
      await world.run(second.release());
    });

    test('a broken lock is told to its owner, who then cannot free the next one', async () => {
      const first = granted(await acquire('first'));
      const told = new Promise<void>((resolve) => first.onLost(resolve));
      expect(world.owners.breakLock(world.system)).toMatchObject({ purpose: 'first' });
      const second = granted(await acquire('second'));
      await world.run(told);
      expect(first.lost).toBe(true);
      await world.run(new Promise<void>((resolve) => first.onLost(resolve)));
      await world.run(first.release());
      expect(world.owners.current(world.system)).toMatchObject({ purpose: 'second' });
      expect(second.lost).toBe(false);
      await world.run(second.release());
      expect(world.owners.breakLock(world.system)).toBeUndefined();
    });

    test('a system that is not there is not found', async () => {
      await expect(world.run(world.owners.acquire(world.absent, 'test'))).rejects.toSatisfy(
        (error) => error instanceof FileError && error.fault === 'not-found',
      );
      expect(world.owners.current(world.absent)).toBeUndefined();
    });
  });
}
