import { JOURNALS_FOLDER } from '../../catalog/catalog.js';
import { removeJournal } from '../../journal/journal.js';
import { FileError } from '../../ports/ports.js';
import type { Controller } from '../open-controller.js';

/** `journals/STREAM`: the session's id, and that of the system at the other end. */
const STREAM = /^([0-9a-f]{32})-[0-9a-f]{32}$/;
const JOURNAL = /^(receive|transmit(-\d+)?)$/;

/** The journal's room is everybody's again. */
export async function dropJournal({ files, sessions }: Controller, folder: string): Promise<void> {
  await removeJournal(files, folder);
  sessions.journals.forget(folder);
  removeIfEmpty(files, folder);
}

/**
 * Removes the journals of sessions that were deleted here. A session's sheet is durable before any journal of it is made, and goes only
 * when no pair of it is left: nobody needs what is here without one. What a crash or a fault leaves goes with the next open.
 */
export async function removeOrphans(controller: Controller): Promise<void> {
  const { files, place, sessions } = controller;
  const root = `${place.path}/${JOURNALS_FOLDER}`;
  try {
    if (!files.status(root)) return;
    for (const stream of files.list(root)) {
      const session = STREAM.exec(stream)?.[1];
      if (session === undefined || sessions.sheets.byId(session) || isNamed(controller, session)) continue;
      const above = `${root}/${stream}`;
      for (const name of files.list(above)) if (JOURNAL.test(name)) await dropJournal(controller, `${above}/${name}`);
      removeIfEmpty(files, above);
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

/** Whether a pair here says that it is of the session. */
function isNamed({ catalog }: Controller, session: string): boolean {
  return [...catalog.pairs.values()].some(({ remote }) => remote?.journal?.session === session);
}

function removeIfEmpty(files: Controller['files'], folder: string): void {
  if (files.status(folder)?.kind === 'folder' && files.list(folder).length === 0) files.removeFolder(folder);
}
