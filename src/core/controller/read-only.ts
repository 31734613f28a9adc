import { Catalog } from '../catalog/catalog.js';
import { failure, type ToolkitError } from '../foundation/foundation.js';
import { Fabric } from '../hostio/hostio.js';
import type { PairRecord } from '../pair/pair.js';
import type { Answered, RequestCode, RequestExtras, Requests, SystemClient } from './control/requests.js';
import { Listing } from './listing.js';
import { openReader, type ReadingCode, type SystemReader } from './reader.js';
import { sheetsOf, shownAhead } from './sessions/sheets.js';
import { ownedByOther, type Ports, type SystemPlace } from './system-place.js';
import type { Looking } from './volumes/finding.js';
import { demandExport, writeOut } from './volumes/image-requests.js';
import { pathHere, readHere } from './volumes/requests.js';

type LookingCode = 'volume.read' | 'volume.path' | 'volume.export';

const LISTINGS: ReadonlySet<RequestCode> = new Set<ReadingCode>([
  'system.show',
  'volume.list',
  'pair.list',
  'port.list',
  'fault.list',
  'cg.list',
  'session.list',
]);

const LOOKS: {
  readonly [Code in LookingCode]: (
    looking: Looking,
    input: Requests[Code]['input'],
    extras: RequestExtras,
  ) => Promise<Answered<Code>>;
} = {
  'volume.read': async (looking, input) => readHere(looking, input),
  'volume.path': async (looking, input) => pathHere(looking, input),
  'volume.export': async (looking, input, extras) => writeOut(looking, demandExport(looking, input), input, extras),
};

/**
 * A system on a read-only file system: nobody can take its lock, and what only reads needs none. Listings and volumes are read as the
 * last owner left them; all else is refused, and so are volumes where that owner left something to recover.
 */
export class UnownedSystem implements SystemClient {
  readonly #ports: Ports;
  readonly #place: SystemPlace;
  /** Why nobody can own it: the answer to whatever changes it. */
  readonly #refusal: ToolkitError;
  #reader: SystemReader | undefined;
  #looking: Looking | undefined;

  constructor(ports: Ports, place: SystemPlace, refusal: ToolkitError) {
    this.#ports = ports;
    this.#place = place;
    this.#refusal = refusal;
  }

  async request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras: RequestExtras = {},
  ): Promise<Answered<Code>> {
    if (LISTINGS.has(code)) {
      this.#reader ??= await openReader(this.#ports, this.#place);
      return (await this.#reader.request(code as ReadingCode)) as Answered<Code>;
    }
    const look = code in LOOKS ? LOOKS[code as LookingCode] : undefined;
    if (!look) throw this.#refusal;
    // The same folder may be writable elsewhere on this host.
    const owner = this.#ports.owners.current(this.#place.path);
    if (owner) throw ownedByOther(this.#place, 'held', owner);
    this.#looking ??= lookInto(this.#ports, this.#place);
    return (await look(this.#looking, input as never, extras)) as Answered<Code>;
  }

  async close(): Promise<void> {
    this.#looking?.fabric.abandon();
    this.#looking?.catalog.close();
    await this.#reader?.close();
  }
}

function lookInto(ports: Ports, place: SystemPlace): Looking {
  const catalog = Catalog.open(ports.files, ports.random, place.path, { readOnly: true });
  if ([...catalog.active.values()].some((regions) => regions.size > 0)) {
    catalog.close();
    throw failure(
      'read-only',
      `Storage system ${place.name} lies on a read-only file system, and was not closed by its last owner: it has to be recovered first.`,
      `Make the file system writable and run copyset system check ${place.name}; then it can be read there.`,
    );
  }
  const fabric = new Fabric({
    system: place.name,
    catalog,
    files: ports.files,
    clock: ports.clock,
    saveLimitBytes: place.info.saveLimitBytes,
    readOnly: true,
    hooks: {
      suspended: () => undefined,
      step: () => undefined,
      isUpdating: ({ record }) => record !== undefined && isUpdating(catalog, record),
    },
  });
  const listing = new Listing(place, catalog, ports.files, () => ports.clock.nowMs());
  return { place, ports, files: ports.files, catalog, fabric, listing, address: (number) => fabric.address(number) };
}

/** What a checkpoint shows from a journal is read by an owner alone. */
function isUpdating(catalog: Catalog, { remote }: PairRecord): boolean {
  if (remote?.side !== 'secondary' || !remote.journal) return false;
  const table = sheetsOf(catalog).byId(remote.journal.session)?.secondary;
  const row = table?.streams.find(({ primary }) => primary.id === remote.peer.system.id);
  return (table?.releasing ?? null) !== null || (row !== undefined && shownAhead(row) !== undefined);
}
