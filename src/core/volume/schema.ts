import * as v from 'valibot';
import { NAME_LENGTH_MAX, VOLUMES_MAX } from '../foundation/foundation.js';
import { isName } from './names.js';
import type { VolumeRecord } from './record.js';
import { isTrackSize, isVolumeSize } from './sizes.js';

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sentence = v.pipe(v.string(), v.maxLength(4096));
const printable = /^[\x20-\x7e]+$/;

/** A label: printable ASCII, at most 64 characters. */
export function isEmulation(text: string): boolean {
  return text.length <= NAME_LENGTH_MAX && printable.test(text);
}

/** Relative paths stay below the system's folder; absolute ones are a pool's. */
export function isImagePath(path: string): boolean {
  if (path === '' || path.length > 4096 || path.includes('\0')) return false;
  return path.startsWith('/') || !path.split('/').includes('..');
}

/** One row of the volume table (docs/formats/tables.md). Unknown keys and numbers that count nothing are refused. */
export const volumeRecordSchema: v.GenericSchema<unknown, VolumeRecord> = v.strictObject({
  number: v.pipe(counter, v.maxValue(VOLUMES_MAX - 1)),
  name: v.pipe(
    v.string(),
    v.check((name) => isName(name, 'volume'), 'not the name of a volume'),
  ),
  sizeBytes: v.pipe(v.number(), v.check(isVolumeSize, 'not the size of a volume')),
  trackSizeBytes: v.pipe(v.number(), v.check(isTrackSize, 'not a track size')),
  emulation: v.pipe(v.string(), v.check(isEmulation, 'not an emulation label')),
  reserved: v.boolean(),
  imagePath: v.pipe(v.string(), v.check(isImagePath, 'not the path of an image')),
  status: v.picklist(['normal', 'blocked', 'format', 'correct'] as const),
  blockedReason: v.nullable(sentence),
  incomplete: v.nullable(v.strictObject({ missingTracks: counter, reason: sentence })),
  createdAtMs: counter,
});
