import type { HistoryEvent, SystemPlace } from '../core/controller/controller.js';
import { formatAddress, matchesGlob, parseAddressPattern } from '../core/volume/volume.js';
import { portNotFound } from './known-ports.js';
import type { Toolkit } from './open-toolkit.js';

export interface HistoryFilter {
  readonly system?: string | undefined;
  readonly pair?: string | undefined;
  readonly volume?: string | undefined;
  /** A port's name: what is at it now counts. */
  readonly port?: string | undefined;
  /** A consistency group's name. */
  readonly group?: string | undefined;
  /** Milliseconds since 1970. */
  readonly since?: number | undefined;
}

/** The events of all systems that the filter lets through, oldest first. */
export async function readEvents(toolkit: Toolkit, filter: HistoryFilter): Promise<readonly HistoryEvent[]> {
  const places = filter.system === undefined ? (await toolkit.discover()).places : await toolkit.match(filter.system);
  const all = (await Promise.all(places.map((place) => toolkit.history(place)))).flat();
  const tests = [
    ...testsOf(filter),
    ...(filter.port === undefined ? [] : [await portTest(toolkit, places, filter.port)]),
  ];
  return all
    .filter((event) => tests.every((test) => test(event)))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

type Test = (event: HistoryEvent) => boolean;

function testsOf({ pair, volume, group, since }: HistoryFilter): Test[] {
  const tests: Test[] = [];
  if (pair !== undefined) tests.push(pairTest(pair));
  if (volume !== undefined) tests.push(volumeTest(volume));
  if (group !== undefined)
    tests.push(({ operation, primary }) => operation.startsWith('cg ') && matchesGlob(group, primary ?? ''));
  if (since !== undefined) tests.push((event) => Date.parse(event.time) >= since);
  return tests;
}

/** `PRIMARY` or `PRIMARY,SECONDARY`. */
function pairTest(pair: string): Test {
  const [primary = '', secondary] = pair.split(',');
  const isPrimary = addressTest(primary);
  const isSecondary = secondary === undefined ? (address: string | null) => address !== null : addressTest(secondary);
  return (event) => isPrimary(event.primary) && isSecondary(event.secondary);
}

function volumeTest(volume: string): Test {
  const isMeant = addressTest(volume);
  return (event) => isMeant(event.primary) || isMeant(event.secondary);
}

/** Of several systems any may have a port of that name. Throws `port-not-found` where none has. */
async function portTest(toolkit: Toolkit, places: readonly SystemPlace[], port: string): Promise<Test> {
  const listed = await Promise.all(
    places.map(async (place) => (await toolkit.read(place, (reader) => reader.request('port.list'))).output.ports),
  );
  const meant = listed.flat().filter(({ name }) => name === port);
  if (meant.length === 0) throw portNotFound(port);
  const at = new Set(meant.flatMap(({ system, luns }) => luns.map(({ volume }) => formatAddress(system, volume))));
  return ({ primary, secondary }) => [primary, secondary].some((address) => address !== null && at.has(address));
}

/** History keeps names, not numbers: they are what the volumes were called at that time. */
function addressTest(text: string): (address: string | null) => boolean {
  const { system, systemIsPath, volume } = parseAddressPattern(text);
  const wanted = `${systemIsPath ? '*' : system}:${volume}`;
  return (address) => address !== null && matchesGlob(wanted, address);
}
