import { formatAddress, parseAddress } from '../../core/volume/volume.js';
import { selectorOfPair } from '../pair-selectors.js';
import { formatBytes } from '../render/bytes.js';
import { isStarted } from './plan-starts.js';
import { addressOfRef, keyOf, type PresentPair, type PresentSystem } from './present.js';
import type { Sight } from './sight.js';
import { type Step, step } from './steps.js';

/** `--prune`: what is below the roots and the file does not name, from the outside in: groups, pairs, ports, volumes, systems. */
export function planRemovals(sight: Sight): Step[] {
  const systems = sight.present.systems;
  const named = new Map(sight.desired.systems.map((system) => [system.name, system]));
  const staying = systems.filter(({ place }) => named.has(place.name));
  const going = systems.filter(({ place }) => !named.has(place.name));
  return [
    ...removeGroups(sight),
    ...removePairs(sight),
    ...removeSessions(sight),
    ...staying.flatMap((system) => removePorts(system, sight)),
    ...staying.flatMap((system) => removeVolumes(system, sight)),
    ...going.map(removeSystem),
  ];
}

function removeGroups({ present, desired }: Sight): Step[] {
  return present.groups.flatMap((group) => {
    const { name, table, master } = group;
    const wished = desired.groups.find((one) => one.name === name);
    const formed = table?.lastFormed ? 'the last group formed, which' : undefined;
    const loses = (backups: readonly string[]): string | null =>
      formed === undefined ? null : `${formed} ${backups.join(', ')} ${backups.length === 1 ? 'holds' : 'hold'}`;
    if (!wished) {
      const backups = group.members.map(({ backup }) => addressOfRef(backup));
      const deed = { do: 'request', code: 'cg.delete', input: { group: name } } as const;
      return [step('-', 'group', name, master.name, `${group.members.length} members`, [deed], loses(backups))];
    }
    const going = group.members.filter(
      ({ primary, secondary }) =>
        !wished.members.some(
          (one) => one.primary === addressOfRef(primary) && one.secondary === addressOfRef(secondary),
        ),
    );
    return going.map(({ primary, secondary, backup }) => {
      const address = addressOfRef(primary);
      const label = `${name}: ${keyOf({ primary: address, secondary: addressOfRef(secondary) })}`;
      const deed = { do: 'remove-member', group: name, primary: address } as const;
      return step('-', 'member', label, master.name, '', [deed], loses([addressOfRef(backup)]));
    });
  });
}

/** A pair that a member of the file needs stays, named or not. */
function removePairs({ present, desired }: Sight): Step[] {
  const wished = new Set([...desired.pairs, ...desired.groups.flatMap(({ members }) => members)].map(keyOf));
  return present.pairs
    .filter((pair) => !wished.has(keyOf(pair)))
    .map((pair) => {
      const lost = mixed(pair);
      const input = { pairs: [selectorOfPair(pair)], force: lost !== null };
      const deed = { do: 'request', code: 'pair.delete', input } as const;
      return step(
        '-',
        'pair',
        keyOf(pair),
        parseAddress(pair.primary).system,
        `${pair.mode}, ${pair.status}`,
        [deed],
        lost,
      );
    });
}

/** One that runs is stopped first; its secondaries keep the checkpoint that they show. */
function removeSessions({ present, desired }: Sight): Step[] {
  return present.sessions
    .filter(({ name }) => !desired.sessions.some((one) => one.name === name))
    .map((session) => {
      const { name, home } = session;
      const stop = isStarted(session) ? [{ do: 'stop-session', session: name } as const] : [];
      const deed = { do: 'request', code: 'session.delete', input: { session: name } } as const;
      return step('-', 'session', name, home.name, '', [...stop, deed]);
    });
}

/** Deleted before it is copied, a pair leaves a volume that is neither the old nor the new. */
function mixed(pair: PresentPair): string | null {
  if (pair.imageComplete && pair.outOfSyncTracks === 0) return null;
  const incomplete = pair.status === 'resync-reverse' ? pair.primary : pair.secondary;
  return `${incomplete}, which lacks ${pair.outOfSyncTracks} tracks and is left incomplete`;
}

function removePorts({ place, ports }: PresentSystem, { desired, isDesired }: Sight): Step[] {
  const wished = desired.systems.find(({ name }) => name === place.name)?.ports ?? [];
  return ports.flatMap(({ name, listen, luns }) => {
    const address = formatAddress(place.name, name);
    const port = wished.find((one) => one.name === name);
    if (!port) {
      const deed = { do: 'request', code: 'port.delete', input: { name, force: true } } as const;
      const offered = luns.map(({ lun, volume }) => `, LUN ${lun} ${volume}`).join('');
      return [step('-', 'port', address, place.name, `${listen}${offered}`, [deed])];
    }
    const going = luns.filter(
      ({ lun, volume }) =>
        !port.luns.some((one) => one.lun === lun || one.volume === volume) ||
        !isDesired(formatAddress(place.name, volume)),
    );
    return going.map(({ lun, volume }) => {
      const deed = { do: 'request', code: 'volume.detach', input: { volume, port: name } } as const;
      return step('-', 'lun', `${address} LUN ${lun}`, place.name, volume, [deed]);
    });
  });
}

function removeVolumes({ place, volumes }: PresentSystem, { isDesired }: Sight): Step[] {
  return volumes
    .filter(({ name }) => !isDesired(formatAddress(place.name, name)))
    .map(({ name, number, allocatedTracks, trackSizeBytes }) => {
      const deed = { do: 'request', code: 'volume.delete', input: { volumes: [name] } } as const;
      const lost = allocatedTracks === 0 ? null : `${formatBytes(allocatedTracks * trackSizeBytes)} of data`;
      return step('-', 'volume', formatAddress(place.name, name), place.name, number, [deed], lost);
    });
}

function removeSystem({ place, volumes }: PresentSystem): Step {
  const bytes = volumes.reduce((sum, volume) => sum + volume.allocatedTracks * volume.trackSizeBytes, 0);
  const lost = bytes === 0 ? null : `${formatBytes(bytes)} of data in ${volumes.length} volumes`;
  return step('-', 'system', place.name, place.name, place.path, [{ do: 'delete-system' }], lost);
}
