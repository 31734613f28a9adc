import * as v from 'valibot';
import { VOLUMES_MAX } from '../foundation/foundation.js';
import { foreignVolume } from './halves.js';
import { PACES } from './pace.js';
import type { PreparedSplit } from './prepared.js';
import {
  type ActiveState,
  type Frozen,
  PAIR_STATUSES,
  type PairRecord,
  type PairState,
  type RemoteHalf,
} from './record.js';

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const volumeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(VOLUMES_MAX - 1));
const name = v.pipe(v.string(), v.maxLength(64));

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const systemSchema = v.strictObject({ id, name, path: v.pipe(v.string(), v.maxLength(4096)) });

const remoteSchema: v.GenericSchema<unknown, RemoteHalf> = v.strictObject({
  id,
  side: v.picklist(['primary', 'secondary'] as const),
  peer: v.strictObject({
    system: systemSchema,
    number: volumeNumber,
    name,
  }),
  term: counter,
  taken: v.nullable(v.strictObject({ term: counter, epoch: counter, session: counter })),
  manual: v.boolean(),
  session: v.nullable(name),
  group: v.nullable(name),
  toldAtMs: v.nullable(counter),
  toldMissingTracks: v.nullable(counter),
  takenOver: v.nullable(
    v.strictObject({
      atMs: counter,
      from: v.picklist(PAIR_STATUSES),
      knownAtMs: v.nullable(counter),
      missingTracks: counter,
    }),
  ),
  displaced: v.boolean(),
  journal: v.optional(
    v.strictObject({
      session: id,
      how: v.picklist(['tracking', 'journalled'] as const),
      entered: v.boolean(),
      withdrawn: v.boolean(),
      backup: v.nullable(volumeNumber),
    }),
  ),
});

const preparedSchema: v.GenericSchema<unknown, PreparedSplit> = v.strictObject({
  split: id,
  coordinator: systemSchema,
  from: v.nullable(v.picklist(['pending', 'duplex', 'resync'] as const)),
  wishes: v.strictObject({
    atMs: counter,
    virtual: v.boolean(),
    readOnly: v.nullable(v.boolean()),
    pace: v.nullable(v.picklist(PACES)),
    rateBytesPerSecond: v.nullable(counter),
  }),
});

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
      'journal-full',
      'takeover',
    ] as const),
    message: v.pipe(v.string(), v.maxLength(4096)),
    allowWrite: v.boolean(),
  }),
]);

/** One row of the pair table (docs/formats/tables.md). Unknown keys and numbers that count nothing are refused. */
export const pairRecordSchema: v.GenericSchema<unknown, PairRecord> = v.pipe(
  v.strictObject({
    number: counter,
    primary: counter,
    secondary: counter,
    mode: v.picklist(['local', 'sync', 'async', 'journal'] as const),
    remote: v.optional(remoteSchema),
    virtualCopyOf: v.optional(name),
    practiceOf: v.optional(name),
    prepared: v.optional(preparedSchema),
    state: pairStateSchema,
    pace: v.picklist(PACES),
    rateBytesPerSecond: v.nullable(v.pipe(counter, v.minValue(1))),
    copyPointer: counter,
    generation: counter,
    createdAtMs: counter,
    splitAtMs: v.nullable(counter),
    doubtful: v.optional(v.strictObject({ changed: counter, secondary: counter })),
  }),
  v.check((record) => record.primary !== record.secondary, 'a volume is not paired with itself'),
  v.check((record) => (record.mode === 'local') === (record.remote === undefined), 'a pair is local or has a peer'),
  v.check(
    ({ mode, remote }) => (mode === 'journal') === (remote?.journal !== undefined),
    'a journal pair belongs to a session, and no other pair does',
  ),
  v.check((record) => sidesFit(record), 'a volume here has a number of the table, one elsewhere that of its pair'),
);

function sidesFit({ number, primary, secondary, remote }: PairRecord): boolean {
  const fits = (volume: number, isHere: boolean) => (isHere ? volume < VOLUMES_MAX : volume === foreignVolume(number));
  return fits(primary, remote?.side !== 'secondary') && fits(secondary, remote?.side !== 'primary');
}
