import { SYSTEM_DOCUMENT } from '../catalog/catalog.js';
import { failure } from '../foundation/foundation.js';
import type { Files } from '../ports/ports.js';

/**
 * Refuses to write a file that a person named where it would replace one of a storage system: anything in a system's folder, or an
 * image that a system keeps elsewhere. `path` is absolute with links followed. Throws `system-file`.
 */
export function demandOutsideSystems(files: Pick<Files, 'status'>, path: string, images: Iterable<string> = []): void {
  for (let folder = above(path); folder !== undefined; folder = above(folder)) {
    if (files.status(`${folder}/${SYSTEM_DOCUMENT}`)?.kind === 'file')
      throw systemFile(`${path} lies in the folder of a storage system, ${folder || '/'}`);
  }
  for (const image of images) if (image === path) throw systemFile(`${path} is the image of a volume`);
}

function above(path: string): string | undefined {
  const end = path.lastIndexOf('/');
  return end < 0 ? undefined : path.slice(0, end);
}

function systemFile(why: string): Error {
  return failure(
    'system-file',
    `${why}; nothing was written.`,
    'Name a place outside; volume write and volume import put data into a volume.',
  );
}
