import type { PairRecord } from '../../src/core/pair/pair.js';
import { phaseOf, pointInTimeLost } from '../../src/core/pair/pair.js';
import { ANYTHING, type Contents, differingTracks, imageOf, SECTOR_OFFSETS, trackOfSector } from './campaign/domain.js';
import { ahead, keyOf, type Oracle } from './campaign/oracle.js';
import { modelOf, type Session, SYSTEM, takeTransition, Violation } from './campaign/session.js';

/** What the system was like before the crash, as far as its epoch goes. */
export interface Before {
  readonly epoch: number;
  readonly epochShown: boolean;
  readonly powerLost: boolean;
}

/**
 * The invariants right after a system was opened again (reliability.md B4). What the crash left open (a write under way, a request
 * under way) is looked at and from then on certain: afterwards the oracle promises what is there.
 */
export function checkRecovered(session: Session, before: Before): void {
  const { oracle, controller } = session;
  const { epoch } = controller.catalog;
  if (epoch < before.epoch || (epoch === before.epoch && (before.epochShown || !before.powerLost)))
    throw new Violation(`the epoch went from ${before.epoch} to ${epoch}`);
  checkVolumeTable(session);
  settleTransition(session);
  checkPairTable(session);
  checkContents(session);
  checkDifferences(session);
  checkAllocation(session);
  oracle.powerLost = false;
}

/** Invariants that hold at any moment at which nothing is under way. */
export function checkQuiet(session: Session): void {
  checkPairTable(session);
  checkContents(session);
  checkDifferences(session);
  checkAllocation(session);
}

/** Rows are old or new; what had begun is finished or undone. */
function checkVolumeTable({ oracle, controller, world }: Session): void {
  const present = new Map([...controller.catalog.volumes.values()].map((record) => [record.name, record]));
  for (const [name, model] of oracle.volumes) {
    const record = present.get(name);
    present.delete(name);
    if (record === undefined) {
      if (model.changing !== 'create' && model.changing !== 'delete') throw new Violation(`volume ${name} is gone`);
      oracle.volumes.delete(name);
      continue;
    }
    if (record.status === 'format' && model.changing === 'format') {
      model.contents = null;
      continue;
    }
    if (record.status !== 'normal') throw new Violation(`volume ${name} is ${record.status}: ${record.blockedReason}`);
    else if (model.changing === 'format') takeFormat(model, imageOf(world.files, `${SYSTEM}/${record.imagePath}`));
    model.changing = undefined;
  }
  for (const name of present.keys()) throw new Violation(`volume ${name} is there, and nobody made it`);
}

function takeFormat(model: Oracle['volumes'] extends Map<string, infer Model> ? Model : never, image: Contents): void {
  if (image.some((value) => value !== 0)) return;
  (model as { contents: Contents | null }).contents = image;
}

/** Whether a pair is where a model has it: the same generation, in its status or one that copying leads to. */
function standsAt(
  record: PairRecord | undefined,
  model: Oracle['pairs'] extends Map<string, infer Pair> ? Pair | undefined : never,
  anyStatus: boolean,
): boolean {
  if (model === undefined || record === undefined) return model === undefined && record === undefined;
  return record.generation === model.generation && (anyStatus || ahead(model.status).includes(record.state.status));
}

/** A request under way at the crash counts as a whole, for all its pairs, or not at all. */
function settleTransition(session: Session): void {
  const { oracle } = session;
  const { transition } = oracle;
  oracle.transition = undefined;
  if (transition?.after === undefined) return;
  const verdicts = new Set<'new' | 'old'>();
  for (const [key, after] of transition.after) {
    const record = recordOf(session, key);
    const old = oracle.pairs.get(key);
    const isNew = standsAt(record, after, session.afterFaults);
    const isOld = standsAt(record, old, false);
    if (!isNew && !isOld)
      throw new Violation(
        `${key} is neither old (${JSON.stringify(old)}) nor new (${JSON.stringify(after)}) but ${JSON.stringify(record)}`,
      );
    if (isNew !== isOld) verdicts.add(isNew ? 'new' : 'old');
  }
  if (verdicts.size > 1)
    throw new Violation(
      `a request over several pairs took effect for a part of them: ${[...transition.after.keys()].join(', ')}`,
    );
  if (!verdicts.has('new')) return;
  takeTransition(oracle, transition);
  if (!session.afterFaults) return;
  // A fault may have suspended the pair in memory alone.
  for (const key of transition.after.keys()) {
    const record = recordOf(session, key);
    if (record) oracle.pairs.set(key, modelOf(record));
  }
}

function recordOf(session: Session, key: string): PairRecord | undefined {
  const [primary = '', secondary = ''] = key.split('>');
  return session.record(primary, secondary);
}

/** Statuses are those last acknowledged, or where copying by itself leads. */
function checkPairTable(session: Session): void {
  const { oracle, controller } = session;
  session.noteLosses();
  const keys = new Set<string>();
  for (const record of controller.catalog.pairs.values()) {
    const key = keyOf(session.nameOf(record.primary), session.nameOf(record.secondary));
    keys.add(key);
    const model = oracle.pairs.get(key);
    if (model === undefined) throw new Violation(`${key} is a pair, and nobody made it`);
    if (session.afterFaults && record.state.status === 'suspended') {
      oracle.pairs.set(key, modelOf(record));
      continue;
    }
    if (session.afterFaults && model.status === 'suspended' && record.generation === model.generation) {
      oracle.pairs.set(key, modelOf(record));
      continue;
    }
    if (record.generation !== model.generation || !ahead(model.status).includes(record.state.status))
      throw new Violation(
        `${key} is ${JSON.stringify(record.state)} generation ${record.generation} where ${model.status} generation ${model.generation} was promised`,
      );
    oracle.pairs.set(key, modelOf(record));
  }
  for (const key of oracle.pairs.keys()) if (!keys.has(key)) throw new Violation(`the pair ${key} is gone`);
}

/** I2 and I4: what hosts were promised is there, sector by sector. */
function checkContents(session: Session): void {
  for (const [name, model] of session.oracle.volumes) {
    if (model.contents !== null) {
      const found = session.logical(name);
      for (let sector = 0; sector < found.length; sector += 1) checkSector(session, name, found, sector);
    }
    if (session.oracle.powerLost) model.older.clear();
    model.writes.clear();
  }
}

function checkSector(session: Session, name: string, found: ArrayLike<number>, sector: number): void {
  const model = session.oracle.volumes.get(name);
  if (!model || model.contents === null) return;
  const value = found[sector] as number;
  const allowed = session.oracle.allowed(model, model.contents, sector);
  if (allowed === undefined) {
    model.contents[sector] = ANYTHING;
    return;
  }
  if (!allowed.has(value))
    throw new Violation(
      `sector ${sector} (track ${trackOfSector(sector)}, byte ${SECTOR_OFFSETS[sector]}) of ${name} holds ${value} where ${[...allowed].join(' or ')} was promised; ${pairsOf(session, name, trackOfSector(sector))}`,
    );
  model.contents[sector] = value;
  // After a kill what was not flushed is still not: a later power loss may bring any of it back.
  const others = [...allowed].filter((other) => other !== value);
  if (others.length > 0) model.older.set(sector, new Set([...(model.older.get(sector) ?? []), ...others]));
}

/** I1: every track in which the sides of a pair may differ is in a map. */
function checkDifferences(session: Session): void {
  const { controller, world } = session;
  for (const record of controller.catalog.pairs.values()) {
    const [primary, secondary] = [session.nameOf(record.primary), session.nameOf(record.secondary)];
    const pair = controller.fabric.pair(record.number);
    const phase = phaseOf(record.state);
    const following = phase === 'following' || pointInTimeLost(record.state);
    const ofPrimary = session.logical(primary);
    const ofSecondary = following
      ? imageOf(world.files, controller.fabric.imagePath(record.secondary))
      : session.logical(secondary);
    for (const track of differingTracks(ofPrimary, ofSecondary)) {
      const lacking = pair.outOfSync.map.has(track);
      const marked =
        phase === 'following'
          ? lacking || pair.secondary.map.has(track)
          : lacking || pair.changed.map.has(track) || pair.secondary.map.has(track);
      if (!marked)
        throw new Violation(
          `track ${track} of ${primary} and ${secondary} (${record.state.status}) differs, and no map of the pair holds it`,
        );
      if (following && !lacking && record.state.status !== 'suspended' && phase === 'following')
        throw new Violation(
          `track ${track} of ${primary} and ${secondary} (${record.state.status}) differs, and nothing will copy it`,
        );
    }
  }
}

/** H19: a track that is not zero counts as allocated. */
function checkAllocation({ controller, world }: Session): void {
  for (const record of controller.catalog.volumes.values()) {
    const image = imageOf(world.files, `${SYSTEM}/${record.imagePath}`);
    const allocated = controller.catalog.volumeMap(record.number, 'allocated').map;
    for (let sector = 0; sector < image.length; sector += 1) {
      if (image[sector] === 0 || allocated.has(trackOfSector(sector))) continue;
      throw new Violation(`track ${trackOfSector(sector)} of ${record.name} holds data and is not allocated`);
    }
  }
}

/** H32: no crash makes data look damaged. */
export async function checkCodes(session: Session): Promise<void> {
  const names = [...session.controller.catalog.volumes.values()]
    .filter((record) => record.status === 'normal')
    .map((record) => record.name);
  if (names.length === 0) return;
  const { output } = await session.controller.request('volume.scrub', { volumes: names, accept: false });
  for (const row of output.volumes) {
    if (row.badTracks.length > 0)
      throw new Violation(`scrub finds tracks ${row.badTracks.join(', ')} of ${row.name} bad`);
  }
}

/** Two volumes of a pair that is duplex and drained are equal, byte for byte, in their images. */
export function checkEqual(session: Session, record: PairRecord): void {
  const { controller, world } = session;
  const images = [record.primary, record.secondary].map((number) =>
    imageOf(world.files, controller.fabric.imagePath(number)),
  );
  const differing = differingTracks(images[0] as Contents, images[1] as Contents);
  if (differing.length > 0)
    throw new Violation(
      `tracks ${differing.join(', ')} of ${session.nameOf(record.primary)} and ${session.nameOf(record.secondary)} differ although the pair is drained`,
    );
}

function pairsOf(session: Session, name: string, track: number): string {
  const lines: string[] = [];
  for (const record of session.controller.catalog.pairs.values()) {
    const [primary, secondary] = [session.nameOf(record.primary), session.nameOf(record.secondary)];
    if (primary !== name && secondary !== name) continue;
    const pair = session.controller.fabric.pair(record.number);
    const has = (['outOfSync', 'changed', 'secondary'] as const).filter((map) => pair.map(map).map.has(track));
    lines.push(`${primary}>${secondary} ${record.state.status} [${has.join(' ')}]`);
  }
  return lines.join(', ') || 'no pair';
}

export { ANYTHING };
