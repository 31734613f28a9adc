import type { SystemRef } from '../../group/group.js';
import { createJournal, hasJournal, type JournalPlace } from '../../journal/journal.js';
import type { TransmitRow } from '../../session/session.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { dropJournal } from './dropping.js';
import { atPrimary } from './sheets.js';

/**
 * The generations of a stream's transmit journal (decision 78). One that is damaged is never written again: the row of the stream names
 * the next generation, durably, whose journal goes on where the secondary's ends.
 */

interface StreamTo {
  readonly session: string;
  readonly secondary: SystemRef;
  readonly generation: number;
}

export function generationOf(controller: Controller, session: string, secondary: string): number {
  const rows = controller.sessions.sheets.byId(session)?.primary?.streams ?? [];
  return rows.find((row) => row.secondary.id === secondary)?.generation ?? 0;
}

export function transmitPlace(
  { place }: Controller,
  session: string,
  secondary: SystemRef,
  generation: number,
): JournalPlace {
  const name = generation === 0 ? 'transmit' : `transmit-${generation}`;
  return {
    folder: `${place.path}/${streamFolder(session, secondary.id)}/${name}`,
    what: `what is kept for ${secondary.name}`,
  };
}

/** Nobody opens the journal of this generation, or of an earlier one, again. */
export async function raiseGeneration(
  controller: Controller,
  { session, secondary, generation }: StreamTo,
): Promise<void> {
  if (generationOf(controller, session, secondary.id) > generation) return;
  await update(controller, session, secondary, (row) => ({ ...row, generation: generation + 1 }));
  controller.step('journal.abandoned');
}

/** Makes the journal of the stream's generation, where it is not there. Throws what keeps the secondary from saying where it goes on. */
export async function makeTransmitJournal(
  controller: Controller,
  session: string,
  secondary: SystemRef,
): Promise<void> {
  const { files, place, ports } = controller;
  const limitBytes = place.info.journalLimitBytes;
  for (;;) {
    const generation = generationOf(controller, session, secondary.id);
    const where = transmitPlace(controller, session, secondary, generation);
    if (hasJournal(files, where.folder)) return;
    const { known, nextSequence, lastTime } = await renew(controller, { session, secondary, generation });
    if (known < generation || nextSequence === 1) {
      const start = { firstSequence: nextSequence, time: BigInt(lastTime) };
      await createJournal(files, { ...where, limitBytes, bootId: ports.clock.bootId(), ...start });
      controller.step('journal.renewed');
      await removeFormer(controller, session, secondary.id, where.folder);
      return;
    }
    // Records of this generation, or of a later one, are there already, and their journal is gone.
    await raiseGeneration(controller, { session, secondary, generation: known });
  }
}

function renew(
  { peers, place, sessions }: Controller,
  { session, secondary, generation }: StreamTo,
): Promise<Requests['stream.renew']['output']> {
  const term = sessions.sheets.byId(session)?.term ?? 0;
  const input = { session, term, primary: peers.self.id, generation };
  return peers
    .request(secondary, 'stream.renew', input, { limitMs: place.info.linkLimitMs })
    .then(({ output }) => output);
}

async function update(
  controller: Controller,
  session: string,
  secondary: SystemRef,
  next: (row: TransmitRow) => TransmitRow,
): Promise<void> {
  await controller.sessions.sheets.update(
    session,
    atPrimary((table) => ({
      ...table,
      streams: table.streams.map((row) => (row.secondary.id === secondary.id ? next(row) : row)),
    })),
  );
}

/** What they hold was marked before another was begun. */
async function removeFormer(controller: Controller, session: string, secondary: string, folder: string): Promise<void> {
  const { files, place } = controller;
  const above = `${place.path}/${streamFolder(session, secondary)}`;
  for (const name of files.list(above)) {
    const former = `${above}/${name}`;
    if (!/^transmit(-\d+)?$/.test(name) || former === folder) continue;
    await dropJournal(controller, former);
  }
}

function streamFolder(session: string, secondary: string): string {
  return `journals/${session}-${secondary}`;
}
