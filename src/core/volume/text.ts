const SHOWN_MAX = 64;
// Control characters of both sets, what turns the direction of text, and line separators: none may reach a terminal.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A user's text as it may stand in a message: in quotes, without control characters, and not too long. */
export function quoted(text: string): string {
  const characters = Array.from(text);
  const kept = characters.slice(0, SHOWN_MAX).join('').replace(UNPRINTABLE, escaped).replaceAll('"', '\\"');
  return characters.length > SHOWN_MAX ? `"${kept}…"` : `"${kept}"`;
}

/** Words that may repeat a file's contents, as one short line without control characters. */
export function oneLine(text: string, maxCharacters = 240): string {
  const characters = Array.from(text.slice(0, 2 * maxCharacters + 2));
  const kept = characters.slice(0, maxCharacters).join('').replace(UNPRINTABLE, escaped);
  return characters.length > maxCharacters ? `${kept}…` : kept;
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
