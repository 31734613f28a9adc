import type { Files, Random } from '../ports/ports.js';
import { demandDocument, writeDocument } from '../storage/storage.js';
import { pairTablePath, volumeTablePath } from './system-files.js';
import { type PairTable, pairTableFormat, type VolumeTable, volumeTableFormat } from './tables.js';

/** Both tables as of one change: those that the log of one sequence goes on from. */
export interface Tables {
  readonly volumes: VolumeTable;
  readonly pairs: PairTable;
}

/** Those of a new system. */
export const NO_TABLES: Tables = {
  volumes: {
    change: 0,
    epoch: 0,
    volumes: [],
    ports: [],
    active: [],
    answers: [],
    leftovers: [],
    counts: [],
    pairNumberNext: 1,
  },
  pairs: { change: 0, pairs: [] },
};

/** Throws ToolkitError for tables that cannot be trusted. */
export function readTables(files: Files, folder: string, logSequence: number): Tables {
  return {
    volumes: demandDocument(files, `${folder}/${volumeTablePath(logSequence)}`, volumeTableFormat, 'the volume table'),
    pairs: demandDocument(files, `${folder}/${pairTablePath(logSequence)}`, pairTableFormat, 'the pair table'),
  };
}

/** Durable when it resolves. */
export async function writeTables(
  files: Files,
  random: Random,
  folder: string,
  logSequence: number,
  { volumes, pairs }: Tables,
): Promise<void> {
  await writeDocument(files, `${folder}/${volumeTablePath(logSequence)}`, volumeTableFormat, volumes, random);
  await writeDocument(files, `${folder}/${pairTablePath(logSequence)}`, pairTableFormat, pairs, random);
}
