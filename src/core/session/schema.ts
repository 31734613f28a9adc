import * as v from 'valibot';
import { systemRefSchema } from '../group/group.js';
import type { Anchor, Checkpoint } from '../sequence/sequence.js';
import { NAME_PATTERN } from '../volume/volume.js';
import type {
  ActiveRow,
  ConfigRow,
  PrimaryTable,
  ReceiveRow,
  SecondaryTable,
  SessionPolicy,
  SessionSheet,
  SessionVerdict,
  TransmitRow,
} from './record.js';

/** Each round asks every system of the table; beyond this it would not fit its interval. */
export const SESSION_STREAMS_MAX = 1_024;

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(counter, v.minValue(1));
const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const digits = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d{0,30})$/));
const several = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(SESSION_STREAMS_MAX));

export const checkpointSchema: v.GenericSchema<unknown, Checkpoint> = v.strictObject({
  number: positive,
  time: digits,
  issuer: id,
});

const anchor: v.GenericSchema<unknown, Anchor> = v.strictObject({
  boot: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  offsetNs: v.pipe(v.string(), v.regex(/^(?:0|-?[1-9]\d{0,30})$/)),
  agreedAtMs: counter,
});

const policy: v.GenericSchema<unknown, SessionPolicy> = v.strictObject({
  intervalMs: counter,
  resignAfterMs: v.nullable(positive),
  enableAtSecondary: v.boolean(),
});

const configRow: v.GenericSchema<unknown, ConfigRow> = v.strictObject({
  system: systemRefSchema,
  coupled: several(systemRefSchema),
  resignedAt: v.nullable(counter),
});

const transmitRow: v.GenericSchema<unknown, TransmitRow> = v.strictObject({
  secondary: systemRefSchema,
  sentUpTo: counter,
  appliedTime: v.nullable(digits),
  generation: v.optional(counter, 0),
});

const primaryTable: v.GenericSchema<unknown, PrimaryTable> = v.pipe(
  v.strictObject({
    state: v.picklist(['stopped', 'running'] as const),
    configTerm: counter,
    config: several(configRow),
    anchor: v.nullable(anchor),
    issued: v.nullable(checkpointSchema),
    seen: counter,
    streams: several(transmitRow),
  }),
  v.check(({ issued, seen }) => issued === null || issued.number <= seen, 'what was issued here was seen here'),
);

const activeRow: v.GenericSchema<unknown, ActiveRow> = v.strictObject({
  secondary: systemRefSchema,
  primary: systemRefSchema,
  enteredAt: v.nullable(positive),
  resigned: v.nullable(counter),
});

const receiveRow: v.GenericSchema<unknown, ReceiveRow> = v.strictObject({
  primary: systemRefSchema,
  voidBefore: v.record(id, positive),
  appliedSequence: counter,
  shownSequence: v.exactOptional(positive),
  heldFrom: counter,
  generation: v.optional(counter, 0),
  remadeIn: v.optional(v.nullable(counter), null),
});

const sessionVerdict: v.GenericSchema<unknown, SessionVerdict> = v.strictObject({
  term: counter,
  checkpoint: checkpointSchema,
  done: v.boolean(),
});

const secondaryTable: v.GenericSchema<unknown, SecondaryTable> = v.strictObject({
  enabled: v.boolean(),
  tableTerm: counter,
  table: several(activeRow),
  streams: several(receiveRow),
  releasing: v.nullable(checkpointSchema),
  applied: v.nullable(checkpointSchema),
  resetTo: counter,
  fenced: v.optional(v.boolean()),
  homeTerm: v.optional(counter),
  untold: v.optional(several(systemRefSchema)),
  recovered: v.nullable(sessionVerdict),
});

export const sessionSheetSchema: v.GenericSchema<unknown, SessionSheet> = v.strictObject({
  version: v.literal(1),
  id,
  name: v.pipe(v.string(), v.regex(NAME_PATTERN)),
  term: counter,
  run: counter,
  home: systemRefSchema,
  order: v.picklist(['clock', 'arrival'] as const),
  policy,
  primary: v.nullable(primaryTable),
  secondary: v.nullable(secondaryTable),
});
