import { type ByteCount, MIB } from '../foundation/foundation.js';
import type { Files, OpenFile } from '../ports/ports.js';
import { crc32 } from '../storage/storage.js';
import { decodeHeader, encodeHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment-header.js';

const NAME = /^(\d{10})\.segment$/;
/** A journal's folder is made with those above it, up to the system's own: their names must be durable too. */
const FOLDERS_ABOVE = 3;

export function segmentPath(folder: string, number: number): string {
  return `${folder}/${String(number).padStart(10, '0')}.segment`;
}

/** The numbers of the segments in a folder, ascending. */
export function segmentNumbers(files: Files, folder: string): number[] {
  return files.list(folder).flatMap((name) => {
    const number = NAME.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** A journal is known by the last two names of its path, which say the stream and the direction; the system may be moved. */
export function ownerCode(folder: string): number {
  return crc32(new TextEncoder().encode(folder.split('/').slice(-2).join('/')));
}

/** The names of the folder's files, and the folder's own, are durable when it resolves. */
export async function settleNames(files: Files, folder: string): Promise<void> {
  let path = folder;
  for (let level = 0; level <= FOLDERS_ABOVE; level++) {
    await files.flushFolder(path === '' ? '/' : path);
    const cut = path.lastIndexOf('/');
    if (path === '' || cut === -1) return;
    path = path.slice(0, cut);
  }
}

/**
 * Makes a segment with all its room and that header. The header comes when the room is durable: a file without one is unfinished,
 * whatever a crash left of it. Its name is durable once its folder was flushed.
 */
export async function makeSegment(files: Files, path: string, header: Omit<SegmentHeader, 'code'>): Promise<OpenFile> {
  files.remove(path);
  const file = files.open(path, 'create');
  try {
    await fillWithZeros(files, file, header.sizeBytes);
    await file.flush();
    file.write(encodeHeader(header).bytes, 0);
    await file.flush();
    return file;
  } catch (error) {
    file.close();
    removeQuietly(files, path);
    throw error;
  }
}

async function fillWithZeros(files: Files, file: OpenFile, sizeBytes: ByteCount): Promise<void> {
  const zeros = files.bulkBuffer(Math.min(MIB, sizeBytes));
  for (let at = 0; at < sizeBytes; at += zeros.length) {
    await file.writeBulk(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
  }
}

/** What is left of it is unfinished, and is removed at the next open. */
function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    return;
  }
}

/** The header of a segment file, and what the file is by its name and size. */
export type FoundSegment =
  | { readonly kind: 'used'; readonly number: number; readonly path: string; readonly header: SegmentHeader }
  | { readonly kind: 'ready'; readonly number: number; readonly path: string; readonly header: SegmentHeader }
  | { readonly kind: 'unfinished'; readonly number: number; readonly path: string }
  | { readonly kind: 'too-new' | 'damaged'; readonly number: number; readonly path: string; readonly why: string };

/** A segment that was trimmed and has another name since still has its old header: a smaller number says so. */
export function inspectSegment(files: Files, folder: string, number: number): FoundSegment {
  const path = segmentPath(folder, number);
  const file = files.open(path, 'read');
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const got = file.read(bytes, 0);
    const header = decodeHeader(bytes.subarray(0, got));
    const damaged = (why: string) => ({ kind: 'damaged' as const, number, path, why });
    if (header === 'blank') return { kind: 'unfinished', number, path };
    if (header === 'too-new') return { kind: 'too-new', number, path, why: 'its format is newer' };
    if (header === 'bad') return damaged('its header is not whole');
    if (header.owner !== ownerCode(folder)) return damaged('it is a segment of another journal');
    if (header.number > number) return damaged(`it is segment ${header.number} by its header`);
    if (header.sizeBytes !== file.sizeBytes())
      return damaged(`it has ${file.sizeBytes()} bytes instead of ${header.sizeBytes}`);
    if (header.number === number && header.firstSequence > 0) return { kind: 'used', number, path, header };
    return { kind: 'ready', number, path, header };
  } finally {
    file.close();
  }
}
