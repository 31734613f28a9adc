const GLOB_CHARACTERS = /[*?[]/;

/** Whether a text asks for several: it has `*`, `?` or `[`. No name has one of them. */
export function isGlob(text: string): boolean {
  return GLOB_CHARACTERS.test(text);
}

/** Whether a name fits a pattern of `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`. A `[` that is never closed stands for itself. */
export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0;
  let place = 0;
  // Where to go on when a later part does not fit: behind the last `*`, which then takes one character more.
  let retry: { readonly at: number; readonly place: number } | undefined;
  while (place < name.length) {
    if (pattern[at] === '*') {
      at += 1;
      retry = { at, place: place + 1 };
      continue;
    }
    const next = matchOne(pattern, at, name.charAt(place));
    if (next !== undefined) {
      at = next;
      place += 1;
    } else if (retry === undefined) {
      return false;
    } else {
      ({ at, place } = retry);
      retry = { at, place: place + 1 };
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** The place in the pattern behind the element that takes this character, or undefined where it does not. */
function matchOne(pattern: string, at: number, character: string): number | undefined {
  const element = pattern[at];
  if (element === undefined) return undefined;
  if (element === '?') return at + 1;
  const end = element === '[' ? pattern.indexOf(']', at + 2) : -1;
  if (end === -1) return element === character ? at + 1 : undefined;
  return inClass(pattern.slice(at + 1, end), character) ? end + 1 : undefined;
}

function inClass(body: string, character: string): boolean {
  const negated = body.length > 1 && (body.startsWith('!') || body.startsWith('^'));
  const set = negated ? body.slice(1) : body;
  return listed(set, character) !== negated;
}

function listed(set: string, character: string): boolean {
  for (let at = 0; at < set.length; at++) {
    const from = set.charAt(at);
    const to = set[at + 1] === '-' ? set[at + 2] : undefined;
    if (to !== undefined) at += 2;
    if (character >= from && character <= (to ?? from)) return true;
  }
  return false;
}
