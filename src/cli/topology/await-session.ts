import type { SystemPlace } from '../../core/controller/controller.js';
import { type ActiveRow, listSession } from '../../core/session/session.js';
import { nowMs } from '../now.js';
import type { Toolkit } from '../open-toolkit.js';
import { type FoundSession, findSession, primaryMasterPlace, secondaryMasterPlace } from '../session-finding.js';
import type { Standing } from './awaiting.js';
import type { WaitOptions } from './follow-pairs.js';

/** One piece of the work lasts no longer, so that the whole is looked at in between. */
const PIECE_MS = 5_000;

/** A session that shows no checkpoint gets one: it is issued, sent by those who hold the primaries, and applied. */
export async function roundOfSession(
  toolkit: Toolkit,
  name: string,
  options: WaitOptions,
  acts: boolean,
): Promise<Standing> {
  const found = await findSession(toolkit, name);
  const { applied, state, systems } = listSession(found.session, found.views, nowMs());
  if (applied !== null && isShownByAll(found.session.table, applied)) return { kind: 'reached' };
  if (found.session.config.length === 0) return { kind: 'cannot', reason: 'it has no pairs' };
  if (state === 'stopped') return { kind: 'cannot', reason: 'it is stopped' };
  if (state === 'recovered') return { kind: 'cannot', reason: 'its secondaries were made primaries' };
  const troubled = systems.find(({ reason }) => reason !== null);
  if (!acts)
    return {
      kind: 'coming',
      reason: troubled ? `${troubled.system}: ${troubled.reason}` : 'no checkpoint was applied yet',
    };
  return bringOne(toolkit, found, options);
}

async function bringOne(toolkit: Toolkit, found: FoundSession, { limit, signal }: WaitOptions): Promise<Standing> {
  const { name: session } = found.session;
  const pieceMs = () => Math.min(PIECE_MS, limit.leftMs);
  const extras = { signal };
  const senders = primaries(found);
  await send(toolkit, senders, pieceMs(), signal);
  const { mark } = await toolkit.use(
    primaryMasterPlace(found),
    async (client) => (await client.request('session.mark', { session }, extras)).output,
    extras,
  );
  await send(toolkit, senders, pieceMs(), signal);
  const { verdict, reason } = await toolkit.use(
    secondaryMasterPlace(found),
    async (client) => (await client.request('session.wait', { session, mark, timeoutMs: pieceMs() }, extras)).output,
    extras,
  );
  if (verdict === 'applied') return { kind: 'reached' };
  return { kind: 'coming', reason: reason ?? `checkpoint ${mark} was not applied: ${verdict}` };
}

async function send(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const drain = (place: SystemPlace) =>
    toolkit.use(place, (client) => client.request('copier.drain', { timeoutMs }, { signal }), { signal });
  await Promise.all(places.map(drain));
}

/** Those below the roots that take part. */
function primaries({ session, places }: FoundSession): readonly SystemPlace[] {
  const ids = session.config.filter(({ resignedAt }) => resignedAt === null).map(({ system }) => system.id);
  return places.filter(({ info }) => ids.includes(info.id));
}

/** A stream that enters later than this checkpoint does not show it; one that resigned is not waited for. */
function isShownByAll(table: readonly ActiveRow[], applied: number): boolean {
  return table.every(({ resigned, enteredAt }) => resigned !== null || (enteredAt !== null && enteredAt <= applied));
}
