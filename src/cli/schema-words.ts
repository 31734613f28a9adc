import type { BaseIssue } from 'valibot';
import { quoted } from '../core/volume/volume.js';

/** valibot's sentence, with what it found in the file as a short quotation. */
export function sentenceOf({ message, received }: BaseIssue<unknown>): string {
  const isText = received.length > 1 && received.startsWith('"') && received.endsWith('"');
  return isText ? message.replace(received, () => quoted(received.slice(1, -1))) : message;
}
