import { type Catalog, type Change, pairMapKey } from '../catalog/catalog.js';
import type { VolumeNumber } from '../foundation/foundation.js';
import {
  changedRecord,
  decide,
  type Jump,
  jumpRefusal,
  losePointInTime,
  type MapName,
  type MapStep,
  mapTakingJump,
  type PairChange,
  type PairRecord,
  type PairState,
  rolesOf,
  type Side,
  type SuspendReason,
  withTracksApart,
} from '../pair/pair.js';

/**
 * What a pair's change means for the catalog, as one frame: the steps on its maps, its new row, and what its jumps mark in the
 * other pairs of the volumes that jump (H11). `after` is the row with the change's state.
 */
export function pairChanges(catalog: Catalog, after: PairRecord, change: PairChange): Change[] {
  const jumps = (when: Jump['when']) =>
    change.jumps.filter((jump) => jump.when === when).flatMap((jump) => jumpChanges(catalog, after, jump));
  return [
    ...jumps('before'),
    ...change.steps.map((step) => stepChange(after.number, step)),
    ...voidSaved(after, change),
    ...jumps('after'),
    { do: 'put-pair', record: after },
  ];
}

/**
 * The secondary of `record` stops reading tracks through its primary while a pair further down still reads them through it: those
 * pairs lose their points in time with it, in the same frame. Pairs are named from the nearest to the farthest.
 */
export function lossesDownstream(catalog: Catalog, record: PairRecord, message: string): Change[] {
  const lacked = catalog.pairMap(record.number, 'outOfSync').map;
  if (rolesOf(record.state).secondaryLacks === null || lacked.isEmpty) return [];
  return othersOf(catalog, record, 'secondary').flatMap(({ other, side }) => {
    const reads = side === 'primary' && rolesOf(other.state).secondaryLacks !== null;
    if (!reads || !catalog.pairMap(other.number, 'outOfSync').map.intersects(lacked)) return [];
    const loss = losePointInTime(other.state, message);
    if (!loss) return [];
    return [...lossesDownstream(catalog, other, message), ...pairChanges(catalog, changedRecord(other, loss), loss)];
  });
}

/** What a fault makes of a pair; `lost`: its point in time is gone with it. Undefined where it is suspended already. */
export function suspension(
  state: PairState,
  reason: SuspendReason,
  message: string,
  lost: boolean,
): PairChange | undefined {
  const loss = lost ? losePointInTime(state, message) : undefined;
  if (loss) return loss;
  const decision = decide(state, { kind: 'suspend', reason, message, allowWrite: false });
  return decision.kind === 'do' ? decision.change : undefined;
}

/** Another pair of a volume that would jump which cannot take the jump, and why. */
export function refusedJump(
  catalog: Catalog,
  record: PairRecord,
  change: PairChange,
): { other: PairRecord; why: string } | undefined {
  for (const jump of change.jumps) {
    if (jumpsNothing(catalog, record, jump)) continue;
    for (const { other, side } of othersOf(catalog, record, jump.side)) {
      const why = jumpRefusal(other, side, mapCounts(catalog, other));
      if (why !== undefined) return { other, why };
    }
  }
  return undefined;
}

export function mapCounts(
  catalog: Catalog,
  record: PairRecord,
): { outOfSync: number; changed: number; secondary: number } {
  const count = (map: MapName) => catalog.countOf(pairMapKey(record.number, map));
  return { outOfSync: count('outOfSync'), changed: count('changed'), secondary: count('secondary') };
}

/** Judged before the steps are made: a jump read afterwards may take what the steps fold into its map. */
function jumpsNothing(catalog: Catalog, record: PairRecord, jump: Jump): boolean {
  const { outOfSync, changed, secondary } = mapCounts(catalog, record);
  if (jump.when === 'before') return { outOfSync, changed, secondary }[jump.map] === 0;
  return outOfSync + changed + secondary === 0;
}

function jumpChanges(catalog: Catalog, record: PairRecord, jump: Jump): Change[] {
  const from = pairMapKey(record.number, jump.map);
  const differs = !jumpsNothing(catalog, record, jump);
  return othersOf(catalog, record, jump.side).flatMap(({ other, side }): Change[] => {
    const unite = { do: 'unite', from, into: pairMapKey(other.number, mapTakingJump(other, side)) } as const;
    const apart = differs && side === 'primary' ? withTracksApart(other) : other;
    return apart === other ? [unite] : [unite, { do: 'put-pair', record: apart }];
  });
}

function othersOf(catalog: Catalog, record: PairRecord, jumping: Side): { other: PairRecord; side: Side }[] {
  const volume: VolumeNumber = record[jumping];
  return catalog.pairsOf(volume).flatMap((number) => {
    const other = catalog.pairs.get(number);
    if (!other || number === record.number) return [];
    return [{ other, side: other.primary === volume ? ('primary' as const) : ('secondary' as const) }];
  });
}

/** Saved old contents belong to one freeze: with the next generation they count no more (H1). */
function voidSaved({ number, remote }: PairRecord, { steps }: PairChange): Change[] {
  return remote?.side === 'primary' && steps.length > 0 ? [{ do: 'empty', map: pairMapKey(number, 'saved') }] : [];
}

function stepChange(pair: number, step: MapStep): Change {
  if (step.step === 'fold') return { do: 'fold', from: pairMapKey(pair, step.from), into: pairMapKey(pair, step.into) };
  if (step.step === 'subtract')
    return { do: 'subtract', tracks: pairMapKey(pair, step.tracks), from: pairMapKey(pair, step.from) };
  return { do: 'empty', map: pairMapKey(pair, step.map) };
}
