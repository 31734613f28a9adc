import type { PairNumber, VolumeNumber } from '../foundation/foundation.js';
import type { PairRecord } from '../pair/pair.js';
import type { MapKey } from './changes.js';

/** Where a system's files lie, relative to its folder. `docs/formats/system-folder.md`. */
export const SYSTEM_DOCUMENT = 'system.json';
export const FAULT_TABLE = 'faults.json';
export const IMAGES_FOLDER = 'images';
export const MAPS_FOLDER = 'maps';
export const CODES_FOLDER = 'codes';
export const LOG_FOLDER = 'log';
export const SAVE_FOLDER = 'save';
export const JOURNALS_FOLDER = 'journals';
export const HISTORY_FILE = 'history.ndjson';
export const CONTROL_SOCKET = 'control.sock';

/** Each table is kept twice, in turns with the log's two files: the one that belongs to the log's present sequence counts. */
export function volumeTablePath(logSequence: number): string {
  return `volumes.${turn(logSequence)}.json`;
}

export function pairTablePath(logSequence: number): string {
  return `pairs.${turn(logSequence)}.json`;
}

function turn(logSequence: number): 'a' | 'b' {
  return logSequence % 2 === 1 ? 'a' : 'b';
}

const FILE_WORDS: Readonly<Record<string, string>> = {
  allocated: 'allocated',
  codeless: 'codeless',
  outOfSync: 'out-of-sync',
  changed: 'changed',
  secondary: 'secondary',
  saved: 'saved',
};

/** `maps/volume-26-allocated.map`, `maps/pair-3-out-of-sync.map`. */
export function mapFilePath(key: MapKey): string {
  const [owner = '', map = ''] = key.split(':');
  const kind = owner.startsWith('v') ? 'volume' : 'pair';
  return `${MAPS_FOLDER}/${kind}-${owner.slice(1)}-${FILE_WORDS[map]}.map`;
}

export function codeFilePath(volume: VolumeNumber): string {
  return `${CODES_FOLDER}/volume-${volume}.codes`;
}

/** The files that go with a volume, except its image. */
export function volumeFiles(volume: VolumeNumber): string[] {
  return [mapFilePath(`v${volume}:allocated`), mapFilePath(`v${volume}:codeless`), codeFilePath(volume)];
}

/** The save area of a remote pair: old tracks at the places that they have in the volume. */
export function saveFilePath(pair: PairNumber): string {
  return `${SAVE_FOLDER}/pair-${pair}.img`;
}

export function pairFiles({ number, remote }: PairRecord): string[] {
  const files = [
    mapFilePath(`p${number}:outOfSync`),
    mapFilePath(`p${number}:changed`),
    mapFilePath(`p${number}:secondary`),
  ];
  return remote ? [...files, mapFilePath(`p${number}:saved`), saveFilePath(number)] : files;
}
