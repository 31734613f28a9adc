import * as v from 'valibot';
import { VOLUMES_MAX } from '../foundation/foundation.js';
import { PACES } from './pace.js';
import type { ActiveState, Frozen, PairRecord, PairState } from './record.js';

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const volumeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(VOLUMES_MAX - 1));

const frozenSchema: v.GenericSchema<unknown, Frozen> = v.strictObject({
  pointInTimeMs: counter,
  virtual: v.boolean(),
  readOnly: v.boolean(),
  pointInTimeLost: v.boolean(),
});

const activeOptions = [
  v.strictObject({ status: v.literal('pending') }),
  v.strictObject({ status: v.literal('duplex') }),
  v.strictObject({ status: v.literal('sp-pending'), frozen: frozenSchema }),
  v.strictObject({ status: v.literal('split'), frozen: frozenSchema }),
  v.strictObject({ status: v.literal('resync') }),
  v.strictObject({ status: v.literal('resync-reverse'), backup: v.nullable(frozenSchema) }),
] as const;

const activeStateSchema: v.GenericSchema<unknown, ActiveState> = v.variant('status', activeOptions);

export const pairStateSchema: v.GenericSchema<unknown, PairState> = v.variant('status', [
  ...activeOptions,
  v.strictObject({
    status: v.literal('suspended'),
    from: activeStateSchema,
    reason: v.picklist([
      'command',
      'io-error',
      'no-space',
      'check-code',
      'volume-blocked',
      'link-lost',
      'save-failed',
    ] as const),
    message: v.pipe(v.string(), v.maxLength(4096)),
    allowWrite: v.boolean(),
  }),
]);

/** One row of the pair table (docs/formats/tables.md). Unknown keys and numbers that count nothing are refused. */
export const pairRecordSchema: v.GenericSchema<unknown, PairRecord> = v.pipe(
  v.strictObject({
    number: counter,
    primary: volumeNumber,
    secondary: volumeNumber,
    mode: v.picklist(['local', 'sync', 'async', 'journal'] as const),
    state: pairStateSchema,
    pace: v.picklist(PACES),
    rateBytesPerSecond: v.nullable(v.pipe(counter, v.minValue(1))),
    copyPointer: counter,
    generation: counter,
    createdAtMs: counter,
    splitAtMs: v.nullable(counter),
  }),
  v.check((record) => record.primary !== record.secondary, 'a volume is not paired with itself'),
);
