import * as v from 'valibot';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { DOCUMENT_MAX_BYTES, type ErrorCode, failure } from '../../core/foundation/foundation.js';
import { oneLine, quoted } from '../../core/volume/volume.js';
import { openInput, readTextFile } from '../named-files.js';
import { sentenceOf } from '../schema-words.js';
import { checkTopology } from './check.js';
import type { DesiredTopology, Place } from './desired.js';
import { type Problem, Problems } from './problems.js';
import { topologySchema } from './schema.js';
import { settleTopology } from './settle.js';

/** A topology file, checked as a whole before anything is done. */
export interface TopologyFile {
  readonly desired: DesiredTopology;
  /** Gathers what is wrong, to be told with its place in the file. */
  readonly problems: (code: ErrorCode, claim: string, hint?: string) => Problems;
}

const SHOWN_MAX = 6;

/** Reads a topology file and checks the whole of it. Throws `bad-topology`, naming line and path in the file. */
export async function readTopology(path: string, folder: string): Promise<TopologyFile> {
  const lines = new LineCounter();
  const document = parseDocument(await readTextFile(path, DOCUMENT_MAX_BYTES), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const [message = ''] = broken.message.replace(/ at line \d+, column \d+:?/, '').split('\n');
    throw badTopology(path, [`line ${broken.linePos?.[0].line ?? 1}: no YAML: ${message.replace(/:$/, '')}`], []);
  }
  return topologyOf(plainValue(document, path), { path, folder, lineOf: (place) => lineOf(document, lines, place) });
}

interface Origin {
  /** How the file, or whoever wrote the object, is named in messages. */
  readonly path: string;
  /** From where relative paths inside it are seen; absolute. */
  readonly folder: string;
  readonly lineOf: (place: Place) => number | undefined;
}

/** Checks a topology that is an object already. */
export async function topologyOf(value: unknown, origin: Origin): Promise<TopologyFile> {
  const problems = (code: ErrorCode, claim: string, hint?: string): Problems =>
    new Problems((found) => told(code, claim, hint, found, origin));
  const claim = `The topology ${quoted(origin.path)} cannot be used`;
  const parsed = v.safeParse(topologySchema, value ?? {});
  const wrong = problems('bad-topology', claim, HINT);
  if (!parsed.success) {
    for (const issue of parsed.issues) wrong.add(placeOf(issue), plain(issue));
    wrong.demandNone();
  }
  const desired = await settleTopology(v.parse(topologySchema, value ?? {}), origin.folder, imageSize, wrong);
  checkTopology(desired, wrong);
  wrong.demandNone();
  return { desired, problems };
}

const HINT = 'docs/topology.md describes the file; topology export writes one.';

async function imageSize(path: string): Promise<number> {
  const { sizeBytes } = await openInput(path);
  if (sizeBytes !== undefined) return sizeBytes;
  throw failure('not-regular', `${quoted(path)} is not a plain file.`, 'An image is a plain file, or a link to one.');
}

function plainValue(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw badTopology(path, [(error as Error).message], []); // Aliases that would grow without end.
  }
}

function told(code: ErrorCode, claim: string, hint: string | undefined, found: readonly Problem[], origin: Origin) {
  const problems = found.map(({ place, message }) => ({
    line: origin.lineOf(place) ?? null,
    path: place.join('.'),
    message,
  }));
  const lines = problems
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .map(({ line, path, message }) =>
      [line === null ? [] : `line ${line}`, path === '' ? [] : path].flat().join(', ').concat(`: ${message}`),
    );
  return failure(code, `${claim}: ${someOf(lines)}.`, hint, { details: { problems } });
}

function badTopology(path: string, lines: readonly string[], problems: readonly unknown[]): Error {
  const message = `The topology ${quoted(path)} cannot be used: ${someOf(lines)}.`;
  return failure('bad-topology', message, HINT, { details: { problems } });
}

function someOf(found: readonly string[]): string {
  const lines = found.map((line) => oneLine(line));
  if (lines.length === 1) return lines.join();
  const more = lines.length > SHOWN_MAX ? [`and ${lines.length - SHOWN_MAX} more`] : [];
  return `\n  ${[...lines.slice(0, SHOWN_MAX), ...more].join('\n  ')}`;
}

function placeOf(issue: v.BaseIssue<unknown>): Place {
  return (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
}

/** valibot's words for the two mistakes that are made most, in ours. */
function plain(issue: v.BaseIssue<unknown>): string {
  if (issue.expected === 'never') return 'there is no such key here';
  if (issue.received === 'undefined') return 'it is missing';
  if (issue.type === 'regex') return `${quoted(issue.received.slice(1, -1))}: ${issue.message}`;
  return sentenceOf(issue);
}

/** The line of a place, or of the nearest thing around it that stands in the file. */
function lineOf(document: Document, lines: LineCounter, place: Place): number | undefined {
  for (let depth = place.length; depth >= 0; depth -= 1) {
    const start = nodeAt(document.contents, place.slice(0, depth));
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}

/** Where the node of a place begins; the keys of a map may be numbers, which a place has as words. */
function nodeAt(top: unknown, place: Place): number | undefined {
  let node = top;
  let start = startOf(node);
  for (const key of place) {
    const pair = pairsOf(node).find(([name]) => String(name) === String(key));
    if (!pair) return undefined;
    [, node, start] = pair;
  }
  return start;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

interface PairNode {
  readonly key: unknown;
  readonly value: unknown;
}

/** Name, node and beginning of each child; in a map a child begins with its key. */
function pairsOf(node: unknown): [unknown, unknown, number | undefined][] {
  const items = (node as { items?: readonly unknown[] } | null)?.items ?? [];
  return items.map((item, index) => {
    if (isNode(item)) return [index, item, startOf(item)];
    const { key, value } = item as PairNode;
    return [(key as { value?: unknown } | null)?.value, value, startOf(key)];
  });
}
