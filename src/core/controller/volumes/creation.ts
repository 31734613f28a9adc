import { type Change, CODES_FOLDER, IMAGES_FOLDER, MAPS_FOLDER } from '../../catalog/catalog.js';
import { failure, VOLUMES_MAX, type VolumeNumber } from '../../foundation/foundation.js';
import { toToolkitError } from '../../storage/storage.js';
import {
  checkTrackSize,
  checkVolumeSize,
  formatNumber,
  nextFreeNumbers,
  parseName,
  parseNumber,
  type VolumeRecord,
} from '../../volume/volume.js';
import { answerChange, recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { imagePathOf } from '../image-faults.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { demandOutsideSystems } from '../outside-systems.js';

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
      let logged = false;
      try {
        for (const record of records) makeImage(controller, record, made);
        await flushFolders(controller, records);
        controller.step('volume.made');
        // The answer stands in the frame of its effect, so that a request sent again makes nothing twice (H28).
        const output = { volumes: records.map((record) => controller.listing.volume(record)) };
        await controller.catalog.change(() => [
          ...records.map((record): Change => ({ do: 'put-volume', record })),
          answerChange(context, output),
        ]);
        logged = true;
        await controller.catalog.durable();
        controller.step('volume.logged');
        return { output };
      } catch (error) {
        // A row that may be in the log keeps its image.
        if (!logged) for (const path of made) controller.files.remove(path);
        throw toToolkitError(error, `the image of volume ${controller.place.name}:${names[0]}`);
      }
    });
  });
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
  // A pool in a system's folder would go with that system.
  if (record.imagePath.startsWith('/')) demandOutsideSystems(files, path);
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
  const folder = path.slice(0, path.lastIndexOf('/')) || '/';
  if (files.status(folder)?.kind !== 'folder')
    throw failure('file-not-found', `There is no folder ${folder} for the image.`, 'Make it first.');
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
