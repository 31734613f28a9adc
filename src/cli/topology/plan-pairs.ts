import type { PairSelector } from '../../core/controller/controller.js';
import type { PairStatus } from '../../core/pair/pair.js';
import { parseAddress } from '../../core/volume/volume.js';
import { selectorOfPair } from '../pair-selectors.js';
import { formatBytes } from '../render/bytes.js';
import type { DesiredPair, EndStatus } from './desired.js';
import { keyOf, type PresentPair } from './present.js';
import type { Problems } from './problems.js';
import { demandVolume, type Sight } from './sight.js';
import type { Deed, Round, Step } from './steps.js';

/** How a pair comes from the status that it has to the one that the file names. */
type Way = 'there' | 'wait' | 'split' | 'resync' | 'suspend' | 'go-on' | 'restoring';

const WAYS: Readonly<Record<EndStatus, Readonly<Record<PairStatus, Way>>>> = {
  duplex: {
    simplex: 'wait',
    pending: 'wait',
    duplex: 'there',
    'sp-pending': 'resync',
    split: 'resync',
    resync: 'wait',
    'resync-reverse': 'restoring',
    suspended: 'resync',
  },
  split: {
    simplex: 'wait',
    pending: 'split',
    duplex: 'split',
    'sp-pending': 'wait',
    split: 'there',
    resync: 'split',
    'resync-reverse': 'restoring',
    suspended: 'go-on',
  },
  suspended: {
    simplex: 'wait',
    pending: 'suspend',
    duplex: 'suspend',
    'sp-pending': 'suspend',
    split: 'suspend',
    resync: 'suspend',
    'resync-reverse': 'restoring',
    suspended: 'there',
  },
};

export function planPairs(sight: Sight, problems: Problems): Step[] {
  const present = new Map(sight.present.pairs.map((pair) => [keyOf(pair), pair]));
  const wished = new Set(sight.desired.pairs.map(keyOf));
  const staying = sight.present.pairs.filter((pair) => !sight.prune || wished.has(keyOf(pair)));
  return upstreamFirst(sight.desired.pairs).flatMap((pair) => {
    const there = present.get(keyOf(pair));
    if (there) return changePair(pair, there, problems);
    const from = demandVolume(pair.primary, [...pair.place, 'primary'], sight, problems);
    const to = demandVolume(pair.secondary, [...pair.place, 'secondary'], sight, problems);
    const other = staying.find(({ secondary }) => secondary === pair.secondary);
    if (pair.backup !== undefined) demandVolume(pair.backup, [...pair.place, 'backup'], sight, problems);
    if (other) problems.add([...pair.place, 'secondary'], `it is the secondary of ${other.primary} here`);
    return from && to ? [makePair(pair, sight)] : [];
  });
}

/** A secondary that is a primary as well is filled before it is copied on. */
function upstreamFirst(pairs: readonly DesiredPair[]): readonly DesiredPair[] {
  const into = new Map(pairs.map((pair) => [pair.secondary, pair]));
  const depth = (pair: DesiredPair): number => {
    const upstream = into.get(pair.primary);
    return upstream ? depth(upstream) + 1 : 0;
  };
  return pairs.toSorted((a, b) => depth(a) - depth(b));
}

function makePair(pair: DesiredPair, sight: Sight): Step {
  const { primary, secondary, mode, status, virtual } = pair;
  const { system, volume } = parseAddress(primary);
  const held = sight.volume(secondary);
  const heldBytes = held === undefined ? 0 : held.allocatedTracks * held.trackSizeBytes;
  const make: Deed = { do: 'make-pair', pair, overwrite: heldBytes > 0 };
  const suspend: Deed = { do: 'request', code: 'pair.suspend', input: { pairs: [selectorOfPair(pair)] } };
  const reach = status === undefined || status === 'suspended' ? undefined : { primary, secondary, status };
  return {
    sign: '+',
    kind: 'pair',
    name: keyOf(pair),
    at: system,
    pair,
    detail: [mode, virtual ? 'virtual' : undefined, status].filter((word) => word !== undefined).join(', '),
    loses: heldBytes > 0 ? `${formatBytes(heldBytes)} on ${secondary}, which gets the contents of ${volume}` : null,
    rounds: [{ deeds: status === 'suspended' ? [make, suspend] : [make], reach }],
  };
}

function changePair(pair: DesiredPair, there: PresentPair, problems: Problems): Step[] {
  demandFixed(pair, there, problems);
  const selector = selectorOfPair(pair);
  const pacing = pacingChange(pair, there, selector);
  const way = wayOf(pair, there);
  if (way === 'restoring') {
    problems.add([...pair.place, 'status'], `the pair is ${there.status}; wait until the restore is over`);
    return [];
  }
  if (way === 'there' && pacing === undefined) return [];
  const words = [way === 'there' ? undefined : `${there.status} becomes ${pair.status}`, pacing?.words];
  const rounds = roundsOf(way, pair, there, selector);
  const before: Round[] = pacing ? [{ deeds: [pacing.deed] }] : [];
  const discards = rounds.some(({ deeds }) =>
    deeds.some((deed) => deed.do === 'request' && deed.code === 'pair.resync'),
  );
  return [
    {
      sign: '~',
      kind: 'pair',
      name: keyOf(pair),
      at: parseAddress(pair.primary).system,
      pair,
      detail: words.filter((word) => word !== undefined).join(', '),
      loses: discards ? discarded(there) : null,
      rounds: [...before, ...rounds],
    },
  ];
}

function wayOf({ status, virtual }: DesiredPair, there: PresentPair): Way {
  if (status === undefined) return 'there';
  // A virtual copy that shall be whole is split once more, without --virtual.
  if (status === 'split' && there.status === 'split' && there.virtual && !virtual) return 'split';
  return WAYS[status][there.status];
}

function roundsOf(way: Way, pair: DesiredPair, there: PresentPair, selector: PairSelector): Round[] {
  const { primary, secondary, status, virtual } = pair;
  const pairs = [selector];
  const reach = status === undefined || status === 'suspended' ? undefined : { primary, secondary, status };
  const split: Deed = { do: 'request', code: 'pair.split', input: { pairs, virtual } };
  const resync: Deed = {
    do: 'request',
    code: 'pair.resync',
    input: { pairs, discard: there.secondaryChangedTracks > 0 },
  };
  switch (way) {
    case 'there':
    case 'restoring':
      return [];
    case 'wait':
      return [{ deeds: [], reach }];
    case 'split':
      return [{ deeds: [split], reach }];
    case 'resync':
      return [{ deeds: [resync], reach }];
    case 'suspend':
      return [{ deeds: [{ do: 'request', code: 'pair.suspend', input: { pairs } }] }];
    case 'go-on':
      // One that has a point in time goes on with its split; any other has to follow its primary first.
      if (there.pointInTime !== null) return [{ deeds: [split], reach }];
      return [
        { deeds: [resync], reach: { primary, secondary, status: 'duplex' } },
        { deeds: [split], reach },
      ];
  }
}

function discarded({
  secondary,
  secondaryChangedTracks,
  tracks,
  outOfSyncBytes,
  outOfSyncTracks,
}: PresentPair): string | null {
  if (secondaryChangedTracks === 0) return null;
  const trackBytes = outOfSyncTracks > 0 ? outOfSyncBytes / outOfSyncTracks : undefined;
  const size = trackBytes === undefined ? '' : ` (${formatBytes(trackBytes * secondaryChangedTracks)})`;
  return `what was written at ${secondary} since its split: ${secondaryChangedTracks} of ${tracks} tracks${size}`;
}

/** Mode and session are given when a pair is made, and stay. */
function demandFixed(pair: DesiredPair, there: PresentPair, problems: Problems): void {
  const { place, mode, manual, session } = pair;
  const differs = (key: string, wanted: unknown, is: unknown): void =>
    problems.add(
      [...place, key],
      `the file says ${wanted}, here it is ${is ?? 'not set'}; pair delete, then apply again`,
    );
  if (mode !== there.mode) differs('mode', mode, there.mode);
  else if (mode !== 'local' && manual !== there.manual) differs('manual', manual, there.manual);
  else if (session !== undefined && session !== there.session) differs('session', session, there.session);
  else if (pair.backup !== undefined && pair.backup !== there.backup) differs('backup', pair.backup, there.backup);
}

function pacingChange(
  pair: DesiredPair,
  there: PresentPair,
  selector: PairSelector,
): { words: string; deed: Deed } | undefined {
  const { pace, rateBytesPerSecond: rate } = pair;
  const changesPace = pace !== undefined && pace !== there.pace;
  const changesRate = rate !== undefined && rate !== (there.rateBytesPerSecond ?? 0);
  if (!changesPace && !changesRate) return undefined;
  const words = [
    changesPace ? `pace ${there.pace} becomes ${pace}` : undefined,
    changesRate ? (rate === 0 ? 'no rate' : `${formatBytes(rate)}/s`) : undefined,
  ];
  const input = { pairs: [selector], pace, rateBytesPerSecond: rate };
  return {
    words: words.filter((word) => word !== undefined).join(', '),
    deed: { do: 'request', code: 'pair.pace', input },
  };
}
