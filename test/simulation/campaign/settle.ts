import { activeState, phaseOf, rolesOf } from '../../../src/core/pair/pair.js';
import { checkCodes, checkEqual, checkQuiet } from '../checkers.js';
import { keyOf } from './oracle.js';
import { modelOf, type Session, Violation } from './session.js';

/** Brings a system to rest: hosts write once more, copying goes to its end, every pair follows again, and all sides are equal. */
export async function settle(session: Session): Promise<void> {
  const { controller, oracle } = session;
  controller.startCopying();
  for (const [name, model] of oracle.volumes) {
    if (model.contents === null && controller.catalog.volumes.get(session.volumeNumber(name))?.status === 'format')
      await session.formatVolume(name);
    if (model.contents !== null && session.rng.chance(0.5)) await session.host(name, 1);
  }
  await drained(session);
  if (session.rng.chance(0.3)) await checkCodes(session);
  checkQuiet(session);
  await followAgain(session);
  await drained(session);
  for (const record of controller.catalog.pairs.values()) {
    if (record.state.status !== 'duplex')
      throw new Violation(
        `${keyOf(session.nameOf(record.primary), session.nameOf(record.secondary))} rests as ${JSON.stringify(record.state)}`,
      );
    checkEqual(session, record);
  }
  await checkCodes(session);
  checkQuiet(session);
  await controller.stopCopying();
}

/** Copies until no pair has anything left to copy by itself. */
async function drained(session: Session): Promise<void> {
  const { controller } = session;
  const busy = () =>
    [...controller.catalog.pairs.values()].filter((record) => {
      const { drain } = rolesOf(record.state);
      if (drain === null || record.pace === 'hold') return false;
      return record.state.status !== 'duplex' || !controller.catalog.pairMap(record.number, drain.map).map.isEmpty;
    });
  const deadlineMs = session.world.clock.monotonicMs() + 600_000;
  while (busy().length > 0) {
    if (session.world.clock.monotonicMs() > deadlineMs)
      throw new Violation(`copying does not end: ${JSON.stringify(busy())}`);
    await controller.changed(50);
  }
  await controller.catalog.durable();
  for (const record of controller.catalog.pairs.values()) {
    session.oracle.pairs.set(keyOf(session.nameOf(record.primary), session.nameOf(record.secondary)), modelOf(record));
  }
}

/** The far ends of chains first, because what they read through a pair above must not jump. Restores go first to their end. */
async function followAgain(session: Session): Promise<void> {
  const { controller } = session;
  const restores = pairs(session).filter(
    (record) => record.state.status === 'suspended' && activeState(record.state).status === 'resync-reverse',
  );
  for (const record of restores)
    await session.resync(session.nameOf(record.primary), session.nameOf(record.secondary), {
      reverse: true,
      pace: 'fast',
    });
  await drained(session);
  for (const { number } of pairs(session).sort((a, b) => depth(session, b.primary) - depth(session, a.primary))) {
    const record = controller.catalog.pairs.get(number);
    if (record === undefined) continue;
    const [primary, secondary] = [session.nameOf(record.primary), session.nameOf(record.secondary)];
    if (record.pace === 'hold') await session.must('pair.pace', { pairs: [{ primary, secondary }], pace: 'fast' });
    if (record.state.status === 'suspended' || phaseOf(record.state) !== 'following')
      await session.resync(primary, secondary);
    await drained(session);
  }
}

function pairs(session: Session) {
  return [...session.controller.catalog.pairs.values()];
}

/** How many pairs lie above a volume. */
function depth(session: Session, volume: number): number {
  const above = pairs(session).find((record) => record.secondary === volume);
  return above === undefined ? 0 : 1 + depth(session, above.primary);
}
