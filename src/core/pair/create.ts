import { PAIRS_MAX, SECONDARIES_PER_PRIMARY_MAX, type VolumeNumber } from '../foundation/foundation.js';
import type { VolumeRecord } from '../volume/volume.js';
import { differsFrom } from './existing.js';
import { operationAnswer } from './operations.js';
import type { PairRecord } from './record.js';
import { type Refusal, refusalOf } from './refusal.js';

export interface CreateQuestion {
  readonly primary: VolumeRecord;
  readonly secondary: VolumeRecord;
  /** Every pair of the system. */
  readonly pairs: readonly PairRecord[];
  /** Whether S was ever written. */
  readonly secondaryHoldsData: boolean;
  readonly overwrite: boolean;
  readonly noCopy: boolean;
  /** Whether the pair is to be split as it is made. */
  readonly split?: boolean | undefined;
}

export type CreateVerdict =
  | { readonly kind: 'do' }
  /** The pair is there and follows already; the caller applies flags that differ. */
  | { readonly kind: 'nothing'; readonly existing: PairRecord }
  | ({ readonly kind: 'refuse' } & Refusal);

/** Whether a pair may be made (DESIGN.md 3.2, `create`). The first rule that is broken speaks. */
export function judgeCreate(question: CreateQuestion): CreateVerdict {
  const { primary, secondary, pairs } = question;
  const existing = pairs.find((pair) => pair.primary === primary.number && pair.secondary === secondary.number);
  if (existing !== undefined) {
    const refused =
      operationAnswer(existing.state, 'create') === 'nothing'
        ? differsFrom(existing, question)
        : refusalOf(existing.state, 'create');
    return refused ? { kind: 'refuse', ...refused } : { kind: 'nothing', existing };
  }
  for (const rule of RULES) {
    const refusal = rule(question);
    if (refusal !== undefined) return { kind: 'refuse', ...refusal };
  }
  return { kind: 'do' };
}

type Rule = (question: CreateQuestion) => Refusal | undefined;

const RULES: readonly Rule[] = [
  notItself,
  alike,
  secondaryFree,
  noCycle,
  withinLimits,
  bothUsable,
  primaryWhole,
  nothingOverwritten,
];

function notItself({ primary, secondary }: CreateQuestion): Refusal | undefined {
  if (primary.number !== secondary.number) return undefined;
  return refusal(
    'self-pair',
    `Volume ${primary.name} cannot be its own secondary.`,
    'Name another volume as the secondary.',
  );
}

function alike({ primary, secondary }: CreateQuestion): Refusal | undefined {
  const compared = [
    ['size', primary.sizeBytes, secondary.sizeBytes],
    ['track size', primary.trackSizeBytes, secondary.trackSizeBytes],
    ['emulation', primary.emulation, secondary.emulation],
  ] as const;
  for (const [what, ofPrimary, ofSecondary] of compared) {
    if (ofPrimary === ofSecondary) continue;
    return refusal(
      'sizes-differ',
      `The ${what} of ${primary.name} is ${ofPrimary}, that of ${secondary.name} is ${ofSecondary}.`,
      'Size, track size and emulation of the two volumes must agree; `volume list --fits` shows those that do.',
    );
  }
  return undefined;
}

function secondaryFree({ secondary, pairs }: CreateQuestion): Refusal | undefined {
  if (!pairs.some((pair) => pair.secondary === secondary.number)) return undefined;
  return refusal(
    'secondary-taken',
    `Volume ${secondary.name} is already the secondary of another pair.`,
    'Delete that pair first, or name another secondary.',
  );
}

/** S may be P of further pairs (a chain), as long as P is not at the end of it. */
function noCycle({ primary, secondary, pairs }: CreateQuestion): Refusal | undefined {
  if (!reachable(secondary.number, pairs).has(primary.number)) return undefined;
  return refusal(
    'cycle',
    `Volume ${primary.name} is copied from ${secondary.name}, directly or through others.`,
    'A volume cannot be copied onto one that it comes from; `pair list` shows the chain.',
  );
}

/** The volumes that a volume is copied to, directly or through others. */
function reachable(start: VolumeNumber, pairs: readonly PairRecord[]): Set<VolumeNumber> {
  const targets = new Map<VolumeNumber, VolumeNumber[]>();
  for (const pair of pairs) {
    const known = targets.get(pair.primary);
    if (known === undefined) targets.set(pair.primary, [pair.secondary]);
    else known.push(pair.secondary);
  }
  const seen = new Set<VolumeNumber>([start]);
  for (const volume of seen) {
    for (const target of targets.get(volume) ?? []) seen.add(target);
  }
  return seen;
}

function withinLimits({ primary, pairs }: CreateQuestion): Refusal | undefined {
  if (pairs.length >= PAIRS_MAX) {
    return refusal(
      'limit-reached',
      `The system has ${PAIRS_MAX} pairs, the most that it can have.`,
      'Delete a pair first.',
    );
  }
  const secondaries = pairs.filter((pair) => pair.primary === primary.number).length;
  if (secondaries < SECONDARIES_PER_PRIMARY_MAX) return undefined;
  return refusal(
    'limit-reached',
    `Volume ${primary.name} has ${secondaries} secondaries, the most that a primary can have.`,
    'Delete one of its pairs first.',
  );
}

function bothUsable({ primary, secondary }: CreateQuestion): Refusal | undefined {
  const unusable = [primary, secondary].find((volume) => volume.status === 'blocked' || volume.status === 'format');
  if (unusable === undefined) return undefined;
  if (unusable.status === 'format') {
    return refusal('volume-blocked', `Volume ${unusable.name} is being formatted.`, 'Pair it when that is done.');
  }
  const reason = unusable.blockedReason === null ? '' : `: ${unusable.blockedReason}`;
  return refusal(
    'volume-blocked',
    `Volume ${unusable.name} is blocked${reason}.`,
    'Run `system check`, which says what is wrong.',
  );
}

/** An incomplete S is fine where every track of it is overwritten. */
function primaryWhole({ primary, secondary, noCopy }: CreateQuestion): Refusal | undefined {
  const broken =
    primary.incomplete !== null ? primary : noCopy && secondary.incomplete !== null ? secondary : undefined;
  if (broken?.incomplete == null) return undefined;
  const { missingTracks, reason } = broken.incomplete;
  return refusal(
    'incomplete',
    `Volume ${broken.name} lacks ${missingTracks} of its tracks: ${reason}.`,
    'Overwrite or format it, or make it the secondary of a pair that copies.',
  );
}

function nothingOverwritten({ secondary, secondaryHoldsData, overwrite, noCopy }: CreateQuestion): Refusal | undefined {
  if (!secondaryHoldsData || overwrite || noCopy) return undefined;
  return refusal(
    'holds-data',
    `Volume ${secondary.name} holds data that the copy would overwrite.`,
    'Give --overwrite to lose it, or --no-copy where both volumes are equal already.',
  );
}

function refusal(code: Refusal['code'], why: string, hint: string): Refusal {
  return { code, why, hint };
}
