import type { Change, PortRecord } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import { parseName, quoted, type VolumeRecord } from '../../volume/volume.js';
import { answerChange, recorded } from '../control/recorded.js';
import type { Answered, PortListing, RequestExtras, Requests } from '../control/requests.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { findVolume } from '../volumes/finding.js';
import { parseListenAddress } from './listen-address.js';

/** LUNs of one port; the number is what hosts and scripts write, so it stays small. */
const LUNS_MAX = 256;

export async function createPort(
  controller: Controller,
  input: Requests['port.create']['input'],
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'port.create'>> {
  const name = parseName(input.name, 'port');
  const address = parseListenAddress(input.listen);
  if (address.kind === 'tcp' && !address.isLoopback && input.tlsDir === undefined && !input.insecure) {
    throw failure(
      'usage',
      `${input.listen} can be reached from other hosts, and nothing would be encrypted.`,
      'Give --tls-dir, or --insecure to serve it plain.',
    );
  }
  const record: PortRecord = {
    name,
    listen: input.listen,
    tlsDir: input.tlsDir ?? null,
    insecure: input.insecure ?? false,
    luns: [],
  };
  return changePort(controller, context, `port create ${name}`, () => {
    if (controller.catalog.ports.has(name))
      throw failure(
        'already-exists',
        `Storage system ${controller.place.name} has a port ${name} already.`,
        'Choose another name, or delete it first.',
      );
    return [{ do: 'put-port', record }];
  });
}

export async function deletePort(
  controller: Controller,
  input: Requests['port.delete']['input'],
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'port.delete'>> {
  let offered: PortRecord['luns'] = [];
  const { output } = await changePort(controller, context, `port delete ${input.name}`, () => {
    const port = findPort(controller, input.name);
    if (port.luns.length > 0 && !input.force) throw stillOffers(controller, port);
    offered = port.luns;
    return [{ do: 'drop-port', name: port.name }];
  });
  return { output: { ...output, detached: offered.map(({ volume }) => controller.address(volume)) } };
}

/** Whoever wants the hosts of these volumes cut off says so. */
function stillOffers(controller: Controller, { name, luns }: PortRecord): Error {
  const volumes = luns.map(({ lun, volume }) => `${controller.address(volume)} (LUN ${lun})`).join(', ');
  return failure(
    'force-needed',
    `Port ${name} of ${controller.place.name} offers ${volumes}, which hosts would reach there no more.`,
    'Detach them first (copyset volume detach), or give --force.',
  );
}

export async function attachVolume(
  controller: Controller,
  input: Requests['volume.attach']['input'],
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.attach'>> {
  let lun = 0;
  const { output } = await changePort(controller, context, `volume attach ${input.volume} ${input.port}`, () => {
    const record = findVolume(controller, input.volume);
    const port = findPort(controller, input.port);
    const there = port.luns.find((entry) => entry.volume === record.number);
    lun = input.lun ?? there?.lun ?? freeLun(port);
    if (there?.lun === lun) return [];
    demandFree(controller, port, record, lun);
    const luns = [...port.luns, { lun, volume: record.number }].sort((a, b) => a.lun - b.lun);
    return [{ do: 'put-port', record: { ...port, luns } }];
  });
  return { output: { ...output, lun } };
}

export async function detachVolume(
  controller: Controller,
  input: Requests['volume.detach']['input'],
  _: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.detach'>> {
  return changePort(controller, context, `volume detach ${input.volume} ${input.port}`, () => {
    const record = findVolume(controller, input.volume);
    const port = findPort(controller, input.port);
    const luns = port.luns.filter((entry) => entry.volume !== record.number);
    if (luns.length === port.luns.length)
      throw failure(
        'volume-not-found',
        `${controller.address(record.number)} is not attached to port ${port.name}.`,
        `copyset port list ${controller.place.name} shows what is.`,
      );
    return [{ do: 'put-port', record: { ...port, luns } }];
  });
}

async function changePort(
  controller: Controller,
  context: RequestContext,
  operation: string,
  decide: () => readonly Change[],
): Promise<{ output: { ports: readonly PortListing[] } }> {
  return controller.exclusively(async () => {
    const changes = decide();
    return recorded(controller, context, [{ operation }], async () => {
      if (changes.length > 0) {
        await controller.catalog.change(() => [...changes, answerChange(context, { ports: [] })]);
        await controller.catalog.durable();
        await controller.portsChanged();
      }
      return { output: { ports: controller.listing.ports() } };
    });
  });
}

function findPort(controller: Controller, name: string): PortRecord {
  const port = controller.catalog.ports.get(name);
  if (port) return port;
  throw failure(
    'port-not-found',
    `Storage system ${controller.place.name} has no port ${quoted(name)}.`,
    `copyset port list ${controller.place.name} shows its ports.`,
  );
}

function freeLun(port: PortRecord): number {
  const used = new Set(port.luns.map((entry) => entry.lun));
  for (let lun = 0; lun < LUNS_MAX; lun += 1) if (!used.has(lun)) return lun;
  throw failure(
    'limit-reached',
    `Port ${port.name} has ${LUNS_MAX} volumes, the most that a port can have.`,
    'Make another port.',
  );
}

function demandFree(controller: Controller, port: PortRecord, record: VolumeRecord, lun: number): void {
  if (!Number.isSafeInteger(lun) || lun < 0 || lun >= LUNS_MAX)
    throw failure('usage', `A LUN is a number from 0 to ${LUNS_MAX - 1}, not ${lun}.`);
  const other = port.luns.find((entry) => entry.lun === lun || entry.volume === record.number);
  if (!other) return;
  const what =
    other.lun === lun
      ? `LUN ${lun} of port ${port.name} is ${controller.address(other.volume)}`
      : `${controller.address(record.number)} is LUN ${other.lun} of port ${port.name} already`;
  throw failure('already-exists', `${what}.`, 'Detach it first: copyset volume detach.');
}
