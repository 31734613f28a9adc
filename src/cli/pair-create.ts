import type { PairCreateRow, PairPlanRow } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import type { Pace, PairMode } from '../core/pair/pair.js';
import { isGlob, parseAddress, parseAddressPattern, quoted } from '../core/volume/volume.js';
import { byId, type Toolkit } from './open-toolkit.js';
import type { ActionPart } from './pair-command.js';
import { demandOneSystem } from './pair-selection.js';
import type { PlannedPair } from './plan-file.js';
import { planOutcome } from './render/pair-action.js';
import type { Outcome } from './toolkit-command.js';

interface CreateFlags {
  readonly mode?: PairMode | undefined;
  readonly split: boolean;
  readonly virtual: boolean;
  readonly 'no-copy': boolean;
  readonly verify: boolean;
  readonly overwrite: boolean;
  readonly pace?: Pace | undefined;
  readonly rate?: number | undefined;
  readonly file?: string | undefined;
}

type CreatePart = ActionPart<'pair.create'>;

/** Modes and flags of pairs between systems. */
export function refuseRemote(flags: {
  mode?: string | undefined;
  session?: unknown;
  backup?: unknown;
  manual?: unknown;
}): void {
  const remote = ['session', 'backup', 'manual'].find((name) => (flags as Record<string, unknown>)[name]);
  if (remote !== undefined) throw notHere(`--${remote}`);
  if (flags.mode !== undefined && flags.mode !== 'local') throw notHere(`--mode ${flags.mode}`);
}

function notHere(what: string): Error {
  const hint =
    'In this release both volumes of a pair are in one system, in mode local; the remote modes are not in it.';
  return failure('mode-not-here', `${what} is for pairs between two systems.`, hint);
}

/** One request for each system, from the words or from a plan file. Flags hold where a row of the file says nothing. */
export async function createParts(
  toolkit: Toolkit,
  words: { primary?: string | undefined; secondary?: string | undefined },
  flags: CreateFlags,
): Promise<readonly CreatePart[]> {
  const rows = await plannedPairs(words, flags);
  const found = new Map<string, { place: CreatePart['place']; pairs: PairCreateRow[]; globs: number }>();
  for (const row of rows) {
    refuseRemote({ mode: row.mode });
    for (const place of await placesOf(toolkit, row)) {
      const entry = found.get(place.path) ?? { place, pairs: [], globs: 0 };
      entry.pairs.push(createRow(row, flags));
      entry.globs += isGlob(parseAddressPattern(row.primary).system) ? 1 : 0;
      found.set(place.path, entry);
    }
  }
  const { mode, overwrite, verify } = flags;
  const common = { mode: mode ?? 'local', overwrite, noCopy: flags['no-copy'], verify };
  return byId([...found.values()].map(({ place }) => place)).flatMap((place) => {
    const entry = found.get(place.path);
    return entry ? [{ place, input: { ...common, pairs: entry.pairs }, mayBeEmpty: entry.globs > 0 }] : [];
  });
}

async function plannedPairs(
  { primary, secondary }: { primary?: string | undefined; secondary?: string | undefined },
  flags: CreateFlags,
): Promise<readonly PlannedPair[]> {
  const hint = 'Name two volumes, copyset pair create PRIMARY SECONDARY, or a list with --file PLAN.yaml.';
  if (flags.file !== undefined) {
    if (primary !== undefined) throw failure('usage', 'Pairs are named in two ways.', hint);
    const { readPlanFile } = await import('./plan-file.js');
    return readPlanFile(flags.file);
  }
  if (primary === undefined || secondary === undefined) throw failure('usage', 'Two volumes make a pair.', hint);
  if (parseAddressPattern(primary).isGlob && secondary !== 'auto') {
    const words = `${quoted(primary)} may match several volumes, but there is one SECONDARY.`;
    throw failure('usage', words, 'With a glob, SECONDARY is auto: each match gets a reserved volume that fits.');
  }
  return [{ primary, secondary }];
}

async function placesOf(toolkit: Toolkit, { primary, secondary }: PlannedPair) {
  const places = await toolkit.match(parseAddressPattern(primary).system);
  if (secondary === 'auto') return places;
  const peer = await toolkit.find(parseAddress(secondary).system);
  for (const place of places) demandOneSystem(place, peer, primary, secondary);
  return places;
}

function createRow(row: PlannedPair, flags: CreateFlags): PairCreateRow {
  const virtual = row.virtual ?? flags.virtual;
  return {
    primary: parseAddressPattern(row.primary).volume,
    secondary: row.secondary === 'auto' ? 'auto' : parseAddress(row.secondary).volume,
    pace: row.pace ?? flags.pace,
    rateBytesPerSecond: row.rateBytesPerSecond ?? (flags.rate === 0 ? undefined : flags.rate),
    split: (row.split ?? flags.split) || virtual,
    virtual,
  };
}

/** `--plan-output`: the plan, with every glob and auto settled, as a file for `--file`. */
export async function savePlan(path: string, plan: readonly PairPlanRow[], flags: CreateFlags): Promise<Outcome> {
  const { writePlanFile } = await import('./plan-file.js');
  const { pace, rate, split, virtual } = flags;
  const pacing = { ...(pace === undefined ? {} : { pace }), ...(rate ? { rateBytesPerSecond: rate } : {}) };
  const pairs = plan.map(({ primary, secondary }) => ({
    primary,
    secondary,
    ...pacing,
    split: split || virtual,
    virtual,
  }));
  await writePlanFile(path, pairs);
  return planOutcome(plan, { file: path });
}
