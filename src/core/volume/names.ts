import { failure, NAME_LENGTH_MAX } from '../foundation/foundation.js';
import { quoted } from './text.js';

export type Named = 'system' | 'volume' | 'port' | 'group' | 'session';

/** Letters, digits, `.`, `_` and `-`, the first a letter or digit, at most 64: a name is a file's name, too. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** NBD exports volumes by LUN under such names (DESIGN.md 4). */
const LUN_PATTERN = /^LUN\d+$/;

/** Whether a text is a name; `parseName` says what is wrong with one that is not. */
export function isName(text: string, named: Named): boolean {
  return whatIsWrong(text, named) === undefined;
}

/** The name, or `bad-name` with the rule that it breaks. */
export function parseName(text: string, named: Named = 'volume'): string {
  const wrong = whatIsWrong(text, named);
  if (wrong === undefined) return text;
  throw failure(
    'bad-name',
    `${quoted(text)} cannot be the name of a ${named}: ${wrong}.`,
    `Names are letters, digits, ".", "_" and "-", at most ${NAME_LENGTH_MAX}, and start with a letter or digit.`,
  );
}

function whatIsWrong(text: string, named: Named): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > NAME_LENGTH_MAX) return `it has ${text.length} characters`;
  if (!NAME_PATTERN.test(text)) return 'a character of it is not allowed there';
  if (text.includes('..')) return 'it has two dots in a row';
  if (named === 'volume' && LUN_PATTERN.test(text)) return 'names like it are those of LUNs';
  return undefined;
}
