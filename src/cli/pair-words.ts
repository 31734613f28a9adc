import type { PairStatus } from '../core/pair/pair.js';
import { parseAddress } from '../core/volume/volume.js';
import { statusesAfter } from './follow-copy.js';

interface Pair {
  readonly primary: string;
  readonly secondary: string;
}

/** How a pair's copying goes on, with the command to paste. */
export function goOnCommand(
  pair: Pair,
  status: PairStatus,
  pace: string | undefined,
  root: string | undefined,
): string {
  const words =
    pace === 'hold'
      ? ['copyset pair pace', pair.primary, pair.secondary, '--pace medium']
      : ['copyset pair wait', pair.primary, pair.secondary, '--status', statusesAfter(status).join(',')];
  return [...words, ...rootWords(root)].join(' ');
}

/** The command that copies all that a system has to copy. */
export function copierCommand(primary: string, root: string | undefined): string {
  return ['copyset copier run --once', parseAddress(primary).system, ...rootWords(root)].join(' ');
}

/** What of a pair that `pair verify --repair` marked is left to do, with the command to paste. */
export function repairedNote(
  pair: Pair & { readonly repaired: number; readonly status: PairStatus; readonly pace: string },
  copier: string | undefined,
  root: string | undefined,
): string | undefined {
  if (pair.repaired === 0) return undefined;
  if (pair.status === 'split' || pair.status === 'sp-pending' || pair.status === 'suspended') {
    const words = ['copyset pair resync', pair.primary, pair.secondary, '--plan', ...rootWords(root)];
    return `${pair.secondary} keeps what differs until the pair is resynced: "${words.join(' ')}" shows what that copies.`;
  }
  if (pair.pace === 'hold') return `Copying is on hold: run "${goOnCommand(pair, pair.status, pair.pace, root)}".`;
  if (copier !== undefined) return `${copier} copies in the background.`;
  return `Copying is left to do: run "${copierCommand(pair.primary, root)}".`;
}

/** `--root` where the person gave it as a flag; a variable of the environment holds for the next command anyway. */
function rootWords(root: string | undefined): string[] {
  return root === undefined || root === process.env.COPYSET_ROOT ? [] : ['--root', shellWord(root)];
}

/** A word as a POSIX shell takes it unchanged. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Sentences for at most so many pairs; the others are counted. */
export function atMost(sentences: readonly string[], count = 5): string[] {
  const more = sentences.length - count;
  return more > 0 ? [...sentences.slice(0, count), `and ${more} more like it`] : [...sentences];
}
