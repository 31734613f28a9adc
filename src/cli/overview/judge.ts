import type { PairListing, VolumeListing } from '../../core/controller/controller.js';
import { plural } from '../../core/foundation/foundation.js';
import type { GroupListing } from '../../core/group/group.js';
import { formatAddress } from '../../core/volume/volume.js';
import { separateWords } from '../copies.js';
import { formatDuration } from '../render/durations.js';
import type { Finding, Limits, Severity } from './finding.js';
import type { Overview } from './gather.js';
import { sessionFinding } from './judge-session.js';

/** All that is not well, the worst first. */
export function judge(overview: Overview, limits: Limits): readonly Finding[] {
  const found = [
    ...overview.unread.map(unreadSystem),
    ...overview.copies.map(copiedSystem),
    ...overview.volumes.flatMap(volumeFinding),
    ...overview.pairs.flatMap((pair) => pairFinding(pair, overview, limits)),
    ...overview.groups.flatMap((group) => groupFinding(group, overview, limits)),
    ...overview.sessions.flatMap((session) => sessionFinding(session, limits)),
  ];
  return found.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** Whether a monitor should raise its voice. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ severity }) => severity === 'late');
}

const ORDER: readonly Severity[] = ['suspended', 'stuck', 'late'];

/** Used beside its original it would be refused by all other systems, or be taken for it. */
function copiedSystem({ place, original }: Overview['copies'][number]): Finding {
  return {
    severity: 'stuck',
    kind: 'system-copied',
    subject: place.path,
    message: `is a copy of storage system ${place.name} in ${original}, and stands for the same one`,
    hint: `${separateWords(place.path)} makes it a system of its own; a copy kept as a backup belongs outside the roots.`,
  };
}

function unreadSystem({ system, message, isCopied }: Overview['unread'][number]): Finding {
  if (isCopied)
    return {
      severity: 'stuck',
      kind: 'system-copied',
      subject: system,
      message: `is not looked at: ${sentence(message)}`,
      hint: `Take one of them away, or make it a system of its own: ${separateWords(system)}`,
    };
  return {
    severity: 'stuck',
    kind: 'system-unreadable',
    subject: system,
    message: `cannot be read: ${sentence(message)}`,
    hint: `copyset system check ${system} tells what is wrong with it.`,
  };
}

function volumeFinding(volume: VolumeListing): Finding[] {
  if (volume.status !== 'blocked') return [];
  if (volume.imageFault !== null) return [imageFinding(volume)];
  const why = volume.blockedReason ?? 'a fault';
  return [
    {
      severity: 'stuck',
      kind: 'volume-blocked',
      subject: formatAddress(volume.system, volume.name),
      message: `is blocked, its hosts are refused: ${sentence(why)}`,
      hint: `copyset system check ${volume.system} --repair opens it again once the cause is gone.`,
    },
  ];
}

/** No repair brings an image back. */
function imageFinding({ system, name, blockedReason }: VolumeListing): Finding {
  const address = formatAddress(system, name);
  return {
    severity: 'stuck',
    kind: 'image-missing',
    subject: address,
    message: `cannot be used: ${sentence(blockedReason ?? 'its image is not what it was')}`,
    hint: `Is its file system mounted? Else bring the file back from a backup, and look at what is in it: copyset volume scrub ${address}`,
  };
}

/** The first row that holds says how a pair stands. */
function pairFinding(pair: PairListing, overview: Overview, limits: Limits): Finding[] {
  const subject = `${pair.primary} -> ${pair.secondary}`;
  if (pair.status === 'suspended') return [{ ...suspendedPair(pair), subject }];
  const gone = missingSystem(pair, overview);
  if (gone !== undefined)
    return [
      {
        severity: 'stuck',
        kind: 'peer-missing',
        subject,
        message: `cannot be seen whole, for storage system ${gone} is not below the roots; ${leftWords(pair)}`,
        hint: 'Is its file system mounted, and its folder named by COPYSET_ROOT?',
      },
    ];
  if (pair.half?.takenOver && pair.status === 'split' && !isToldOtherwise(pair, overview)) return [takenOverPair(pair)];
  if (isStalled(pair, limits))
    return [
      {
        severity: 'stuck',
        kind: 'pair-stalled',
        subject,
        message: `nothing was copied for ${formatDuration((pair.stalledSeconds ?? 0) * 1000)}; ${leftWords(pair)}${because(pair)}`,
        hint: 'copyset pair show tells the pair in full; copyset history what happened to it.',
      },
    ];
  if (
    !isLeft(pair) ||
    pair.pace === 'hold' ||
    overview.systems.some((one) => one.name === leader(pair) && one.controller)
  )
    return [];
  return [
    {
      severity: 'late',
      kind: 'no-copier',
      subject,
      message: `waits for a copier; ${leftWords(pair)}`,
      hint: `To copy it now: copyset copier run ${leader(pair)} --once`,
    },
  ];
}

function suspendedPair(pair: PairListing): Omit<Finding, 'subject'> {
  const { reason } = pair;
  const message = `is suspended${reason === null ? '' : ` (${sentence(reason)})`}; ${leftWords(pair)}`;
  const hint = `Once the cause is gone: ${goOnAfter(pair)}`;
  return { severity: 'suspended', kind: 'pair-suspended', message, hint };
}

/** Its secondary serves alone: what is written there is nowhere else, and the former primary refuses its hosts. */
function takenOverPair({ primary, secondary }: PairListing): Finding {
  return {
    severity: 'suspended',
    kind: 'pair-taken-over',
    subject: `${primary} -> ${secondary}`,
    message: `copies nothing: ${secondary} was made a primary, and ${primary} refuses hosts`,
    hint: `To bring home what it holds: copyset pair resync ${primary} ${secondary} --reverse --wait`,
  };
}

/** Of what was recovered together one finding tells, with the command that brings all of it back. */
function isToldOtherwise({ primary, secondary, session }: PairListing, { groups, sessions }: Overview): boolean {
  const isMember = (member: GroupListing['members'][number]) =>
    member.primary === primary && member.secondary === secondary;
  return (
    groups.some(({ state, members }) => state === 'failed' && members.some(isMember)) ||
    sessions.some(({ state, name }) => state === 'recovered' && name === session)
  );
}

/** The command that goes on from where a pair was suspended: a restore in its direction, a split to its point in time (H14). */
function goOnAfter({ primary, secondary, suspendedFrom, pointInTimeLost }: PairListing): string {
  const pair = `${primary} ${secondary}`;
  if (suspendedFrom === 'resync-reverse') return `copyset pair resync ${pair} --reverse`;
  if (suspendedFrom === 'sp-pending' && !pointInTimeLost) return `copyset pair split ${pair}`;
  return `copyset pair resync ${pair}`;
}

function groupFinding(group: GroupListing, { systems }: Overview, limits: Limits): Finding[] {
  const isSeen = (system: string) => systems.some(({ name }) => name === system);
  const subject = `group ${group.name}`;
  const away = group.members
    .filter(({ state }) => state === 'unreachable')
    .map(({ controller, secondary }) => (isSeen(controller) ? systemOf(secondary) : controller));
  const hint = `copyset cg status ${group.name} shows the group in full.`;
  if (group.state === 'failed') {
    const why = group.lastFailure?.reason;
    const message = `forms nothing until somebody has looked${why === undefined ? '' : `: ${sentence(why)}`}`;
    return [{ severity: 'stuck', kind: 'group-failed', subject, message, hint }];
  }
  if (away.length > 0) {
    const message = `${[...new Set(away)].join(', ')} cannot be reached`;
    return [{ severity: 'stuck', kind: 'group-unreachable', subject, message, hint }];
  }
  const { exposureSeconds, held, state, policy } = group;
  if (state !== 'running' || held !== null || exposureSeconds === null) return [];
  const dueMs = policy.intervalMs + policy.drainLimitMs + limits.stuckAfterMs;
  if (exposureSeconds * 1000 <= dueMs) return [];
  const why = group.lastFailure === null ? '' : `; the last failure: ${sentence(group.lastFailure.reason)}`;
  const message = `formed its last group ${formatDuration(exposureSeconds * 1000)} ago${why}`;
  return [{ severity: 'late', kind: 'group-late', subject, message, hint }];
}

function isStalled({ stalledSeconds }: PairListing, { stuckAfterMs }: Limits): boolean {
  return stalledSeconds !== null && stalledSeconds * 1000 >= stuckAfterMs;
}

/** Whether a copier would find something to do: of a pair at rest in split, what differs is no work. */
export function isLeft({ status, outOfSyncTracks }: PairListing): boolean {
  if (status === 'pending' || status === 'sp-pending' || status === 'resync' || status === 'resync-reverse')
    return true;
  return status === 'duplex' && outOfSyncTracks > 0;
}

/** The system that copies a pair: the primary's. */
function leader({ primary }: PairListing): string {
  return systemOf(primary);
}

function missingSystem({ primary, secondary, half }: PairListing, { systems }: Overview): string | undefined {
  if (!half) return undefined;
  return [primary, secondary].map(systemOf).find((name) => !systems.some((system) => system.name === name));
}

function systemOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}

function leftWords({ outOfSyncTracks }: PairListing): string {
  return outOfSyncTracks === 0 ? 'nothing is out of sync' : `${plural(outOfSyncTracks, 'track')} out of sync`;
}

function because({ reason }: PairListing): string {
  return reason === null ? '' : `: ${sentence(reason)}`;
}

/** Within another sentence. */
function sentence(text: string): string {
  return text.replace(/\.$/, '');
}
