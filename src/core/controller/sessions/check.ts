import { JOURNALS_FOLDER } from '../../catalog/catalog.js';
import { isToolkitError } from '../../foundation/foundation.js';
import { inspectJournal, type JournalFlaw, type JournalReport } from '../../journal/journal.js';
import { FileError } from '../../ports/ports.js';
import type { ReceiveRow } from '../../session/session.js';
import type { CheckFinding } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { generationOf, transmitPlace } from './generation.js';
import { receivePlace } from './received.js';

/** A journal of a session here, and what is known of it beside its files. */
interface Known {
  readonly folder: string;
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
    const journal = known.find((one) => one.folder === folder);
    if (!journal && isFormer(folder, known)) continue;
    findings.push(...(await checkJournal(controller, folder, journal)));
  }
  for (const { folder, row, peer } of known) {
    if (!row || row.appliedSequence === 0 || files.status(folder)) continue;
    const message = `the journal of what ${peer} sent is missing; ${remedy({ row, peer })}`;
    findings.push({ severity: 'error', subject: folder.slice(place.path.length + 1), message });
  }
  return findings;
}

async function checkJournal(
  { files, place, ports }: Controller,
  folder: string,
  journal: Known | undefined,
): Promise<readonly CheckFinding[]> {
  const subject = folder.slice(place.path.length + 1);
  const foreign: CheckFinding = { severity: 'warning', subject, message: 'belongs to no checkpoint session' };
  const findings = journal ? [] : [foreign];
  try {
    const report = await inspectJournal(files, folder, () => ports.clock.yieldTurn());
    findings.push(...report.flaws.map((flaw) => findingOf(subject, journal, flaw)));
    const gap = journal?.row && report.flaws.length === 0 ? gapOf(report, journal.row) : undefined;
    if (gap) findings.push({ severity: 'error', subject, message: `${gap}; ${remedy(journal)}` });
  } catch (error) {
    if (!(error instanceof FileError) && !isToolkitError(error)) throw error;
    findings.push({ severity: 'error', subject, message: `it cannot be read: ${error.message}` });
  }
  return findings;
}

/** One of an earlier generation was given up, and goes when the next is made. */
function isFormer(folder: string, known: readonly Known[]): boolean {
  return known.some((one) => folder.startsWith(`${one.folder.slice(0, one.folder.lastIndexOf('/'))}/transmit`));
}

function journalFolders({ files, place }: Controller): readonly string[] {
  const root = `${place.path}/${JOURNALS_FOLDER}`;
  if (!files.status(root)) return [];
  return files
    .list(root)
    .flatMap((stream) => files.list(`${root}/${stream}`).map((way) => `${root}/${stream}/${way}`))
    .filter((folder) => files.status(folder)?.kind === 'folder');
}

function knownJournals(controller: Controller): readonly Known[] {
  return controller.sessions.sheets.all().flatMap((sheet): Known[] => [
    ...(sheet.secondary?.streams ?? []).map((row) => ({
      folder: receivePlace(controller, sheet, row).folder,
      peer: row.primary.name,
      row,
    })),
    ...(sheet.primary?.streams ?? []).map(({ secondary }) => ({
      folder: transmitPlace(controller, sheet.id, secondary, generationOf(controller, sheet.id, secondary.id)).folder,
      peer: secondary.name,
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
    ? `it is made anew when the session next opens it, and ${journal.peer} sends its records once more, or its pairs' differences where it has lost them`
    : `it is made anew when it is opened, and the session's pairs to ${journal.peer} copy all that was ever written`;
}
