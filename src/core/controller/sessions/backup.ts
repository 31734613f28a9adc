import { lossesDownstream } from '../../hostio/hostio.js';
import type { HalfRecord, PairRecord } from '../../pair/pair.js';
import type { Controller, RequestContext } from '../open-controller.js';
import { createPairs } from '../pairs/create.js';

/**
 * What a session keeps of a secondary while differences come back to it: a virtual copy of its last checkpoint on the backup volume
 * that the pair was made with. It is there from the withdrawal until the next checkpoint is applied.
 */

/** Freezes the secondary as it is. False where the pair has no backup volume, or its secondary showed nothing yet. */
export async function keepBackup(controller: Controller, half: HalfRecord, context: RequestContext): Promise<boolean> {
  const { catalog, sessions } = controller;
  const { journal } = half.remote;
  const backup = journal?.backup == null ? undefined : catalog.volumes.get(journal.backup);
  const secondary = catalog.volumes.get(half.secondary);
  if (!journal?.entered || !backup || !secondary) return false;
  if (backupOf(controller, half)) return true;
  const pairs = [{ primary: secondary.name, secondary: backup.name, virtual: true, split: true }];
  // A context of its own: the answer that is kept by an id is that of the whole request.
  const own = { ...context, id: controller.ports.random.id('backup') };
  await createPairs(controller, { pairs, overwrite: true }, {}, own);
  const keeper = sessions.sheets.byId(journal.session)?.name;
  await catalog.change(() => {
    const made = backupOf(controller, half);
    return made ? [{ do: 'put-pair', record: { ...made, virtualCopyOf: keeper } }] : [];
  });
  await catalog.durable();
  controller.step('session.kept');
  return true;
}

/** The virtual copy that a withdrawn secondary is kept on. */
export function backupOf({ catalog }: Controller, half: HalfRecord): PairRecord | undefined {
  const backup = half.remote.journal?.backup;
  if (backup == null) return undefined;
  return [...catalog.pairs.values()].find((pair) => pair.primary === half.secondary && pair.secondary === backup);
}

/**
 * The secondary shows a checkpoint again: nobody needs the earlier one. As long as tracks of the secondary lie there it stays, until the
 * next one is applied.
 */
export async function dropBackup(controller: Controller, half: HalfRecord): Promise<void> {
  const { catalog, fabric } = controller;
  const kept = backupOf(controller, half);
  if (!kept || lacksFrom(controller, kept)) return;
  await controller.exclusively(() =>
    catalog.change(() => {
      const copy = backupOf(controller, half);
      if (!copy) return [];
      const volume = catalog.volumes.get(copy.secondary);
      const missingTracks = catalog.pairMap(copy.number, 'outOfSync').map.count;
      const incomplete = { missingTracks, reason: 'it kept an earlier checkpoint of its session' };
      return [
        ...lossesDownstream(catalog, copy, 'the checkpoint that was kept above it was dropped'),
        { do: 'drop-pair' as const, number: copy.number },
        ...(volume && missingTracks > 0
          ? [{ do: 'put-volume' as const, record: { ...volume, reserved: true, incomplete } }]
          : []),
      ];
    }),
  );
  fabric.pairsChanged();
  await catalog.durable();
  await controller.removeLeftovers();
}

/** It is being brought back from there, and is not whole yet. */
function lacksFrom({ fabric }: Controller, { number }: PairRecord): boolean {
  const pair = fabric.pair(number);
  const lacking = pair.roles.primaryLacks;
  return lacking !== null && !pair.map(lacking).map.isEmpty;
}
