import { failure, isToolkitError, type ToolkitError } from '../../foundation/foundation.js';
import { createJournal, hasJournal, Journal, type JournalPlace } from '../../journal/journal.js';
import type { ReceiveRow, SessionSheet } from '../../session/session.js';
import type { Controller } from '../open-controller.js';
import { dropJournal } from './dropping.js';
import { noteSession } from './history.js';
import { atSecondary } from './sheets.js';

/** The file side of what a primary sends: its primary keeps each record until it is applied here, so that a damaged journal is filled again. */

/** Makes it where nothing was received yet. Throws `metadata-damaged` also where it does not go on behind what is applied. */
export async function openReceiveJournal(
  controller: Controller,
  sheet: SessionSheet,
  row: ReceiveRow,
): Promise<Journal> {
  const { files, place, sessions, ports } = controller;
  const where = receivePlace(controller, sheet, row);
  const bootId = ports.clock.bootId();
  const limitBytes = place.info.journalLimitBytes;
  if (row.appliedSequence === 0 && !hasJournal(files, where.folder))
    await createJournal(files, { ...where, limitBytes, bootId });
  const { journal } = Journal.open(files, { ...where, bootId, budget: sessions.journals });
  const next = row.appliedSequence + 1;
  if (journal.firstSequence <= next && journal.nextSequence >= next) return journal;
  await journal.close();
  throw failure('metadata-damaged', `There is no record ${next} in ${where.what}, and nothing before it is needed.`);
}

/** Begins anew behind what is applied; nothing that came later is held until it was sent once more. */
export async function remakeReceiveJournal(
  controller: Controller,
  sheet: SessionSheet,
  row: ReceiveRow,
  reason: string,
): Promise<void> {
  const { files, place, ports, sessions } = controller;
  const where = receivePlace(controller, sheet, row);
  await sessions.sheets.update(
    sheet.id,
    atSecondary((table) => ({
      ...table,
      streams: table.streams.map((one) =>
        one.primary.id === row.primary.id ? { ...one, remadeIn: one.generation } : one,
      ),
    })),
  );
  await dropJournal(controller, where.folder);
  const start = { firstSequence: row.appliedSequence + 1, time: 0n };
  const limitBytes = place.info.journalLimitBytes;
  await createJournal(files, { ...where, limitBytes, bootId: ports.clock.bootId(), ...start });
  controller.step('stream.remade');
  noteSession(controller, sheet, 'damage', { about: row.primary.name, reason: reason.replace(/\.$/, '') });
}

/** What is not there, or not what was written. */
export function isDamage(error: unknown): error is ToolkitError {
  return DAMAGE.some((code) => isToolkitError(error, code));
}

const DAMAGE = ['metadata-damaged', 'file-not-found', 'not-regular', 'check-code'] as const;

export function receivePlace({ place }: Controller, { id, name }: SessionSheet, { primary }: ReceiveRow): JournalPlace {
  return {
    folder: `${place.path}/journals/${id}-${primary.id}/receive`,
    what: `what session ${name} received from ${primary.name}`,
  };
}
