import * as v from 'valibot';
import { assert, DOCUMENT_MAX_BYTES, failure } from '../foundation/foundation.js';
import { FileError, type Files, type Random } from '../ports/ports.js';
import { crc32 } from './crc32.js';
import { naming, toToolkitError } from './failures.js';

/** What a document holds. The version rises when an older copyset could no longer read it. */
export interface DocumentFormat<T> {
  readonly format: string;
  readonly version: number;
  /** The oldest version that the same schema reads; absent = only the present one. */
  readonly oldest?: number;
  readonly schema: v.GenericSchema<unknown, T>;
}

export type DocumentReading<T> =
  | { readonly kind: 'present'; readonly body: T }
  | { readonly kind: 'absent' }
  /** `why` ends a sentence: "its check code is wrong". */
  | { readonly kind: 'damaged'; readonly why: string }
  /** Whole, and written by a newer copyset. */
  | { readonly kind: 'too-new'; readonly version: number }
  | { readonly kind: 'not-regular' };

/** The part in front of the body. It is the same in every version, so that an older copyset recognises a newer document. */
const HEAD = /^\{"format":"([a-z0-9-]{1,64})","version":(\d{1,9}),"crc":(\d{1,10}),\n"body":/;
const END = '}\n';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads a document. Throws ToolkitError only where the storage fails; everything else is a kind of reading. */
export function readDocument<T>(files: Files, path: string, format: DocumentFormat<T>): DocumentReading<T> {
  try {
    const bytes = readWhole(files, path);
    if (bytes === undefined)
      return damaged(`it is larger than ${DOCUMENT_MAX_BYTES} bytes or was cut while it was read`);
    return decode(bytes, format);
  } catch (error) {
    if (error instanceof FileError && error.fault === 'not-found') return { kind: 'absent' };
    if (error instanceof FileError && error.fault === 'not-regular') return { kind: 'not-regular' };
    throw toToolkitError(error, `the document ${path}`);
  }
}

/** Reads a document that has to be there and right. `what` names it: "the pair table of system tokyo". */
export function demandDocument<T>(files: Files, path: string, format: DocumentFormat<T>, what: string): T {
  const reading = readDocument(files, path, format);
  const details = { path };
  switch (reading.kind) {
    case 'present':
      return reading.body;
    case 'absent':
      throw failure(
        'file-not-found',
        `There is no ${path}, which should hold ${what}.`,
        'Bring it back from a backup.',
        {
          details,
        },
      );
    case 'damaged':
      throw failure(
        'metadata-damaged',
        `${path}, which holds ${what}, cannot be trusted: ${reading.why}.`,
        'It is left as it is, and so is everything else. Bring the file back from a backup.',
        { details: { ...details, why: reading.why } },
      );
    case 'too-new':
      throw failure(
        'format-too-new',
        `${path}, which holds ${what}, has format version ${reading.version}; this copyset knows ${format.version}.`,
        'Use the copyset that wrote it, or a newer one.',
        { details: { ...details, version: reading.version } },
      );
    case 'not-regular':
      throw failure(
        'not-regular',
        `${path}, which should hold ${what}, is not a plain file with one name.`,
        'Look at what lies there; copyset follows no links.',
        { details },
      );
  }
}

/**
 * Puts a new document in the place of the old one: written beside it, flushed, renamed, the folder flushed (P8). When it
 * rejects, the old one or the new one is there, whole; before the rename it is the old one.
 */
export async function writeDocument<T>(
  files: Files,
  path: string,
  format: DocumentFormat<T>,
  body: T,
  random: Random,
): Promise<void> {
  const bytes = encode(format, body);
  const beside = `${path}.${random.id()}.new`;
  try {
    await writeNew(files, beside, bytes);
    files.rename(beside, path);
    await files.flushFolder(folderOf(path));
  } catch (error) {
    removeQuietly(files, beside);
    throw toToolkitError(error, `the document ${path}`);
  }
}

/** The same in one step, for a process that ends in it: nothing is durable, and a kill leaves the new one. */
export function replaceDocumentNow<T>(
  files: Files,
  path: string,
  format: DocumentFormat<T>,
  body: T,
  random: Random,
): void {
  const beside = `${path}.${random.id()}.new`;
  const file = files.open(beside, 'create');
  file.write(encode(format, body), 0);
  file.close();
  files.rename(beside, path);
}

/** Removes what unfinished `writeDocument` calls of a dead process left in a folder. Only the folder's owner may. */
export function removeUnfinishedDocuments(files: Files, folder: string): void {
  naming(`the folder ${folder}`, () => {
    for (const name of files.list(folder)) {
      if (/\.[0-9a-f]{32}\.new$/.test(name)) files.remove(`${folder}/${name}`);
    }
  });
}

/** The folder a path lies in. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash === -1) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}

function encode<T>(format: DocumentFormat<T>, body: T): Uint8Array {
  // What could not be read again must not replace what can: the writer checks itself.
  const checked = v.safeParse(format.schema, body);
  assert(checked.success, `a ${format.format} document fits its own schema: ${issueOf(checked)}`);
  const text = encoder.encode(JSON.stringify(body));
  const head = encoder.encode(
    `{"format":"${format.format}","version":${format.version},"crc":${crc32(text)},\n"body":`,
  );
  const bytes = new Uint8Array(head.length + text.length + END.length);
  bytes.set(head);
  bytes.set(text, head.length);
  bytes.set(encoder.encode(END), head.length + text.length);
  assert(bytes.length <= DOCUMENT_MAX_BYTES, `a ${format.format} document stays below its limit`);
  return bytes;
}

function decode<T>(bytes: Uint8Array, format: DocumentFormat<T>): DocumentReading<T> {
  let text: string;
  try {
    text = strictDecoder.decode(bytes);
  } catch {
    return damaged('it is not UTF-8 text');
  }
  const head = HEAD.exec(text);
  if (head === null) return damaged('it does not begin like a copyset document');
  if (!text.endsWith(END)) return damaged('its end is missing');
  if (head[1] !== format.format) return damaged(`it is a ${head[1]} document, not ${format.format}`);
  const bodyText = text.slice(head[0].length, -END.length);
  // Head and end are ASCII: as many bytes as characters.
  if (crc32(bytes.subarray(head[0].length, -END.length)) !== Number(head[3])) return damaged('its check code is wrong');
  const version = Number(head[2]);
  if (version > format.version) return { kind: 'too-new', version };
  if (version < (format.oldest ?? format.version)) return damaged(`version ${version} of it never was`);
  return decodeBody(bodyText, format);
}

function decodeBody<T>(bodyText: string, format: DocumentFormat<T>): DocumentReading<T> {
  let body: unknown;
  try {
    body = JSON.parse(bodyText);
  } catch {
    return damaged('its body is not JSON');
  }
  const parsed = v.safeParse(format.schema, body);
  return parsed.success
    ? { kind: 'present', body: parsed.output }
    : damaged(`its contents are wrong (${issueOf(parsed)})`);
}

function issueOf(parsed: { readonly issues?: readonly v.BaseIssue<unknown>[] | undefined }): string {
  const issue = parsed.issues?.[0];
  if (issue === undefined) return '';
  const place = v.getDotPath(issue);
  return place === null ? issue.message : `${place}: ${issue.message}`;
}

function damaged(why: string): { readonly kind: 'damaged'; readonly why: string } {
  return { kind: 'damaged', why };
}

/** The bytes of a file, or undefined where it is too large or shrank meanwhile. */
function readWhole(files: Files, path: string): Uint8Array | undefined {
  const status = files.status(path);
  if (status === undefined) throw new FileError('not-found', 'open', path);
  if (status.kind !== 'file') throw new FileError('not-regular', 'open', path);
  const file = files.open(path, 'read');
  try {
    const sizeBytes = file.sizeBytes();
    if (sizeBytes > DOCUMENT_MAX_BYTES) return undefined;
    const bytes = new Uint8Array(sizeBytes);
    return file.read(bytes, 0) === sizeBytes ? bytes : undefined;
  } finally {
    file.close();
  }
}

async function writeNew(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  const file = files.open(path, 'create');
  try {
    file.write(bytes, 0);
    await file.flush();
  } finally {
    file.close();
  }
}

function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    // The first error is the one to tell; the left-over is removed at the next open.
  }
}
