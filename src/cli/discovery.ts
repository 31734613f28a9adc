import { join } from 'node:path';
import type { SystemPlace } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { type SystemCopy, setCopiesAside } from './copies.js';
import { userFiles } from './named-files.js';

/** What lies below the roots. */
export interface Discovery {
  /** In the order of their names. */
  readonly places: readonly SystemPlace[];
  /** Folders that hold a system of `places` once more. They are reached by their paths only. */
  readonly copies: readonly SystemCopy[];
  /** What could not be read; the others are listed all the same. */
  readonly troubles: readonly Trouble[];
}

export interface Trouble {
  readonly path: string;
  /** The system's name, where it could be read. */
  readonly name?: string | undefined;
  readonly error: Error;
}

/** For those to whom the roots need not be there. */
export const NOTHING: Discovery = { places: [], copies: [], troubles: [] };

/** How a folder is looked at. */
export interface Looking {
  readonly placeAt: (folder: string) => Promise<SystemPlace>;
  /** What tells a file from all others, however it is reached. */
  readonly identityOf: (path: string) => string | undefined;
}

/** Looks through all roots. Throws the first trouble where there is nothing else. */
export async function discover(roots: readonly string[], { placeAt, identityOf }: Looking): Promise<Discovery> {
  const { default: fastGlob } = await import('fast-glob');
  const found = new Map<string, SystemPlace>();
  const troubles: Trouble[] = [];
  for (const root of roots) {
    const folder = await (await userFiles()).followLinks(root);
    if (folder === undefined) troubles.push({ path: root, error: missingRoot(root) });
    const options = { cwd: root, onlyFiles: false, followSymbolicLinks: false, suppressErrors: true };
    for (const file of folder === undefined ? [] : await fastGlob('*/system.json', options)) {
      const path = join(root, file, '..');
      await placeAt(path).then(
        // A root may be given twice, or lie behind a link or a mount: a folder that is reached again is the same one.
        (place) => found.set(identityOf(join(place.path, 'system.json')) ?? place.path, place),
        (error: Error) => troubles.push({ path, error }),
      );
    }
  }
  if (found.size === 0 && troubles.length === roots.length && troubles[0]) throw troubles[0].error;
  const { places, copies, doubles } = setCopiesAside([...found.values()]);
  const unclear = doubles.flatMap(({ places: same, error }) => same.map(({ path, name }) => ({ path, name, error })));
  const sorted = [...places].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { places: sorted, copies, troubles: [...troubles, ...unclear] };
}

function missingRoot(root: string): Error {
  return failure(
    'file-not-found',
    `The folder ${root}, in which systems are looked for, is not there.`,
    'Make it, or name another with --root.',
  );
}
