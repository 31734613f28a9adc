import { failure } from '../core/foundation/foundation.js';
import type { SystemRef } from '../core/group/group.js';
import type { PairMode } from '../core/pair/pair.js';
import { parseAddress } from '../core/volume/volume.js';
import type { Toolkit } from './open-toolkit.js';
import { findSession } from './session-finding.js';

interface JournalWords {
  readonly session?: string | undefined;
  readonly backup?: string | undefined;
}

/** What a pair of mode journal needs, and what only it can have. Throws `usage` and `mode-not-here`. */
export function demandJournalWords(mode: PairMode, { session, backup }: JournalWords): void {
  if (mode === 'journal' && session === undefined)
    throw failure(
      'usage',
      'A journal pair belongs to a checkpoint session: --session NAME is missing.',
      'copyset checkpoint create NAME --at SYSTEM makes a session.',
    );
  if (mode !== 'journal' && backup !== undefined)
    throw failure('mode-not-here', '--backup is for pairs of mode journal.', 'Say --mode journal, or leave it out.');
}

/** The backup volume by its name, or `auto`. It lies beside the secondary. Throws `mode-not-here`. */
export async function backupBeside(toolkit: Toolkit, secondary: string, backup: string): Promise<string> {
  if (backup === 'auto') return backup;
  const address = parseAddress(backup);
  const system = await toolkit.find(address.system);
  const beside = await toolkit.find(parseAddress(secondary).system);
  if (system.info.id === beside.info.id) return address.volume;
  throw failure(
    'mode-not-here',
    `The backup ${backup} is not in ${beside.name}, where the secondary ${secondary} lies.`,
    `Name a volume of ${beside.name}, or say --backup auto.`,
  );
}

/** Where the session's configuration table lies, which the pair is entered in. Throws `session-not-found`. */
export async function sessionHome(toolkit: Toolkit, session: string): Promise<SystemRef> {
  return (await findSession(toolkit, session)).session.home;
}
