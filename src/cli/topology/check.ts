import { parseListenAddress } from '../../core/controller/controller.js';
import { isToolkitError } from '../../core/foundation/foundation.js';
import { formatAddress, parseAddress, quoted } from '../../core/volume/volume.js';
import type {
  DesiredGroup,
  DesiredMember,
  DesiredPair,
  DesiredPort,
  DesiredSystem,
  DesiredTopology,
  DesiredVolume,
} from './desired.js';
import type { Problems } from './problems.js';

/** What a file can contradict by itself, without a look at what is there. */
export function checkTopology(desired: DesiredTopology, problems: Problems): void {
  for (const system of desired.systems) checkSystem(system, problems);
  const volumes = new Map<string, DesiredVolume>();
  for (const { volumes: own } of desired.systems)
    for (const volume of own) volumes.set(formatAddress(volume.system, volume.name), volume);
  checkPairs(desired, volumes, problems);
  checkUnique(desired.groups, 'group', problems);
  checkUnique(desired.sessions, 'session', problems);
  const memberOf = new Map<string, DesiredGroup>();
  for (const group of desired.groups)
    for (const member of group.members) checkMember(member, group, memberOf, desired.pairs, problems);
}

function checkSystem({ volumes, ports }: DesiredSystem, problems: Problems): void {
  const numbers = new Map<string, string>();
  for (const { name, number, place: at } of volumes) {
    if (number === undefined) continue;
    const first = numbers.get(number);
    if (first !== undefined) problems.add([...at, 'number'], `${number} is the number of ${first} already`);
    else numbers.set(number, name);
  }
  for (const port of ports) {
    checkListen(port, problems);
    const seen = new Map<string, number>();
    for (const { lun, volume } of port.luns) {
      const first = seen.get(volume);
      if (first !== undefined) problems.add([...port.place, 'luns', String(lun)], `${volume} is LUN ${first} already`);
      seen.set(volume, lun);
      if (lun > LUN_MAX) problems.add([...port.place, 'luns', String(lun)], `LUNs are from 0 to ${LUN_MAX}`);
    }
  }
}

const LUN_MAX = 255;

function checkListen({ place, listen, tlsDir, insecure }: DesiredPort, problems: Problems): void {
  try {
    const address = parseListenAddress(listen);
    if (address.kind === 'tcp' && !address.isLoopback && tlsDir === undefined && !insecure)
      problems.add(
        [...place, 'listen'],
        'other hosts reach it, and nothing would be encrypted: set tlsDir, or insecure',
      );
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    problems.add([...place, 'listen'], error.message);
  }
}

function checkPairs({ pairs }: DesiredTopology, volumes: ReadonlyMap<string, DesiredVolume>, problems: Problems): void {
  const taken = new Map<string, string>();
  for (const pair of pairs) {
    const first = taken.get(pair.secondary);
    if (first !== undefined) problems.add([...pair.place, 'secondary'], `it is the secondary of ${first} already`);
    taken.set(pair.secondary, pair.primary);
    checkPair(pair, problems);
    checkSides(pair, volumes, problems);
  }
  checkCircles(pairs, problems);
}

function checkPair(pair: DesiredPair, problems: Problems): void {
  const { place, primary, secondary, mode, status, pace, virtual, session, manual } = pair;
  const isLocal = parseAddress(primary).system === parseAddress(secondary).system;
  if (primary === secondary) problems.add(place, `${quoted(primary)} cannot be a pair with itself`);
  if (isLocal !== (mode === 'local'))
    problems.add([...place, 'mode'], isLocal ? 'inside one system the mode is local' : 'local is inside one system');
  if (!isLocal && virtual) problems.add([...place, 'virtual'], 'only pairs inside one system are virtual');
  if (virtual && status !== 'split') problems.add([...place, 'virtual'], 'it needs status: split');
  if (isLocal && (session !== undefined || manual))
    problems.add(place, 'session and manual are for pairs between two systems');
  if (mode === 'journal' && session === undefined) problems.add(place, 'a journal pair needs a session');
  if (pair.backup !== undefined && mode !== 'journal')
    problems.add([...place, 'backup'], 'only journal pairs have one');
  if (pair.backup !== undefined && parseAddress(pair.backup).system !== parseAddress(secondary).system)
    problems.add([...place, 'backup'], `it lies beside the secondary, in ${parseAddress(secondary).system}`);
  if (pace === 'hold' && status !== undefined && status !== 'suspended' && !virtual)
    problems.add([...place, 'pace'], `with pace hold it never becomes ${status}`);
}

/** Both volumes of a pair are of one kind; what a file does not name is looked at when it is applied. */
function checkSides(
  { place, primary, secondary }: DesiredPair,
  volumes: ReadonlyMap<string, DesiredVolume>,
  problems: Problems,
) {
  const [from, to] = [volumes.get(primary), volumes.get(secondary)];
  if (!from || !to) return;
  if (from.sizeBytes !== to.sizeBytes)
    problems.add(place, `${primary} has ${from.sizeBytes} bytes and ${secondary} ${to.sizeBytes}`);
  if ((from.emulation ?? 'OPEN-V') !== (to.emulation ?? 'OPEN-V'))
    problems.add(place, `the emulations of ${primary} and ${secondary} differ`);
  if (to.image !== undefined) problems.add(place, `${secondary} is filled by the pair and cannot have an image`);
}

function checkCircles(pairs: readonly DesiredPair[], problems: Problems): void {
  const upstream = new Map(pairs.map((pair) => [pair.secondary, pair]));
  for (const pair of pairs) {
    const seen = new Set<string>();
    let at: DesiredPair | undefined = pair;
    while (at && !seen.has(at.secondary)) {
      seen.add(at.secondary);
      at = upstream.get(at.primary);
    }
    if (at === pair && pair.primary !== pair.secondary) {
      problems.add(pair.place, 'these pairs copy in a circle');
      return;
    }
  }
}

function checkMember(
  member: DesiredMember,
  group: DesiredGroup,
  memberOf: Map<string, DesiredGroup>,
  pairs: readonly DesiredPair[],
  problems: Problems,
): void {
  const { place, primary, secondary, backup } = member;
  const [from, to] = [parseAddress(primary).system, parseAddress(secondary).system];
  if (from === to) problems.add(place, 'a member is a pair between two systems');
  if (backup !== 'auto' && parseAddress(backup).system !== to)
    problems.add([...place, 'backup'], `it lies beside the secondary, in ${to}`);
  if (backup === secondary) problems.add([...place, 'backup'], 'it is the secondary itself');
  const other = memberOf.get(primary);
  if (other) problems.add([...place, 'primary'], `${primary} is in group ${other.name} already`);
  memberOf.set(primary, group);
  const pair = pairs.find((one) => one.primary === primary && one.secondary === secondary);
  if (pair && pair.mode !== 'async') problems.add(place, `a member is of mode async; the pair says ${pair.mode}`);
}

function checkUnique(
  rows: readonly { readonly name: string; readonly place: readonly (string | number)[] }[],
  what: string,
  problems: Problems,
): void {
  const seen = new Set<string>();
  for (const { name, place } of rows) {
    if (seen.has(name)) problems.add([...place, 'name'], `there is a ${what} ${name} above already`);
    seen.add(name);
  }
}
