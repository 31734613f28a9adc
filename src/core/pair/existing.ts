import type { PairRecord } from './record.js';
import type { Refusal } from './refusal.js';

/** What `create` was asked for beside the volumes and the pacing, which is applied. */
export interface CreateWords {
  readonly split?: boolean | undefined;
  readonly noCopy?: boolean | undefined;
  readonly manual?: boolean | undefined;
}

/**
 * Where a pair that is there, and follows, is not what was asked for. Nothing to do is there only where every word holds already
 * (DESIGN.md 3.2): a script that ran twice goes on, and one that wants another pair learns of it.
 */
export function differsFrom(existing: PairRecord, { split, noCopy, manual }: CreateWords): Refusal | undefined {
  const { status } = existing.state;
  if (split)
    return refusal(
      `The pair is there and is ${status}; it is split only as it is made.`,
      'Split it with `pair split`, which takes --virtual too.',
    );
  if (noCopy && status !== 'duplex')
    return refusal(
      `The pair is there and is ${status}: it copies, and --no-copy is said only as a pair is made.`,
      'Let it copy with `pair wait`, or delete it first (`pair delete`) and make it anew.',
    );
  if (manual && !existing.remote?.manual)
    return refusal(
      'The pair is there and goes on by itself when a lost link is back; --manual is said only as a pair is made.',
      'Delete it first (`pair delete`) and make it anew with --manual; where it is duplex and no host writes, also with --no-copy.',
    );
  return undefined;
}

function refusal(why: string, hint: string): Refusal {
  return { code: 'status-refuses', why, hint };
}
