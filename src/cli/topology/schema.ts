import * as v from 'valibot';
import { PACES } from '../../core/pair/pair.js';

/**
 * The shape of a topology file. `docs/reference/topology.schema.json` is made from it (scripts/json-schema.ts), for editors and for
 * other tools; what a shape cannot say is checked in check.ts.
 */

const text = v.pipe(v.string(), v.minLength(1));
const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'it is no name: letters, digits, ".", "_" and "-", at most 64'),
);
const address = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'it is no SYSTEM:VOLUME with two names'),
);
const size = v.union([
  v.pipe(v.string(), v.regex(/^\d{1,16}([kKmMgGtT]?[iI]?[bB])?$/, 'it is no size: 512, 64KiB, 1GiB or 1GB')),
  v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
]);
const duration = v.union([
  v.pipe(v.string(), v.regex(/^(0|\d{1,12}(ms|s|m|h|d))$/, 'it is no duration: 500ms, 30s, 5m or 2h')),
  v.literal(0),
]);
const number = v.pipe(v.string(), v.regex(/^[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}$/, 'it is no number: "00:1A", in quotes'));

const volume = v.strictObject({
  size: v.optional(v.pipe(size, v.description('Needed unless image gives it.'))),
  number: v.optional(v.pipe(number, v.description('CU:LDEV; the next free one unless given.'))),
  trackSize: v.optional(v.pipe(size, v.description('Else the one of the system.'))),
  emulation: v.optional(
    v.pipe(text, v.description('A label; both volumes of a pair carry the same. OPEN-V unless set.')),
  ),
  reserve: v.optional(
    v.pipe(v.boolean(), v.description('Kept as a copy target. Not looked at while the volume is a secondary.')),
  ),
  pool: v.optional(v.pipe(text, v.description('Folder for the image, seen from the topology file.'))),
  image: v.optional(
    v.pipe(text, v.description('Image file that fills a volume which holds no data, seen from the topology file.')),
  ),
});

const port = v.strictObject({
  listen: v.pipe(text, v.description('unix:PATH, below the folder of the system unless absolute, or tcp://ADDR:PORT.')),
  tlsDir: v.optional(
    v.pipe(text, v.description('Folder with server-cert.pem and server-key.pem, seen from the topology file.')),
  ),
  insecure: v.optional(v.pipe(v.boolean(), v.description('Plain TCP to other hosts is meant.'))),
  luns: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.regex(/^(0|[1-9]\d{0,4})$/, 'it is no LUN')), name),
      v.description('Volumes of the system by their numbers on the port.'),
    ),
  ),
});

const system = v.strictObject({
  site: v.optional(text),
  trackSize: v.optional(size),
  journalLimit: v.optional(size),
  saveLimit: v.optional(size),
  durability: v.optional(v.picklist(['power', 'none'] as const)),
  linkLimit: v.optional(duration),
  sharedMount: v.optional(v.boolean()),
  fixture: v.optional(
    v.pipe(v.boolean(), v.description('Faults may be injected; COPYSET_SEED and COPYSET_NOW fix ids and times.')),
  ),
  volumes: v.optional(v.record(name, volume)),
  ports: v.optional(v.record(name, port)),
});

const pair = v.strictObject({
  primary: address,
  secondary: address,
  mode: v.optional(
    v.pipe(
      v.picklist(['local', 'sync', 'async', 'journal'] as const),
      v.description('local inside a system, async between two, unless set.'),
    ),
  ),
  status: v.optional(
    v.pipe(
      v.picklist(['duplex', 'split', 'suspended'] as const),
      v.description('The status that the pair is brought to and waited for; without it the pair is only made.'),
    ),
  ),
  virtual: v.optional(
    v.pipe(v.boolean(), v.description('With status split: only tracks about to be overwritten are copied.')),
  ),
  pace: v.optional(v.picklist(PACES)),
  rate: v.optional(v.pipe(size, v.description('Bytes per second at most; 0 for no cap.'))),
  manual: v.optional(v.pipe(v.boolean(), v.description('Between systems: no return by itself after a lost link.'))),
  session: v.optional(name),
  backup: v.optional(v.pipe(address, v.description("A journal pair's."))),
});

const member = v.strictObject({
  primary: address,
  secondary: address,
  backup: v.pipe(
    v.union([v.literal('auto'), address]),
    v.description('A volume beside the secondary; auto takes a reserved one that fits.'),
  ),
});

const group = v.strictObject({
  name,
  master: v.pipe(name, v.description('The system that forms the group.')),
  interval: v.optional(duration),
  coordinationLimit: v.optional(duration),
  drainLimit: v.optional(duration),
  holdLimit: v.optional(duration),
  rate: v.optional(v.pipe(size, v.description('Bytes per second of all systems of the group together; 0 for no cap.'))),
  window: v.optional(
    v.pipe(
      text,
      v.description('run=DUR,pause=DUR or from=TIME,to=TIME, with ,stop=sending|writes; none for no window.'),
    ),
  ),
  members: v.optional(v.array(member)),
  started: v.optional(
    v.pipe(v.boolean(), v.description('Brought to this once its members are there: formed at its interval, or not.')),
  ),
});

const session = v.strictObject({
  name,
  at: v.optional(
    v.pipe(
      name,
      v.description('The system that holds its configuration table; that of its first primary unless given.'),
    ),
  ),
  order: v.optional(v.picklist(['clock', 'arrival'] as const)),
  interval: v.optional(duration),
  resignAfter: v.optional(v.pipe(duration, v.description('0 is never.'))),
  enableAtSecondary: v.optional(v.boolean()),
  started: v.optional(v.pipe(v.boolean(), v.description('Brought to this once its pairs are there.'))),
});

export const topologySchema = v.strictObject({
  systems: v.optional(
    v.pipe(v.record(name, system), v.description('Storage systems by name; each is a folder below the root.')),
  ),
  pairs: v.optional(v.array(pair)),
  groups: v.optional(v.array(group)),
  sessions: v.optional(v.array(session)),
});

export type TopologyDocument = v.InferOutput<typeof topologySchema>;
export type SystemDocument = v.InferOutput<typeof system>;
export type VolumeDocument = v.InferOutput<typeof volume>;
export type PortDocument = v.InferOutput<typeof port>;
export type PairDocument = v.InferOutput<typeof pair>;
export type GroupDocument = v.InferOutput<typeof group>;
export type MemberDocument = v.InferOutput<typeof member>;
export type SessionDocument = v.InferOutput<typeof session>;
