import type { PairListing, SystemPlace, SystemReader, VolumeListing } from '../core/controller/controller.js';
import { failure, isToolkitError } from '../core/foundation/foundation.js';
import { formatAddress, isPath, matchesGlob, parseAddressPattern, quoted } from '../core/volume/volume.js';
import { EXIT_CODES } from './exit-codes.js';
import type { Toolkit } from './open-toolkit.js';
import { isMeant } from './pair-selectors.js';
import type { Outcome } from './toolkit-command.js';

/** What a listing asks for: `SYSTEM:VOLUME` with globs in either part, or a system alone. */
interface Pattern {
  readonly text: string;
  readonly system: string;
  readonly volume: string;
  /** No volume was named: a system may be empty. */
  readonly wholeSystem: boolean;
}

/** What was read of every system that the patterns mean, and what could not be read. */
export interface Read<Row> {
  readonly rows: readonly Row[];
  /** Sentences about systems that could not be read; the others are listed all the same. */
  readonly notes: readonly string[];
  readonly exitCode?: number;
}

/** Reads the systems that the patterns mean, all at once; without patterns, all systems below the roots. */
export async function readSystems<Row>(
  toolkit: Toolkit,
  patterns: readonly string[],
  look: (reader: SystemReader, place: SystemPlace) => Promise<readonly Row[]>,
): Promise<Read<Row>> {
  const wanted = patterns.map(parsePattern);
  const { places, troubles } = await placesOf(toolkit, wanted);
  const failures: Error[] = troubles.map(({ error }) => error);
  const found = await Promise.all(
    places.map((place) =>
      toolkit
        .read(place, (reader) => look(reader, place))
        .catch((error: Error): Row[] => {
          failures.push(error);
          return [];
        }),
    ),
  );
  if (failures[0] && failures.length === places.length + troubles.length) throw failures[0];
  return { rows: found.flat(), ...told(failures) };
}

/** Keeps the rows that a pattern means. A volume or a glob of volumes that means none is told: exit 4. */
export function keepMatching<Row>(
  rows: readonly Row[],
  patterns: readonly string[],
  means: (row: Row, pattern: Pattern) => boolean,
  thing: string,
): readonly Row[] {
  if (patterns.length === 0) return rows;
  const kept = new Set<Row>();
  for (const pattern of patterns.map(parsePattern)) {
    const matches = rows.filter((row) => means(row, pattern));
    if (matches.length === 0 && !pattern.wholeSystem)
      throw failure('nothing-matches', `No ${thing} matches ${quoted(pattern.text)}.`, QUOTE_HINT);
    for (const row of matches) kept.add(row);
  }
  return rows.filter((row) => kept.has(row));
}

export function meansPair(pair: PairListing, pattern: Pattern): boolean {
  return (
    meansAddress(pattern, pair.primary, pair.primaryNumber) ||
    meansAddress(pattern, pair.secondary, pair.secondaryNumber)
  );
}

export function meansVolume(volume: VolumeListing, pattern: Pattern): boolean {
  return meansAddress(pattern, formatAddress(volume.system, volume.name), volume.number);
}

/** Adds what could not be read to an outcome. */
export function withTroubles(outcome: Outcome, { notes, exitCode }: Read<unknown>): Outcome {
  return exitCode === undefined ? outcome : { ...outcome, notes: [...(outcome.notes ?? []), ...notes], exitCode };
}

const QUOTE_HINT = 'Quote a pattern, so that the shell leaves it alone.';

function meansAddress(pattern: Pattern, address: string, number: string): boolean {
  const system = address.slice(0, address.indexOf(':'));
  const inSystem = isPath(pattern.system) || matchesGlob(pattern.system, system);
  return inSystem && isMeant(pattern.volume, address, number);
}

/** A word without a colon is a system: all that is in it. */
function parsePattern(text: string): Pattern {
  const isAddress = text.includes(':', text.lastIndexOf('/') + 1);
  const { system, volume } = parseAddressPattern(isAddress ? text : `${text}:*`);
  return { text, system, volume, wholeSystem: !isAddress };
}

async function placesOf(toolkit: Toolkit, patterns: readonly Pattern[]) {
  if (patterns.length === 0) return toolkit.discover();
  const found = new Map<string, SystemPlace>();
  for (const { system } of patterns) for (const place of await toolkit.match(system)) found.set(place.path, place);
  const byName = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { places: byName, troubles: [] };
}

function told(failures: readonly Error[]): { notes: string[]; exitCode?: number } {
  const [first] = failures;
  if (!first) return { notes: [] };
  const notes = failures.map((error) => `Not listed: ${error.message}`);
  return { notes, exitCode: isToolkitError(first) ? EXIT_CODES[first.code] : EXIT_CODES.bug };
}
