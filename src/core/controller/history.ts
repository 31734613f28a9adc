import { HISTORY_FILE } from '../catalog/catalog.js';
import type { GroupEvent } from '../group/group.js';
import { type FileError, FileError as FileFailure, type Files, type OpenFile } from '../ports/ports.js';
import type { SessionEvent } from '../session/session.js';

/** One line of a system's history. `docs/formats/history.md`. */
export interface HistoryEvent {
  readonly time: string;
  readonly system: string;
  /** `started`, `done`, `nothing`, an error code, or `died`. */
  readonly code: string;
  readonly phase: 'start' | 'end' | 'abnormal';
  readonly operation: string;
  readonly primary: string | null;
  readonly secondary: string | null;
  readonly before: string | null;
  readonly after: string | null;
  readonly tracks: number | null;
  readonly seconds: number | null;
  readonly message: string | null;
  readonly actor: string;
  /** Joins an end to its start. */
  readonly id: string;
  /** With the end of what was done with a whole consistency group. */
  readonly group?: GroupEvent | undefined;
  /** With the end of what was done with, or happened to, a checkpoint session. */
  readonly session?: SessionEvent | undefined;
}

/** Past this the file becomes `history.1.ndjson`, which replaces the one before it. */
const ROTATE_AT_BYTES = 4 * 1024 * 1024;
/** An operation whose controller died began among the last events; this much of the end is looked at. */
const TAIL_BYTES = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The append-only record of a system's operations. A line that a crash cut short is passed over. */
export class History {
  readonly #files: Files;
  readonly #folder: string;
  #file: OpenFile | undefined;
  #end = 0;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** A line that cannot be written is left out: no operation fails, or is told to have failed, for the sake of its history. */
  append(event: HistoryEvent): void {
    try {
      const file = this.#opened();
      const line = encoder.encode(`${JSON.stringify(event)}\n`);
      file.write(line, this.#end);
      this.#end += line.length;
      if (this.#end >= ROTATE_AT_BYTES) this.#rotate();
    } catch (error) {
      if (!(error instanceof FileFailure)) throw error;
      this.close();
    }
  }

  /** Starts near the end of the file that have no end: their controller died. */
  unfinished(): HistoryEvent[] {
    const lines = readLines(this.#files, `${this.#folder}/${HISTORY_FILE}`, TAIL_BYTES);
    const open = new Map<string, HistoryEvent>();
    // Every command that opens a system looks here: what plainly is over is not taken apart.
    for (const [at, line] of lines.entries()) {
      if (isEndedBy(line, lines[at + 1]) || (open.size === 0 && line.endsWith(END_OF_END))) continue;
      for (const event of parseEvent(line)) {
        if (event.phase === 'start') open.set(event.id, event);
        else open.delete(event.id);
      }
    }
    return [...open.values()];
  }

  /** The lines are durable when it resolves. */
  async flush(): Promise<void> {
    await this.#file?.flush();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #opened(): OpenFile {
    if (this.#file) return this.#file;
    const path = `${this.#folder}/${HISTORY_FILE}`;
    try {
      this.#file = this.#files.open(path, 'write');
    } catch (error) {
      if ((error as FileError).fault !== 'not-found') throw error;
      this.#file = this.#files.open(path, 'create');
    }
    this.#end = this.#file.sizeBytes();
    this.#closeTornLine(this.#file);
    return this.#file;
  }

  #closeTornLine(file: OpenFile): void {
    if (this.#end === 0) return;
    const last = new Uint8Array(1);
    file.read(last, this.#end - 1);
    if (last[0] === 0x0a) return;
    file.write(Uint8Array.of(0x0a), this.#end);
    this.#end += 1;
  }

  #rotate(): void {
    this.close();
    this.#files.rename(`${this.#folder}/${HISTORY_FILE}`, `${this.#folder}/history.1.ndjson`);
    this.#end = 0;
  }
}

/** A system's events, oldest first. */
export function readHistory(files: Files, folder: string): HistoryEvent[] {
  return [...readEvents(files, `${folder}/history.1.ndjson`), ...readEvents(files, `${folder}/${HISTORY_FILE}`)];
}

function readEvents(files: Files, path: string): HistoryEvent[] {
  return readLines(files, path).flatMap(parseEvent);
}

function readLines(files: Files, path: string, tailBytes = Number.POSITIVE_INFINITY): string[] {
  let file: OpenFile;
  try {
    file = files.open(path, 'read');
  } catch (error) {
    if (error instanceof FileFailure && error.fault === 'not-found') return [];
    throw error;
  }
  try {
    const size = file.sizeBytes();
    const from = Math.max(0, size - tailBytes);
    const bytes = new Uint8Array(size - from);
    file.read(bytes, from);
    const lines = decoder.decode(bytes).split('\n');
    return from > 0 ? lines.slice(1) : lines;
  } finally {
    file.close();
  }
}

const ID_KEY = '"id":"';
/** How the line of an end ends that says nothing of a group or a session. */
const END_OF_END = '"phase":"end"}';

/** Whether the next line is the end with this line's id; false also where that would take a closer look. Quotes in texts are escaped. */
function isEndedBy(line: string, next: string | undefined): boolean {
  const at = line.indexOf(ID_KEY);
  if (at === -1 || line.indexOf(ID_KEY, at + 1) !== -1 || !next?.endsWith(END_OF_END)) return false;
  return next.includes(line.slice(at, line.indexOf('"', at + ID_KEY.length) + 1));
}

function parseEvent(line: string): HistoryEvent[] {
  if (!line.startsWith('{')) return [];
  try {
    return [JSON.parse(line) as HistoryEvent];
  } catch {
    return [];
  }
}
