import * as v from 'valibot';
import { TRACK_SIZE_MAX_BYTES, TRACK_SIZE_MIN_BYTES } from '../foundation/foundation.js';
import { type PairRecord, pairRecordSchema } from '../pair/pair.js';
import type { DocumentFormat } from '../storage/storage.js';
import { type VolumeRecord, volumeRecordSchema } from '../volume/volume.js';

const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What `system create` fixed for a system. `docs/formats/tables.md`. */
export interface SystemInfo {
  readonly id: string;
  readonly name: string;
  readonly site: string | null;
  readonly trackSizeBytes: number;
  readonly journalLimitBytes: number;
  readonly saveLimitBytes: number;
  readonly linkLimitMs: number;
  /** `none` drops every flush: kill -9 stays safe, power loss does not. */
  readonly durability: 'power' | 'none';
  /** Faults may be injected. */
  readonly fixture: boolean;
  /** Lies on a file system that several hosts see; one of them owns it at a time. */
  readonly sharedMount: boolean;
  readonly createdAtMs: number;
}

export const systemFormat: DocumentFormat<SystemInfo> = {
  format: 'copyset-system',
  version: 1,
  schema: v.strictObject({
    id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    name: v.pipe(v.string(), v.maxLength(64)),
    site: v.nullable(v.pipe(v.string(), v.maxLength(256))),
    trackSizeBytes: v.pipe(natural, v.minValue(TRACK_SIZE_MIN_BYTES), v.maxValue(TRACK_SIZE_MAX_BYTES)),
    journalLimitBytes: natural,
    saveLimitBytes: natural,
    linkLimitMs: natural,
    durability: v.picklist(['power', 'none']),
    fixture: v.boolean(),
    sharedMount: v.boolean(),
    createdAtMs: natural,
  }),
};

/** Where hosts reach volumes: a listener of the system, and which volume is which number on it. */
export interface PortRecord {
  readonly name: string;
  /** `unix:PATH`, a relative one below the system's folder, or `tcp://ADDRESS:PORT`. */
  readonly listen: string;
  /** Folder with `server-cert.pem`, `server-key.pem` and, to ask clients for certificates, `ca-cert.pem`. */
  readonly tlsDir: string | null;
  /** Plain TCP beyond this host was asked for in so many words. */
  readonly insecure: boolean;
  readonly luns: readonly { readonly lun: number; readonly volume: number }[];
}

const portRecordSchema = v.strictObject({
  name: v.pipe(v.string(), v.maxLength(64)),
  listen: v.pipe(v.string(), v.maxLength(4096)),
  tlsDir: v.nullable(v.pipe(v.string(), v.maxLength(4096))),
  insecure: v.boolean(),
  luns: v.array(v.strictObject({ lun: natural, volume: natural })),
});

/** The volume table as of one change, with what else the log would have to tell if it started anew there. */
export interface VolumeTable {
  readonly change: number;
  readonly epoch: number;
  readonly volumes: readonly VolumeRecord[];
  readonly ports: readonly PortRecord[];
  /** What rooms above keep, each checked by its own room. Absent in version 1. */
  readonly sheets?: readonly { readonly name: string; readonly sheet: unknown }[] | undefined;
  readonly active: readonly { readonly volume: number; readonly regions: readonly number[] }[];
  readonly answers: readonly { readonly id: string; readonly answer: unknown }[];
  /** Files of dropped volumes and pairs that are still to be removed, relative to the system or absolute. */
  readonly leftovers: readonly string[];
  /** How many tracks each map that is not empty has, so that a listing need not open it. */
  readonly counts: readonly { readonly map: string; readonly count: number }[];
  /** Pair numbers are never used twice. */
  readonly pairNumberNext: number;
}

export const volumeTableFormat: DocumentFormat<VolumeTable> = {
  format: 'copyset-volumes',
  version: 2,
  oldest: 1,
  schema: v.strictObject({
    change: natural,
    epoch: natural,
    volumes: v.array(volumeRecordSchema),
    ports: v.array(portRecordSchema),
    sheets: v.optional(v.array(v.strictObject({ name: v.pipe(v.string(), v.maxLength(128)), sheet: v.unknown() }))),
    active: v.array(v.strictObject({ volume: natural, regions: v.array(natural) })),
    answers: v.array(v.strictObject({ id: v.pipe(v.string(), v.maxLength(64)), answer: v.unknown() })),
    leftovers: v.array(v.pipe(v.string(), v.maxLength(4096))),
    counts: v.array(v.strictObject({ map: v.pipe(v.string(), v.maxLength(64)), count: natural })),
    pairNumberNext: natural,
  }),
};

export interface PairTable {
  readonly change: number;
  readonly pairs: readonly PairRecord[];
}

export const pairTableFormat: DocumentFormat<PairTable> = {
  format: 'copyset-pairs',
  version: 3,
  oldest: 1,
  schema: v.strictObject({ change: natural, pairs: v.array(pairRecordSchema) }),
};
