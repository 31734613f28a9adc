import type { PlantedBug } from './bugs.js';

const CONTROLLER = 'src/core/controller';
const SUBORDINATE = `${CONTROLLER}/groups/subordinate.ts`;
const REMOTE = `${CONTROLLER}/groups/remote.ts`;
const RECOVERY = `${CONTROLLER}/groups/recovery.ts`;
const RECEIVER = 'src/core/transfer/receiver.ts';

/** Rules of formation and recovery, taken out one by one. */
export const FORMATION_BUGS: readonly PlantedBug[] = [
  {
    id: 'H1c',
    file: SUBORDINATE,
    find: 'if (sequence <= table.highestSequence)',
    replace: 'if (sequence < 0)',
    why: 'a coordinate that comes again freezes again',
  },
  {
    id: 'H1d',
    file: 'src/core/hostio/fabric.ts',
    find: "return [{ do: 'fold', from: pairMapKey(pair.number, 'changed'), into: pairMapKey(pair.number, 'outOfSync') }];",
    replace: "return [{ do: 'empty', map: pairMapKey(pair.number, 'changed') }];",
    why: 'the thaw of a formation forgets what was written since its freeze',
  },
  {
    id: 'H1e',
    file: 'src/core/hostio/live-volume.ts',
    find: 'saved: new TrackMap(this.outOfSync.map.trackCount)',
    replace: 'saved: ((this as unknown as { kept?: TrackMap }).kept ??= new TrackMap(this.outOfSync.map.trackCount))',
    why: 'old contents saved for one formation count for the next',
  },
  {
    id: 'H1f',
    file: SUBORDINATE,
    find: 'if (seen <= sequence && (this.#thawed.get(group) ?? 0) < sequence) return;',
    replace: 'if (seen >= 0) return;',
    why: 'a coordinate that its thaw overtook freezes all the same',
  },
  {
    id: 'H2a',
    file: SUBORDINATE,
    find: "freeze.gate = late ? 'opened-by-itself' : 'opened-by-run';",
    replace: "void late;\n      freeze.gate = 'opened-by-run';",
    why: 'a gate whose lease is over counts as opened by the order to run',
  },
  {
    id: 'H2b',
    file: SUBORDINATE,
    find: "return freeze.gate === 'opened-by-run' ? { kind: 'ok', pauseMs } : { kind: 'opened-by-itself', pauseMs };",
    replace: "return { kind: 'ok', pauseMs };",
    why: 'nobody says that a gate opened by itself',
  },
  {
    id: 'H2c',
    file: SUBORDINATE,
    find: 'void this.#lease(freeze, open);',
    replace: 'void [this.#lease, open];',
    why: 'a gate stays closed until the master opens it',
  },
  {
    id: 'H3a',
    file: REMOTE,
    find: 'if (controller.fabric.pair(half.number).completeFor !== sequence)',
    replace: 'if (sequence < 0)',
    why: 'a prepare takes whatever the remote holds',
  },
  {
    id: 'H3b',
    file: RECEIVER,
    find: '    this.#pair.completeFor = undefined;\n    this.#landing += 1;',
    replace: '    this.#landing += 1;',
    why: 'a volume stays complete though later data arrives',
  },
  {
    id: 'H3c',
    file: SUBORDINATE,
    find: 'if (listed && this.#freezes.get(group)?.sequence !== numbered.sequence)',
    replace: 'if (numbered.sequence < 0)',
    why: 'a controller passes a prepare on whose freeze it did not make',
  },
  {
    id: 'H4e',
    file: RECEIVER,
    find: 'if (sequence <= this.#takenUpTo || this.#takenAbove.has(sequence))',
    replace: 'if (sequence < 0)',
    why: 'data that comes a second time lands a second time',
  },
  {
    id: 'H5d',
    file: REMOTE,
    find: 'if (term < table.term)',
    replace: 'if (term < 0)',
    why: 'a commit of a former term is carried out',
  },
  {
    id: 'H5e',
    file: RECOVERY,
    find: 'remote: { ...half.remote, term: half.remote.term + 1 }',
    replace: 'remote: { ...half.remote, term: half.remote.term }',
    why: 'a fence lets the data of the former primaries through',
  },
  {
    id: 'H6a',
    file: 'src/core/group/recovery-facts.ts',
    find: '  if (!lost) return;',
    replace: '  if (lost !== null) return;',
    why: 'a recovery judges without a remote that may have committed',
  },
  {
    id: 'H6b',
    file: 'src/core/group/recovery.ts',
    find: 'holds: ({ odd, n }) => !odd && n === null,',
    replace: 'holds: ({ odd, n }) => odd && n === null,',
    why: 'that no group was ever formed is no case of its own',
  },
  {
    id: 'H7a',
    file: `${CONTROLLER}/halves/orders.ts`,
    find: '  demandUninhibited(controller, half);\n',
    replace: '  void [demandUninhibited, half];\n',
    why: 'a prepared volume is written before its commit',
  },
  {
    id: 'H7b',
    file: REMOTE,
    find: '`);\n  await catalog.durable();\n  controller.notify();',
    replace: '`);\n  controller.notify();',
    why: 'a prepare is answered before it is durable',
  },
  {
    id: 'H8a',
    file: 'src/core/hostio/save-and-fill.ts',
    find: 'if (record.virtualCopyOf !== undefined) throw error;',
    replace: 'void record.virtualCopyOf;',
    why: "a backup's fault destroys the last group",
  },
  {
    id: 'H8b',
    file: 'src/core/hostio/save-aside.ts',
    find: 'if (!pair.forming) return fabric.loseThePointInTime(pair, error);',
    replace: "await fabric.thaw(pair, 'full');\n  if (pair.record) return fabric.loseThePointInTime(pair, error);",
    why: 'a full save area suspends a pair that forms',
  },
  {
    id: 'H10d',
    file: 'src/core/catalog/opened-catalog.ts',
    find: 'const marked = withMarks || leaving.length > 0 || changes.some(stepsBetweenMaps);',
    replace: 'const marked = withMarks && changes.every((one) => !stepsBetweenMaps(one));',
    why: 'a commit folds marks that a crash takes back',
  },
  {
    id: 'H12',
    file: RECOVERY,
    find: "      do: 'unite' as const,\n      from: pairMapKey(copy.number, 'secondary'),",
    replace: "      do: 'subtract' as const,\n      tracks: pairMapKey(copy.number, 'secondary'),",
    why: 'nobody knows of the tracks that a recovery took back',
  },
  {
    id: 'H17',
    file: SUBORDINATE,
    find: "if (leg.side !== 'secondary') continue;",
    replace: 'if (leg.pair.number >= 0) continue;',
    why: 'a mix is formed',
  },
  {
    id: 'H31a',
    file: `${CONTROLLER}/groups/holds.ts`,
    find: 'if (leftMs <= 0) {\n        this.#end(group, hold);\n        continue;\n      }',
    replace: 'if (leftMs <= 0) return;',
    why: 'a stop outlives a dead master',
  },
  {
    id: 'H31b',
    file: `${CONTROLLER}/groups/holds.ts`,
    find: '      present.untilMs = untilMs;\n',
    replace: '      void untilMs;\n',
    why: 'a hold cannot be renewed',
  },
];
