import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { DOCUMENT_MAX_BYTES, failure, isToolkitError } from '../core/foundation/foundation.js';
import { PACES, type Pace, type PairMode } from '../core/pair/pair.js';
import { oneLine, parseAddress, parseRate, quoted } from '../core/volume/volume.js';
import { named, readTextFile } from './named-files.js';
import type { Toolkit } from './open-toolkit.js';
import { sentenceOf } from './schema-words.js';

/** One pair of a plan file, as `pair create` makes it. */
export interface PlannedPair {
  readonly primary: string;
  /** An address, or `auto`. */
  readonly secondary: string;
  readonly mode?: PairMode | undefined;
  readonly pace?: Pace | undefined;
  readonly rateBytesPerSecond?: number | undefined;
  readonly split?: boolean | undefined;
  readonly virtual?: boolean | undefined;
}

const rowSchema = v.strictObject({
  primary: v.string(),
  secondary: v.string(),
  mode: v.optional(v.picklist(['local', 'sync', 'async', 'journal'] as const)),
  pace: v.optional(v.picklist(PACES)),
  rate: v.nullish(v.union([v.string(), v.pipe(v.number(), v.safeInteger(), v.minValue(1))])),
  split: v.optional(v.boolean()),
  virtual: v.optional(v.boolean()),
});
const planSchema = v.strictObject({ pairs: v.pipe(v.array(rowSchema), v.minLength(1)) });

const HINT = 'A plan file holds pairs: [{primary, secondary, mode, pace, rate, split}]; --plan-output writes one.';

/** Reads a plan file and checks the whole of it, before its first pair is touched. */
export async function readPlanFile(path: string): Promise<readonly PlannedPair[]> {
  const text = await named(path, () => readTextFile(path, DOCUMENT_MAX_BYTES));
  return parsePlan(parseYaml(text, path), path);
}

/** Checks what a plan file says; `path` is for the messages. */
export function parsePlan(document: unknown, path: string): readonly PlannedPair[] {
  const parsed = v.safeParse(planSchema, document);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw badPlan(path, `${v.getDotPath(issue) ?? 'the document'}: ${sentenceOf(issue)}`);
  }
  const rows = parsed.output.pairs.map((row, index) => plannedPair(row, `pairs.${index}`, path));
  demandNoContradiction(rows, path);
  return rows;
}

/** Writes the list that `--file` applies. */
export async function writePlanFile(toolkit: Toolkit, path: string, pairs: readonly PlannedPair[]): Promise<void> {
  const rows = pairs.map(
    ({ primary, secondary, mode = 'local', pace = 'medium', rateBytesPerSecond, split, virtual }) => ({
      primary,
      secondary,
      mode,
      pace,
      rate: rateBytesPerSecond ?? null,
      split: split === true,
      ...(virtual ? { virtual } : {}),
    }),
  );
  const output = await toolkit.createOutput(path);
  try {
    await output.write(new TextEncoder().encode(stringify({ pairs: rows })));
    await output.commit();
  } finally {
    await output.discard();
  }
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [firstLine = ''] = (error as Error).message.split('\n');
    throw badPlan(path, `no YAML: ${firstLine}`);
  }
}

function plannedPair(row: v.InferOutput<typeof rowSchema>, place: string, path: string): PlannedPair {
  const { rate, ...rest } = row;
  try {
    parseAddress(row.primary);
    if (row.secondary !== 'auto') parseAddress(row.secondary);
    return { ...rest, rateBytesPerSecond: typeof rate === 'string' ? parseRate(rate) : (rate ?? undefined) };
  } catch (error) {
    if (isToolkitError(error)) throw badPlan(path, `${place}: ${error.message}`);
    throw error;
  }
}

/** A volume is secondary of one pair only, so a file that names one twice cannot be carried out. */
function demandNoContradiction(rows: readonly PlannedPair[], path: string): void {
  const seen = new Map<string, number>();
  for (const [index, { secondary }] of rows.entries()) {
    const first = secondary === 'auto' ? undefined : seen.get(secondary);
    if (first !== undefined) {
      throw badPlan(path, `pairs.${index}: ${quoted(secondary)} is the secondary of pairs.${first} already`);
    }
    seen.set(secondary, index);
  }
}

function badPlan(path: string, why: string): Error {
  return failure(
    'bad-plan',
    `The plan file ${quoted(path)} cannot be used: ${oneLine(why.replace(/[.:]+$/, ''))}.`,
    HINT,
  );
}
