import { resolve } from 'node:path';
import { failure } from '../core/foundation/foundation.js';
import { FileError } from '../core/ports/ports.js';
import { toToolkitError } from '../core/storage/storage.js';
import { quoted } from '../core/volume/volume.js';
import type { UserInput, UserOutput } from '../platform/user-files.js';

export type { UserInput, UserOutput };

/** Loaded with the first file: most commands name none. */
export function userFiles() {
  return import('../platform/user-files.js');
}

/** Why a file that a person named is of the wrong kind, and what may be named instead. */
interface Unfit {
  readonly says: string;
  readonly hint: string;
}

const NO_INPUT: Unfit = {
  says: 'is a folder or a socket, from which nothing can be read',
  hint: 'Name a plain file, a pipe or a device, or a link to one.',
};
const NO_OUTPUT: Unfit = {
  says: 'is no plain file, and only such a file is replaced',
  hint: 'Name a file to be made or replaced, or a link to one. What is printed on standard output may go into a device or a pipe.',
};

/** Opens a file that a person named, to read it in pieces. */
export async function openInput(path: string): Promise<UserInput> {
  return named(path, async () => (await userFiles()).openInput(resolve(path)), NO_INPUT);
}

/** A file that appears, or is replaced, whole when it is committed. Whose file it is, is for the toolkit to say. */
export async function openOutput(path: string): Promise<UserOutput> {
  return named(path, async () => (await userFiles()).createOutput(resolve(path)), NO_OUTPUT);
}

export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  return named(path, async () => (await userFiles()).readText(resolve(path), maxBytes), NO_INPUT);
}

/** Absolute, with links followed: how a file is named to a controller, which may have another working folder. */
export async function absolutePath(path: string): Promise<string> {
  return named(path, async () => (await userFiles()).placeOfFile(resolve(path)));
}

/** What the machine says about a file that a person named, as an error that a person understands. */
export async function named<T>(path: string, work: () => Promise<T>, unfit?: Unfit): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (unfit !== undefined && error instanceof FileError && error.fault === 'not-regular')
      throw failure('not-regular', `The file ${quoted(path)} ${unfit.says}.`, unfit.hint, { cause: error });
    throw toToolkitError(error, `the file ${quoted(path)}`);
  }
}
