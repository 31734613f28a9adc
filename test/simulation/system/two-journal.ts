import type { TrackRun } from '../../../src/core/foundation/foundation.js';
import { type HalfRecord, isHalf, isJournalled } from '../../../src/core/pair/pair.js';
import { TwoSystems } from './two-systems.js';

export const SESSION = 'j';

/** tokyo's `db` is the primary of a journal pair to osaka's `db-copy`, in a running session; both copiers run. */
export async function journalled(
  seed: number,
  wishes: Parameters<typeof TwoSystems.create>[1] = {},
): Promise<TwoSystems> {
  const systems = await TwoSystems.create(seed, wishes);
  await makeSession(systems);
  await systems.pair({ mode: 'journal', session: SESSION });
  await systems.ask('tokyo', 'session.start', { session: SESSION });
  await systems.wait('duplex');
  return systems;
}

export async function makeSession(systems: TwoSystems, order: 'clock' | 'arrival' = 'clock'): Promise<void> {
  const policy = { intervalMs: 0 };
  await systems.ask('tokyo', 'session.create', { session: SESSION, order, policy, enableAtSecondary: false });
}

/** Whether tokyo's writes are records now. */
export function isRecording(systems: TwoSystems): boolean {
  const [record] = [...systems.own('tokyo').controller.catalog.pairs.values()];
  return record !== undefined && isJournalled(record);
}

/** Issues a checkpoint and waits until osaka shows it. */
export async function show(systems: TwoSystems): Promise<string> {
  const { mark } = await systems.ask('tokyo', 'session.mark', { session: SESSION });
  const { verdict } = await systems.ask('osaka', 'session.wait', { session: SESSION, mark, timeoutMs: 30_000 });
  return verdict;
}

/** The tracks that any of the primary's maps or a record that it still keeps holds. */
export function markedOrKept(systems: TwoSystems): ReadonlySet<number> {
  const { catalog } = systems.own('tokyo').controller;
  const found = new Set<number>();
  for (const half of catalog.pairs.values()) {
    for (const map of ['outOfSync', 'changed', 'secondary'] as const)
      for (const run of catalog.pairMap(half.number, map).map.runs()) addAll(found, run);
    if (isHalf(half) && isJournalled(half)) for (const run of keptRuns(systems, half)) addAll(found, run);
  }
  return found;
}

function* keptRuns(systems: TwoSystems, half: HalfRecord): Iterable<TrackRun> {
  const { fabric, streams } = systems.own('tokyo').controller;
  const { geometry } = fabric.volume(half.primary);
  const { journal } = streams.of(half.remote.journal?.session ?? '', half.remote.peer.system);
  for (const record of journal?.records(journal.firstSequence) ?? [])
    if (record.kind === 'write' && record.pair === half.remote.id)
      yield geometry.tracksOf(record.offset, record.data.length);
}

function addAll(found: Set<number>, { first, count }: TrackRun): void {
  for (let track = first; track < first + count; track += 1) found.add(track);
}
