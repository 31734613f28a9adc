import type { PairCreateRow, PairPlanRow } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import type { Pace, PairMode } from '../core/pair/pair.js';
import { isGlob, parseAddress, parseAddressPattern, quoted } from '../core/volume/volume.js';
import { systemCopied } from './copies.js';
import type { Toolkit } from './open-toolkit.js';
import type { ActionPart } from './pair-command.js';
import { backupBeside, demandJournalWords, sessionHome } from './pair-journal.js';
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
  readonly manual: boolean;
  readonly session?: string | undefined;
  readonly backup?: string | undefined;
}

type CreatePart = ActionPart<'pair.create'>;

/** A mode and flags that the places of the two volumes allow. */
function modeOf(row: PlannedPair, flags: CreateFlags, isRemote: boolean): PairMode {
  const mode = row.mode ?? flags.mode ?? (isRemote ? 'async' : 'local');
  if (isRemote !== (mode !== 'local')) {
    const message = isRemote
      ? `${quoted(row.primary)} and ${quoted(row.secondary)} are in different systems; mode local is for pairs inside one.`
      : `Mode ${mode} is for pairs between two storage systems; both volumes of these lie in one.`;
    throw failure(
      'mode-not-here',
      message,
      isRemote ? 'Say --mode async, --mode sync or --mode journal.' : 'Leave --mode out, or say --mode local.',
    );
  }
  const strange = isRemote
    ? (['virtual', 'verify'] as const).find((name) => flags[name])
    : (['manual', 'session'] as const).find((name) => flags[name]);
  demandJournalWords(mode, flags);
  if (strange === undefined) return mode;
  const where = isRemote ? 'inside one storage system' : 'between two storage systems';
  throw failure('mode-not-here', `--${strange} is for pairs ${where}.`, 'Leave it out.');
}

/** One request for each system, from the words or from a plan file. Flags hold where a row of the file says nothing. */
export async function createParts(
  toolkit: Toolkit,
  words: { primary?: string | undefined; secondary?: string | undefined },
  flags: CreateFlags,
): Promise<readonly CreatePart[]> {
  const rows = await plannedPairs(words, flags);
  const found = new Map<
    string,
    { place: CreatePart['place']; mode: PairMode; pairs: PairCreateRow[]; globs: number }
  >();
  for (const row of rows) {
    const peer = row.secondary === 'auto' ? undefined : await toolkit.find(parseAddress(row.secondary).system);
    for (const place of await toolkit.match(parseAddressPattern(row.primary).system)) {
      const isRemote = isOther(place, peer);
      const mode = modeOf(row, flags, isRemote);
      const key = `${place.path}\n${mode}`;
      const entry = found.get(key) ?? { place, mode, pairs: [], globs: 0 };
      const { id } = peer?.info ?? { id: '' };
      const secondarySystem = isRemote ? { id, name: peer.name, path: peer.path } : undefined;
      const backup =
        mode === 'journal' && flags.backup !== undefined
          ? await backupBeside(toolkit, row.secondary, flags.backup)
          : undefined;
      entry.pairs.push({ ...createRow(row, flags), secondarySystem, backup });
      entry.globs += isGlob(parseAddressPattern(row.primary).system) ? 1 : 0;
      found.set(key, entry);
    }
  }
  const { overwrite, verify, manual, session } = flags;
  const common = { overwrite, noCopy: flags['no-copy'], verify, manual, session };
  const entries = [...found.values()].sort((a, b) => (a.place.info.id < b.place.info.id ? -1 : 1));
  const journals = entries.some(({ mode }) => mode === 'journal') && session !== undefined;
  const home = journals ? await sessionHome(toolkit, session) : undefined;
  return entries.map(({ place, mode, pairs, globs }) => ({
    place,
    input: { ...common, mode, pairs, ...(mode === 'journal' ? { sessionHome: home } : {}) },
    mayBeEmpty: globs > 0,
  }));
}

/** Whether the secondary lies in another system. Throws `system-copied` for a copy of the primary's. */
function isOther(place: CreatePart['place'], peer: CreatePart['place'] | undefined): peer is CreatePart['place'] {
  if (!peer || peer.path === place.path) return false;
  if (peer.info.id === place.info.id) throw systemCopied([place, peer]);
  return true;
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
export async function savePlan(
  toolkit: Toolkit,
  path: string,
  plan: readonly PairPlanRow[],
  flags: CreateFlags,
): Promise<Outcome> {
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
  await writePlanFile(toolkit, path, pairs);
  return planOutcome(plan, { file: path });
}
