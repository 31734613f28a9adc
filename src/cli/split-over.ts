import type {
  PairActionAnswer,
  SplitOverAnswer,
  SplitPart,
  SplitWords,
  SystemClient,
} from '../core/controller/controller.js';
import { findGroup, masterPlace, refOf } from './group-finding.js';
import type { Toolkit } from './open-toolkit.js';
import type { ActionPart, Asked } from './pair-command.js';

type SplitAction = Asked<'pair.split'>;

interface SplitOverOptions {
  /** The pairs are those of this group: its master coordinates, under its policy. */
  readonly group?: string | undefined;
  readonly words: SplitWords;
  readonly signal: AbortSignal;
}

/** Splits pairs of several systems at one instant; each system's answer beside the client that can go on with its pairs. */
export async function splitOver(
  toolkit: Toolkit,
  parts: readonly SplitAction[],
  { group, words, signal }: SplitOverOptions,
): Promise<readonly { part: SplitAction; answer: PairActionAnswer }[]> {
  const { parts: answers } = await coordinated(toolkit, parts, { group, words, signal });
  return parts.flatMap((part) => {
    const found = answers.find(({ system }) => system.id === part.place.info.id);
    return found ? [{ part, answer: found.answer }] : [];
  });
}

async function coordinated(
  toolkit: Toolkit,
  parts: readonly SplitAction[],
  { group, words, signal }: SplitOverOptions,
): Promise<SplitOverAnswer> {
  if (group !== undefined) {
    const place = masterPlace(await findGroup(toolkit, group));
    const known = parts.find((part) => part.place.path === place.path);
    const ask = async (client: SystemClient) => (await client.request('cg.split', { group, words }, { signal })).output;
    return known ? ask(known.client) : toolkit.use(place, ask);
  }
  // The first in the order of the systems' ids, in which several are always taken.
  const [first] = parts;
  const input = { parts: parts.map(partOf), words };
  return first ? (await first.client.request('split.over', input, { signal })).output : { parts: [] };
}

function partOf({ place, input }: ActionPart<'pair.split'>): SplitPart {
  return { system: refOf(place), pairs: input.pairs };
}
