import { JOURNALS_FOLDER } from '../../catalog/catalog.js';
import { isToolkitError } from '../../foundation/foundation.js';
import { inspectJournal, type JournalFlaw, type JournalReport } from '../../journal/journal.js';
import { FileError } from '../../ports/ports.js';
import type { ReceiveRow } from '../../session/session.js';
import type { CheckFinding } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { receiveFolder } from './receive.js';
import { transmitFolder } from './transmit.js';

/** A journal of a session here, and what is known of it beside its files. */
interface Known {
  readonly folder: string;
  readonly session: string;
  readonly peer: string;
  /** Of a receive journal; one that only sends has none. */
  readonly row: ReceiveRow | undefined;
}

/** Reads every record of every journal: codes, numbers, and whether what is not applied yet is all there. Changes nothing. */
export async function checkJournals(controller: Controller): Promise<readonly CheckFinding[]> {
  const { files, place } = controller;
  const known = knownJournals(controller);
  const findings: CheckFinding[] = [];
  for (const folder of journalFolders(controller)) {
    const subject = folder.slice(place.path.length + 1);
    const journal = known.find((one) => one.folder === folder);
    if (!journal) findings.push({ severity: 'warning', subject, message: 'belongs to no checkpoint session' });
    try {
      const report = await inspectJournal(files, folder, () => controller.ports.clock.yieldTurn());
      findings.push(...report.flaws.map((flaw) => findingOf(subject, journal, flaw)));
      const gap = journal?.row && report.flaws.length === 0 ? gapOf(report, journal.row) : undefined;
      if (journal && gap) findings.push({ severity: 'error', subject, message: `${gap}; ${remedy(journal)}` });
    } catch (error) {
      if (!(error instanceof FileError) && !isToolkitError(error)) throw error;
      findings.push({ severity: 'error', subject, message: `it cannot be read: ${error.message}` });
    }
  }
  for (const { folder, row, peer } of known) {
    if (!row || row.appliedSequence === 0 || files.status(folder)) continue;
    const message = `the journal of what ${peer} sent is missing; ${remedy({ row, peer })}`;
    findings.push({ severity: 'error', subject: folder.slice(place.path.length + 1), message });
  }
  return findings;
}

function journalFolders({ files, place }: Controller): readonly string[] {
  const root = `${place.path}/${JOURNALS_FOLDER}`;
  if (!files.status(root)) return [];
  return files
    .list(root)
    .flatMap((stream) => ['receive', 'transmit'].map((way) => `${root}/${stream}/${way}`))
    .filter((folder) => files.status(folder)?.kind === 'folder');
}

function knownJournals({ place, sessions }: Controller): readonly Known[] {
  return sessions.sheets.all().flatMap(({ id, name, primary, secondary }): Known[] => [
    ...(secondary?.streams ?? []).map((row) => ({
      folder: `${place.path}/${receiveFolder(id, row.primary.id)}`,
      session: name,
      peer: row.primary.name,
      row,
    })),
    ...(primary?.streams ?? []).map(({ secondary: { id: peerId, name: peer } }) => ({
      folder: `${place.path}/${transmitFolder(id, peerId)}`,
      session: name,
      peer,
      row: undefined,
    })),
  ]);
}

function findingOf(subject: string, journal: Known | undefined, flaw: JournalFlaw): CheckFinding {
  const file = flaw.path.slice(flaw.path.lastIndexOf('/') + 1);
  switch (flaw.kind) {
    case 'torn-tail':
      return {
        severity: 'warning',
        subject,
        message: `record ${flaw.sequence} (${file}, at byte ${flaw.atByte}) was cut short by a crash and was never acknowledged; it is dropped`,
      };
    case 'bad-record': {
      const where = `record ${flaw.sequence} is not whole (${file}, at byte ${flaw.atByte})`;
      const applied = journal?.row && flaw.sequence <= journal.row.appliedSequence;
      return applied
        ? { severity: 'warning', subject, message: `${where}; it is applied already, and goes with its segment` }
        : { severity: 'error', subject, message: `${where}; ${remedy(journal)}` };
    }
    case 'missing-segment':
      return { severity: 'error', subject, message: `segment ${file} is missing; ${remedy(journal)}` };
    case 'newer-format':
      return {
        severity: 'error',
        subject,
        message: `segment ${file} has a newer format than this copyset knows; use the copyset that wrote it`,
      };
    case 'bad-segment':
      return { severity: 'error', subject, message: `segment ${file} cannot be used: ${flaw.why}; ${remedy(journal)}` };
  }
}

/** Between what is applied and what is there no record may be missing, and what was applied was there. */
function gapOf({ firstSequence, nextSequence }: JournalReport, row: ReceiveRow): string | undefined {
  const { appliedSequence } = row;
  if (firstSequence > appliedSequence + 1)
    return `records ${appliedSequence + 1} to ${firstSequence - 1}, which are not applied, are missing`;
  const needed = Math.max(appliedSequence, row.shownSequence ?? 0);
  if (nextSequence <= needed) return `it ends at record ${nextSequence - 1}, and records up to ${needed} were there`;
  return undefined;
}

function remedy(journal: Pick<Known, 'row' | 'peer'> | undefined): string {
  if (!journal) return 'nobody needs it';
  return journal.row
    ? `no later checkpoint can be applied here: delete the session's pairs from ${journal.peer} (pair delete --force at both sides) and make them anew`
    : `what it held is not sent: pair suspend, then pair resync, of the session's pairs to ${journal.peer} copy all that was ever written`;
}
