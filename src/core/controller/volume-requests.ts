import { type Change, CODES_FOLDER, IMAGES_FOLDER, MAPS_FOLDER } from '../catalog/catalog.js';
import { failure, MESSAGE_MAX_BYTES, VOLUMES_MAX, type VolumeNumber } from '../foundation/foundation.js';
import { mapCounts } from '../hostio/hostio.js';
import { imageComplete } from '../pair/pair.js';
import { toToolkitError } from '../storage/storage.js';
import {
  checkRange,
  checkTrackSize,
  checkVolumeSize,
  formatNumber,
  isGlob,
  matchesVolume,
  nextFreeNumbers,
  numberOf,
  parseName,
  parseNumber,
  quoted,
  type VolumeRecord,
} from '../volume/volume.js';
import { imagePathOf } from './listing.js';
import type { Controller, RequestContext } from './open-controller.js';
import { answerChange, recorded } from './recorded.js';
import type { Answered, RequestExtras, Requests } from './requests.js';

/** The volume with this name or number. Throws `volume-not-found`. */
export function findVolume(controller: Controller, text: string): VolumeRecord {
  for (const record of controller.catalog.volumes.values()) if (record.name === text) return record;
  const number = numberOf(text);
  const record = number === undefined ? undefined : controller.catalog.volumes.get(number);
  if (record) return record;
  throw failure(
    'volume-not-found',
    `There is no volume ${quoted(text)} in storage system ${controller.place.name}.`,
    `copyset volume list '${controller.place.name}:*' shows its volumes.`,
  );
}

/** All volumes that names, numbers or globs mean. A glob that matches nothing throws `nothing-matches`. */
export function findVolumes(controller: Controller, patterns: readonly string[]): VolumeRecord[] {
  const found = new Map<VolumeNumber, VolumeRecord>();
  for (const pattern of patterns) {
    if (!isGlob(pattern)) {
      const record = findVolume(controller, pattern);
      found.set(record.number, record);
      continue;
    }
    const matches = [...controller.catalog.volumes.values()].filter((record) => matchesVolume(pattern, record));
    if (matches.length === 0)
      throw failure(
        'nothing-matches',
        `No volume of storage system ${controller.place.name} matches ${quoted(pattern)}.`,
        'Quote the pattern, so that the shell leaves it alone.',
      );
    for (const record of matches) found.set(record.number, record);
  }
  return [...found.values()];
}

export async function createVolumes(
  controller: Controller,
  input: Requests['volume.create']['input'],
  _extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.create'>> {
  checkVolumeSize(input.sizeBytes);
  const trackSizeBytes = input.trackSizeBytes ?? controller.place.info.trackSizeBytes;
  checkTrackSize(trackSizeBytes);
  const names = namesOf(input.name, input.count);
  return controller.exclusively(async () => {
    const numbers = freeNumbers(controller, input.number, names.length);
    for (const name of names) demandFreeName(controller, name);
    const records = names.map((name, index) => newRecord(controller, name, numbers[index] ?? 0, trackSizeBytes, input));
    const subjects = records.map((record) => ({
      operation: 'volume create',
      primary: `${controller.place.name}:${record.name}`,
    }));
    return recorded(controller, context, subjects, async () => {
      const made: string[] = [];
      // The answer stands in the frame of its effect, so that a request sent again makes nothing twice (H28).
      const output = { volumes: records.map((record) => controller.listing.volume(record)) };
      try {
        for (const record of records) makeImage(controller, record, made);
        await flushFolders(controller, records);
        controller.step('volume.made');
        await controller.catalog.change(() => [
          ...records.map((record): Change => ({ do: 'put-volume', record })),
          answerChange(context, output),
        ]);
        await controller.catalog.durable();
      } catch (error) {
        for (const path of made) controller.files.remove(path);
        throw toToolkitError(error, `the image of volume ${controller.place.name}:${names[0]}`);
      }
      controller.step('volume.logged');
      return { output };
    });
  });
}

export async function writeVolume(
  controller: Controller,
  input: Requests['volume.write']['input'],
  extras: RequestExtras,
): Promise<Answered<'volume.write'>> {
  const record = findVolume(controller, input.volume);
  const data = extras.data ?? new Uint8Array(0);
  controller.fabric.demandHost(record.number, 'write');
  checkRange(record, input.offsetBytes, data.length);
  const volume = controller.fabric.volume(record.number);
  if (data.length > 0) await controller.fabric.warm(volume, volume.geometry.tracksOf(input.offsetBytes, data.length));
  await controller.fabric.writeAsHost(record.number, data, input.offsetBytes);
  if (input.durable) await controller.fabric.flush(record.number);
  controller.copier.wake();
  return { output: { bytes: data.length } };
}

export async function readVolume(
  controller: Controller,
  input: Requests['volume.read']['input'],
): Promise<Answered<'volume.read'>> {
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
  const record = findVolume(controller, input.volume);
  const listing = controller.listing.volume(record);
  if (!listing.imageComplete) {
    throw failure(
      'not-alone',
      `The image of ${controller.address(record.number)} alone is not the volume: tracks of it are read from the other side of a pair, or missing.`,
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

export function demandUnpaired(controller: Controller, record: VolumeRecord): void {
  const count = controller.catalog.pairsOf(record.number).length;
  if (count === 0) return;
  throw failure(
    'volume-paired',
    `${controller.address(record.number)} is part of ${count === 1 ? 'a pair' : `${count} pairs`}.`,
    'Delete the pairs first: copyset pair delete.',
  );
}

function demandDetached(controller: Controller, record: VolumeRecord): void {
  const port = [...controller.catalog.ports.values()].find(({ luns }) =>
    luns.some(({ volume }) => volume === record.number),
  );
  if (!port) return;
  throw failure(
    'volume-attached',
    `${controller.address(record.number)} is attached to port ${port.name}.`,
    `Detach it first: copyset volume detach ${controller.address(record.number)} --port ${port.name}.`,
  );
}

/** Whether the volume's own image holds all of it. */
export function holdsItself(controller: Controller, record: VolumeRecord): boolean {
  return controller.catalog.pairsOf(record.number).every((number) => {
    const pair = controller.catalog.pairs.get(number);
    if (!pair) return true;
    return imageComplete(
      pair.state,
      pair.primary === record.number ? 'primary' : 'secondary',
      mapCounts(controller.catalog, pair),
    );
  });
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

function namesOf(name: string, count: number | undefined): string[] {
  if (count === undefined) return [parseName(name, 'volume')];
  if (!Number.isSafeInteger(count) || count < 1 || count > VOLUMES_MAX)
    throw failure('usage', `--count is a number from 1 to ${VOLUMES_MAX}, not ${count}.`);
  return Array.from({ length: count }, (_, index) => parseName(`${name}-${index + 1}`, 'volume'));
}

function freeNumbers(controller: Controller, wish: string | undefined, count: number): VolumeNumber[] {
  const used = controller.catalog.volumes;
  if (used.size + count > VOLUMES_MAX)
    throw failure('limit-reached', `A storage system has at most ${VOLUMES_MAX} volumes; ${used.size} are there.`);
  if (wish === undefined) return nextFreeNumbers(used.keys(), count);
  const first = parseNumber(wish);
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const taken = numbers.find((number) => used.has(number) || number >= VOLUMES_MAX);
  if (taken !== undefined)
    throw failure(
      'already-exists',
      `The number ${formatNumber(taken)} is in use in storage system ${controller.place.name}.`,
      'Leave --number out to take the next free one.',
    );
  return numbers;
}

function demandFreeName(controller: Controller, name: string): void {
  for (const record of controller.catalog.volumes.values()) {
    if (record.name === name)
      throw failure(
        'already-exists',
        `Storage system ${controller.place.name} has a volume ${name} (${formatNumber(record.number)}) already.`,
        'Choose another name.',
      );
  }
}

function newRecord(
  controller: Controller,
  name: string,
  number: VolumeNumber,
  trackSizeBytes: number,
  input: Requests['volume.create']['input'],
): VolumeRecord {
  return {
    number,
    name,
    sizeBytes: input.sizeBytes,
    trackSizeBytes,
    emulation: input.emulation ?? 'OPEN-V',
    reserved: input.reserve ?? false,
    imagePath: input.pool === undefined ? `${IMAGES_FOLDER}/${name}.img` : `${input.pool}/${name}.img`,
    status: 'normal',
    blockedReason: null,
    incomplete: null,
    createdAtMs: Math.floor(controller.ports.clock.nowMs()),
  };
}

/** Makes the sparse image. One that an interrupted create left, whole and without data, is taken as it is. */
function makeImage(controller: Controller, record: VolumeRecord, made: string[]): void {
  const { files, place } = controller;
  const path = imagePathOf(place.path, record);
  const present = files.status(path);
  if (present) {
    const isLeftOver = present.kind === 'file' && present.allocatedBytes === 0 && !record.imagePath.startsWith('/');
    if (!isLeftOver)
      throw failure(
        'already-exists',
        `There is a file ${path} already, which is no volume of storage system ${place.name}.`,
        'Move it away; copyset overwrites no foreign file.',
      );
    files.remove(path);
  }
  const image = files.open(path, 'create');
  made.push(path);
  try {
    image.truncate(record.sizeBytes);
  } finally {
    image.close();
  }
}

async function flushFolders(controller: Controller, records: readonly VolumeRecord[]): Promise<void> {
  const { files, place } = controller;
  for (const record of records) {
    const image = files.open(imagePathOf(place.path, record), 'write');
    try {
      await image.flush();
    } finally {
      image.close();
    }
  }
  const folders = new Set(records.map((record) => imagePathOf(place.path, record).replace(/\/[^/]*$/, '')));
  for (const folder of [...folders, `${place.path}/${MAPS_FOLDER}`, `${place.path}/${CODES_FOLDER}`])
    await files.flushFolder(folder);
}
