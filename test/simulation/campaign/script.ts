import type { Session } from './session.js';

/** A volume with data in every region, and an empty one. */
export async function twoVolumes(session: Session): Promise<void> {
  await session.createVolumes('a', 'b');
  await session.host('a', 8);
}

export async function duplex(session: Session): Promise<void> {
  await twoVolumes(session);
  session.controller.startCopying();
  await session.pair('a', 'b');
  await session.wait('a', 'b', 'duplex');
}

export async function threeVolumes(session: Session): Promise<void> {
  await session.createVolumes('a', 'b', 'c');
  await session.host('a', 8);
}

/** At the same time; where one fails the others are still brought to their end. */
export async function together(...work: Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
