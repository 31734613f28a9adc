import { failure, MIB, tuning } from '../../foundation/foundation.js';
import { flushAsHost, holdsTrack, type LiveVolume } from '../../hostio/hostio.js';
import { FileError, type OpenFile } from '../../ports/ports.js';
import { toToolkitError } from '../../storage/storage.js';
import { isZero, type VolumeRecord } from '../../volume/volume.js';
import { recorded } from '../control/recorded.js';
import type { Answered, RequestExtras, Requests } from '../control/requests.js';
import { imagePathOf } from '../image-faults.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { demandOutsideSystems } from '../outside-systems.js';
import { createVolumes } from './creation.js';
import { findVolume, type Looking } from './finding.js';
import { breathe, demandGoing } from './long-work.js';
import { endIncomplete } from './whole.js';

/** Zeros are looked for in pieces of this size, so that holes survive whatever the track size. */
const GRAIN_BYTES = 64 * 1024;
/** Other requests are let in after this much copying. */
const YIELD_BYTES = 4 * MIB;

/** Writes a file into a volume through the write path. Bytes behind the file's end become zeros; holes stay holes. */
export async function importVolume(
  controller: Controller,
  input: Requests['volume.import']['input'],
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.import'>> {
  const source = openForeign(controller, input.file);
  try {
    const sizeBytes = source.sizeBytes();
    const known = [...controller.catalog.volumes.values()].some((record) => record.name === input.volume);
    if (input.create && !known) {
      const wishes = { name: input.volume, sizeBytes };
      await createVolumes(controller, wishes, {}, { ...context, id: `${context.id}.create` });
    }
    const record = findVolume(controller, input.volume);
    demandRoom(controller, record, sizeBytes, input.file);
    await controller.halves.greet(record.number);
    controller.fabric.demandHost(record.number, 'write');
    const volume = controller.fabric.volume(record.number);
    if (!input.overwrite && !volume.allocated.map.isEmpty) {
      throw failure(
        'holds-data',
        `${controller.address(record.number)} holds data that the import would overwrite.`,
        'Give --overwrite to lose it.',
      );
    }
    const subject = { operation: 'volume import', primary: controller.address(record.number) };
    return await recorded(controller, context, [subject], async () => {
      await pourIn(controller, volume, source, sizeBytes, extras);
      await flushAsHost(controller.fabric, record.number);
      await endIncomplete(controller, record);
      const { allocatedTracks } = controller.listing.volume(record);
      return {
        output: {
          volume: controller.listing.volume(findVolume(controller, input.volume)),
          bytes: sizeBytes,
          allocatedTracks,
        },
      };
    });
  } finally {
    source.close();
  }
}

/** Writes what a volume holds logically into a file, with holes where it is zero. The file appears whole or not at all. */
export async function exportVolume(
  controller: Controller,
  input: Requests['volume.export']['input'],
  extras: RequestExtras,
  context: RequestContext,
): Promise<Answered<'volume.export'>> {
  await controller.halves.greet(findVolume(controller, input.volume).number);
  const record = demandExport(controller, input);
  const subject = { operation: 'volume export', primary: controller.address(record.number) };
  return recorded(controller, context, [subject], () => writeOut(controller, record, input, extras));
}

/** The volume, where it may be read and the file may be made. */
export function demandExport(looking: Looking, input: Requests['volume.export']['input']): VolumeRecord {
  const record = findVolume(looking, input.volume);
  looking.fabric.demandHost(record.number, 'read');
  const { files } = looking;
  const present = files.status(input.file);
  if (present && present.kind !== 'file')
    throw failure(
      'not-regular',
      `${input.file} is no plain file.`,
      'Name a file to be made or replaced, or a link to one; into a device or a pipe goes: copyset volume read VOLUME > FILE.',
    );
  const images = [...looking.catalog.volumes.values()].map((volume) => imagePathOf(looking.place.path, volume));
  demandOutsideSystems(files, input.file, images);
  if (!files.status(folderOf(input.file)))
    throw failure(
      'file-not-found',
      `There is no folder ${folderOf(input.file)} to write ${input.file} in.`,
      'Make it first.',
    );
  return record;
}

export async function writeOut(
  looking: Looking,
  record: VolumeRecord,
  input: Requests['volume.export']['input'],
  extras: RequestExtras,
): Promise<Answered<'volume.export'>> {
  const { files, ports, fabric } = looking;
  const beside = `${input.file}.${ports.random.id().slice(0, 8)}.part`;
  try {
    const target = files.open(beside, 'create');
    try {
      target.truncate(record.sizeBytes);
      const writtenBytes = await pourOut(looking, fabric.volume(record.number), target, extras);
      await target.flush();
      files.rename(beside, input.file);
      await files.flushFolder(folderOf(input.file));
      return { output: { bytes: record.sizeBytes, writtenBytes } };
    } finally {
      target.close();
    }
  } catch (error) {
    files.remove(beside);
    throw toToolkitError(error, `the file ${input.file}`);
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Opens a file outside the system. Throws `file-not-found`, `not-regular`, `io-error`. */
function openForeign(controller: Controller, path: string): OpenFile {
  try {
    return controller.ports.files.open(path, 'read');
  } catch (error) {
    if (error instanceof FileError && error.fault === 'not-regular')
      throw failure(
        'not-regular',
        `${path} is no plain file.`,
        'Name a plain file, or a link to one; a pipe or a device is read by: copyset volume write VOLUME FILE.',
        { cause: error },
      );
    throw toToolkitError(error, `the file ${path}`);
  }
}

function demandRoom(controller: Controller, record: VolumeRecord, sizeBytes: number, file: string): void {
  if (sizeBytes <= record.sizeBytes) return;
  throw failure(
    'input-too-long',
    `${file} has ${sizeBytes} bytes, ${controller.address(record.number)} holds ${record.sizeBytes}.`,
    'Make a larger volume, or import it with --create. Nothing was written.',
  );
}

async function pourIn(
  controller: Controller,
  volume: LiveVolume,
  source: OpenFile,
  fileBytes: number,
  extras: RequestExtras,
): Promise<void> {
  const { sizeBytes } = volume.geometry;
  const buffer = new Uint8Array(tuning.chunkBytes);
  for (let at = 0; at < sizeBytes; at += tuning.chunkBytes) {
    demandGoing(extras);
    const chunk = buffer.subarray(0, Math.min(tuning.chunkBytes, sizeBytes - at));
    const found = at < fileBytes ? readForeign(source, chunk, at) : 0;
    chunk.fill(0, found);
    await writeGrains(controller, volume, chunk, at);
    if ((at + tuning.chunkBytes) % YIELD_BYTES === 0) await breathe(controller, extras, 'import', at, sizeBytes);
  }
}

function readForeign(source: OpenFile, chunk: Uint8Array, at: number): number {
  try {
    return source.read(chunk, at);
  } catch (error) {
    throw toToolkitError(error, `the file ${source.path}`);
  }
}

/** Writes the parts of a chunk that are not zero, or that were written before and must become zero. */
async function writeGrains(controller: Controller, volume: LiveVolume, chunk: Uint8Array, at: number): Promise<void> {
  const tracks = volume.geometry.tracksOf(at, chunk.length);
  const virgin =
    !volume.allocated.map.any(tracks.first, tracks.count) && holdsAll(controller, volume, tracks.first, tracks.count);
  if (virgin && isZero(chunk)) return;
  const wanted = (from: number) => !(virgin && isZero(chunk.subarray(from, from + GRAIN_BYTES)));
  for (let from = 0; from < chunk.length; ) {
    if (!wanted(from)) {
      from += GRAIN_BYTES;
      continue;
    }
    let until = from + GRAIN_BYTES;
    while (until < chunk.length && wanted(until)) until += GRAIN_BYTES;
    const part = chunk.subarray(from, Math.min(until, chunk.length));
    await controller.fabric.warm(volume, volume.geometry.tracksOf(at + from, volume.geometry.sizeBytes - at - from));
    await controller.fabric.writeAsHost(volume.number, part, at + from);
    from = until;
  }
}

async function pourOut(
  controller: Looking,
  volume: LiveVolume,
  target: OpenFile,
  extras: RequestExtras,
): Promise<number> {
  const { sizeBytes } = volume.geometry;
  const buffer = new Uint8Array(tuning.chunkBytes);
  let written = 0;
  for (let at = 0; at < sizeBytes; at += tuning.chunkBytes) {
    demandGoing(extras);
    const length = Math.min(tuning.chunkBytes, sizeBytes - at);
    const tracks = volume.geometry.tracksOf(at, length);
    if (
      volume.allocated.map.any(tracks.first, tracks.count) ||
      !holdsAll(controller, volume, tracks.first, tracks.count)
    ) {
      const chunk = buffer.subarray(0, length);
      controller.fabric.readAsHost(volume.number, chunk, at);
      written += writeSparse(target, chunk, at);
    }
    if ((at + tuning.chunkBytes) % YIELD_BYTES === 0) await breathe(controller, extras, 'export', at, sizeBytes);
  }
  return written;
}

function writeSparse(target: OpenFile, chunk: Uint8Array, at: number): number {
  let written = 0;
  for (let from = 0; from < chunk.length; from += GRAIN_BYTES) {
    const grain = chunk.subarray(from, from + GRAIN_BYTES);
    if (isZero(grain)) continue;
    target.write(grain, at + from);
    written += grain.length;
  }
  return written;
}

function holdsAll(controller: Looking, volume: LiveVolume, first: number, count: number): boolean {
  for (let track = first; track < first + count; track += 1)
    if (!holdsTrack(controller.fabric, volume, track)) return false;
  return true;
}
