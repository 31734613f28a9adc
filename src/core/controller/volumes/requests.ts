import type { Change } from '../../catalog/catalog.js';
import { failure, MESSAGE_MAX_BYTES } from '../../foundation/foundation.js';
import { flushAsHost } from '../../hostio/hostio.js';
import { toToolkitError } from '../../storage/storage.js';
import { checkRange, type VolumeRecord } from '../../volume/volume.js';
import { answerChange, recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { imagePathOf } from '../image-faults.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { demandDetached, demandUnpaired, findVolume, findVolumes, type Looking } from './finding.js';
import { endIncomplete, isWrittenWhole, noteWritten } from './whole.js';

export async function writeVolume(
  controller: Controller,
  input: Requests['volume.write']['input'],
  extras: RequestExtras,
): Promise<Answered<'volume.write'>> {
  const record = findVolume(controller, input.volume);
  await controller.halves.greet(record.number);
  const data = extras.data ?? new Uint8Array(0);
  controller.fabric.demandHost(record.number, 'write');
  checkRange(record, input.offsetBytes, data.length);
  const volume = controller.fabric.volume(record.number);
  if (data.length > 0) await controller.warmFor(volume, input.offsetBytes, data.length);
  await controller.fabric.writeAsHost(record.number, data, input.offsetBytes);
  noteWritten(record, input.offsetBytes, data.length);
  const isWhole = isWrittenWhole(record);
  if (input.durable) await flushAsHost(controller.fabric, record.number);
  if (input.durable && isWhole) await endIncomplete(controller, record);
  controller.copier.wake();
  return { output: { bytes: data.length } };
}

export async function readVolume(
  controller: Controller,
  input: Requests['volume.read']['input'],
): Promise<Answered<'volume.read'>> {
  await controller.halves.greet(findVolume(controller, input.volume).number);
  return readHere(controller, input);
}

export function readHere(controller: Looking, input: Requests['volume.read']['input']): Answered<'volume.read'> {
  const record = findVolume(controller, input.volume);
  checkRange(record, input.offsetBytes, input.lengthBytes);
  if (input.lengthBytes > MESSAGE_MAX_BYTES)
    throw failure('limit-reached', `One read is at most ${MESSAGE_MAX_BYTES} bytes.`);
  const data = new Uint8Array(input.lengthBytes);
  controller.fabric.readAsHost(record.number, data, input.offsetBytes);
  return { output: { bytes: data.length }, data };
}

export async function volumePath(
  controller: Controller,
  input: Requests['volume.path']['input'],
): Promise<Answered<'volume.path'>> {
  return pathHere(controller, input);
}

export function pathHere(controller: Looking, input: Requests['volume.path']['input']): Answered<'volume.path'> {
  const record = findVolume(controller, input.volume);
  const listing = controller.listing.volume(record);
  if (listing.imageFault !== null)
    throw failure(
      'volume-blocked',
      `Of ${controller.address(record.number)}, ${listing.blockedReason}.`,
      `copyset system check ${controller.place.name} shows what else is wrong.`,
    );
  if (!listing.imageComplete) {
    throw failure(
      'not-alone',
      `The image of ${controller.address(record.number)} alone is not the volume: tracks of it are read from the other side of a pair or from a journal, or missing.`,
      'Wait for the copy (copyset pair wait), or read it through copyset volume export.',
    );
  }
  return { output: { path: listing.path } };
}

export async function setReserve(
  controller: Controller,
  patterns: readonly string[],
  reserved: boolean,
  context: RequestContext,
): Promise<{ output: Requests['volume.reserve']['output'] }> {
  return controller.exclusively(async () => {
    const records = findVolumes(controller, patterns);
    const altered = records.filter((record) => record.reserved !== reserved);
    for (const record of altered) {
      const isTarget = controller.catalog
        .pairsOf(record.number)
        .some((pair) => controller.catalog.pairs.get(pair)?.secondary === record.number);
      if (isTarget && !reserved)
        throw failure(
          'volume-paired',
          `${controller.address(record.number)} is the secondary of a pair and stays reserved.`,
          'Delete the pair first (copyset pair delete … --unreserve).',
        );
    }
    const operation = reserved ? 'volume reserve' : 'volume unreserve';
    return recorded(
      controller,
      context,
      altered.map((record) => ({ operation, primary: controller.address(record.number) })),
      async () => {
        await controller.catalog.change(() =>
          altered.map((record) => ({ do: 'put-volume', record: { ...record, reserved } })),
        );
        await controller.catalog.durable();
        return {
          output: {
            volumes: findVolumes(controller, patterns).map((record) => controller.listing.volume(record)),
            changed: altered.length,
          },
        };
      },
    );
  });
}

export async function deleteVolumes(
  controller: Controller,
  input: Requests['volume.delete']['input'],
  _extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.delete'>> {
  return controller.exclusively(async () => {
    const records = findVolumes(controller, input.volumes);
    for (const record of records) {
      demandUnpaired(controller, record);
      demandDetached(controller, record);
    }
    const output = { deleted: records.map((record) => controller.address(record.number)) };
    return recorded(
      controller,
      context,
      output.deleted.map((primary) => ({ operation: 'volume delete', primary })),
      async () => {
        for (const record of records) controller.fabric.forget(record.number);
        await controller.catalog.change(() => [
          ...records.map(({ number }): Change => ({ do: 'drop-volume', number })),
          answerChange(context, output),
        ]);
        await controller.catalog.durable();
        await controller.removeLeftovers();
        return { output };
      },
    );
  });
}

/** Makes volumes read as zeros again. The status `format` is durable first, so that a crash in between is seen and finished. */
export async function formatVolumes(
  controller: Controller,
  input: Requests['volume.format']['input'],
  _extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.format'>> {
  return controller.exclusively(async () => {
    const records = findVolumes(controller, input.volumes);
    for (const record of records) demandUnpaired(controller, record);
    const full = records.filter((record) => !controller.catalog.volumeMap(record.number, 'allocated').map.isEmpty);
    if (full.length > 0 && !input.force)
      throw failure(
        'force-needed',
        `${full.map((record) => controller.address(record.number)).join(', ')} would lose all data.`,
        'Give --force to format.',
      );
    return recorded(
      controller,
      context,
      records.map((record) => ({ operation: 'volume format', primary: controller.address(record.number) })),
      async () => {
        for (const record of records) await formatOne(controller, record);
        return {
          output: {
            volumes: findVolumes(controller, input.volumes).map((record) => controller.listing.volume(record)),
          },
        };
      },
    );
  });
}

/** A fault set by a person blocks a volume, or frees it again. */
export async function setVolumeFault(controller: Controller, name: string, blocked: boolean): Promise<void> {
  const record = findVolume(controller, name);
  const status = blocked ? 'blocked' : 'normal';
  if (record.status === status) return;
  await controller.catalog.change(() => [
    { do: 'put-volume', record: { ...record, status, blockedReason: blocked ? 'a fault set for tests' : null } },
  ]);
  await controller.catalog.durable();
  if (!blocked) return;
  for (const { pair } of controller.fabric.legs(record.number)) {
    await controller.fabric.suspend(pair, 'volume-blocked', `${controller.address(record.number)} is blocked`);
  }
}

async function formatOne(controller: Controller, record: VolumeRecord): Promise<void> {
  await controller.catalog.change(() => [{ do: 'put-volume', record: { ...record, status: 'format' } }]);
  await controller.catalog.durable();
  controller.fabric.forget(record.number);
  const image = controller.files.open(imagePathOf(controller.place.path, record), 'write');
  try {
    image.truncate(0);
    image.truncate(record.sizeBytes);
    await image.flush();
  } catch (error) {
    throw toToolkitError(error, `the image of ${controller.address(record.number)}`);
  } finally {
    image.close();
  }
  const fresh: VolumeRecord = { ...record, status: 'normal', blockedReason: null, incomplete: null };
  await controller.catalog.change(
    () => [
      { do: 'empty', map: `v${record.number}:allocated` },
      { do: 'empty', map: `v${record.number}:codeless` },
      { do: 'cool', volume: record.number, regions: [...(controller.catalog.active.get(record.number) ?? [])] },
      { do: 'put-volume', record: fresh },
    ],
    true,
  );
  await controller.catalog.durable();
}
