import { FORMATION_BUGS } from './bugs-formation.js';
import { JOURNAL_BUGS } from './bugs-journal.js';
import { SESSION_BUGS } from './bugs-session.js';
import { STREAM_BUGS } from './bugs-streams.js';

/** A rule taken out of the code, to see that a test notices. `find` stands exactly once in `file`. */
export interface PlantedBug {
  /** The hazard or protocol whose tests must fail: `H9`, `P4`; with a letter where there are several. */
  readonly id: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** What the code does wrong then. */
  readonly why: string;
  /** Test files of which any test may notice it; absent: those of the hazard. */
  readonly tests?: readonly string[];
}

const PAIR = 'src/core/pair';
const HOSTIO = 'src/core/hostio';
const CONTROLLER = 'src/core/controller';

const thawAndFreeze: readonly PlantedBug[] = [
  {
    id: 'H1a',
    file: `${PAIR}/decide.ts`,
    find: "  { step: 'fold', from: 'changed', into: 'outOfSync' },\n  { step: 'fold', from: 'secondary', into: 'outOfSync' },",
    replace: "  { step: 'fold', from: 'secondary', into: 'outOfSync' },\n  { step: 'empty', map: 'changed' },",
    why: 'a thaw forgets what P wrote since the freeze',
  },
  {
    id: 'H1b',
    file: `${PAIR}/decide.ts`,
    find: "  { step: 'fold', from: 'changed', into: 'outOfSync' },\n  { step: 'fold', from: 'secondary', into: 'outOfSync' },",
    replace: "  { step: 'empty', map: 'outOfSync' },\n  { step: 'fold', from: 'changed', into: 'outOfSync' },",
    why: 'out-of-sync := change-recording: what was left over is forgotten',
  },
  {
    id: 'H15a',
    file: `${CONTROLLER}/pairs/transaction.ts`,
    find: "controller.step('pair.logged');\n          await catalog.durable();",
    replace: "controller.step('pair.logged');",
    why: 'the split is answered before its record is durable',
  },
  {
    id: 'H15b',
    file: 'src/core/catalog/opened-catalog.ts',
    find: 'const marked = withMarks || leaving.length > 0 || changes.some(stepsBetweenMaps);',
    replace: 'const marked = withMarks && changes.length === 0 && stepsBetweenMaps !== undefined;',
    why: 'marks of hot regions are not in the record of the split',
  },
  {
    id: 'H15c',
    file: `${CONTROLLER}/pairs/transaction.ts`,
    find: 'await volume.gate.quiet();\n      await flush(live.filter((volume) => volume.hot.size > 0));',
    replace: 'await volume.gate.quiet();',
    why: 'data written before the instant is not durable at the answer',
  },
  {
    id: 'H15d',
    file: `${CONTROLLER}/pairs/transaction.ts`,
    find: 'for (const volume of live) volume.gate.close();',
    replace: 'for (const volume of live) { volume.gate.close(); volume.gate.open(); }',
    why: 'writes go on while the point in time is made',
  },
];

const claims: readonly PlantedBug[] = [
  {
    id: 'H9a',
    file: `${HOSTIO}/obstacles.ts`,
    find: "    return { kind: 'claimed' };",
    replace: '    void 0;',
    why: 'nobody respects a claim',
  },
  {
    id: 'H9b',
    file: `${HOSTIO}/drain.ts`,
    find: 'const lands = await this.#fabric.clearTheWay(',
    replace: 'target.claims.release(lane.claim);\n      const lands = await this.#fabric.clearTheWay(',
    why: "the copier's claim ends before its write has landed",
  },
  {
    id: 'H9c',
    file: `${HOSTIO}/drain.ts`,
    find: 'return batch.target.claims.take(left.first, count);',
    replace: 'return batch.target.claims.take(wanted.first, wanted.count);',
    why: 'the copier takes tracks that came to the target while its way was cleared',
  },
  {
    id: 'H9d',
    file: `${HOSTIO}/obstacles.ts`,
    find: 'if (lacking) return fillOrSupersede(pair, side, lacking, whole);',
    replace: 'void lacking;',
    why: 'a write to a lacking track is made without the rest of the track, and forgotten',
  },
];

const doubt: readonly PlantedBug[] = [
  {
    id: 'H10a',
    file: `${PAIR}/doubt.ts`,
    find: "    map: 'changed',\n    why: 'P may have been overwritten;",
    replace: "    map: 'outOfSync',\n    why: 'P may have been overwritten;",
    why: 'doubt at P sends the frozen secondary to the new data',
  },
  {
    id: 'H10b',
    file: `${PAIR}/doubt.ts`,
    find: "    map: 'secondary',\n    why: \"S's host may have written;",
    replace: "    map: 'outOfSync',\n    why: \"S's host may have written;",
    why: 'doubt at a split S takes back what its host wrote',
  },
  {
    id: 'H10g',
    file: `${CONTROLLER}/pairs/transaction.ts`,
    find: '...coolSplit(fabric, changes), ',
    replace: '',
    why: 'what the copier wrote before a split counts as written by the host of the secondary',
    tests: ['test/hazards/h10-split-doubt.test.ts'],
  },
  {
    id: 'H10h',
    file: `${HOSTIO}/drain.ts`,
    find: '        return [...changes, ...coolSplit(this.#fabric, changes)];\n      }, true);',
    replace: '        return [...changes, ...coolSplit(this.#fabric, changes)];\n      });',
    why: 'regions go cold at the end of a copy without the marks of what hosts wrote meanwhile',
    tests: ['test/hazards/h10-split-doubt.test.ts'],
  },
  {
    id: 'H10c',
    file: `${PAIR}/decide.ts`,
    find: "  { step: 'subtract', tracks: 'outOfSync', from: 'secondary' },",
    replace: '',
    why: 'a restore copies tracks from a side that lacks them',
  },
  {
    id: 'H19a',
    file: `${CONTROLLER}/pairs/create.ts`,
    find: "    changes.push({ do: 'unite', from: volumeMapKey(record.secondary, 'allocated'), into: outOfSync });",
    replace: '',
    why: 'old data stays on S where P was never written',
  },
  {
    id: 'H19b',
    file: `${CONTROLLER}/recovery.ts`,
    find: "    changes.push({ do: 'set', map: volumeMapKey(number, 'allocated'), runs });",
    replace: '',
    why: 'an allocation that was not logged is lost with the power',
  },
  {
    id: 'H32a',
    file: `${CONTROLLER}/recovery.ts`,
    find: "    changes.push({ do: 'set', map: volumeMapKey(number, 'codeless'), runs });",
    replace: '',
    why: 'a code counts although its track was overwritten',
  },
  {
    id: 'H32b',
    file: `${HOSTIO}/drain.ts`,
    find: '      target.flushCodes(),\n',
    replace: '',
    why: "S's codes count before they are durable",
  },
  {
    id: 'H32c',
    file: `${HOSTIO}/drain.ts`,
    find: '      source.flushCodes(),\n',
    replace: '',
    why: "P's codes count before they are durable",
  },
  {
    id: 'H32d',
    file: `${HOSTIO}/copy-batch.ts`,
    find: 'if (!rewritten.target.touched(track)) append',
    replace: 'append',
    why: 'the code of copied data counts for what a host wrote over it',
  },
];

const jumpsAndStatuses: readonly PlantedBug[] = [
  {
    id: 'H11a',
    file: `${CONTROLLER}/pairs/steps.ts`,
    find: "if (refused && operation.kind !== 'delete') {",
    replace: "if (refused && operation.kind === 'delete') {",
    why: 'a restore changes tracks that another pair reads through',
  },
  {
    id: 'H11b',
    file: `${PAIR}/decide.ts`,
    find: "      jumps: [{ side: 'secondary', map: 'outOfSync', when: 'after' }],",
    replace: '      jumps: [],',
    why: 'a split with tracks missing tells nobody behind it',
  },
  {
    id: 'H11c',
    file: `${PAIR}/decide.ts`,
    find: "{ side: 'primary', map: 'secondary', when: 'after' }",
    replace: "{ side: 'primary', map: 'secondary', when: 'before' }",
    why: 'what a restore takes back is united before it is known',
  },
  {
    id: 'H11d',
    file: `${HOSTIO}/lane-reading.ts`,
    find: 'fabric.read(source.number, bytes, source.geometry.offsetOf(first));',
    replace: 'source.image.read(bytes, source.geometry.offsetOf(first));',
    why: 'the copier reads the image of a volume that lacks tracks',
  },
  {
    id: 'H11e',
    file: 'src/core/transfer/outgoing.ts',
    find: 'await own.image.readBulk(bytes, own.geometry.offsetOf(run.first));\n  return isStill();',
    replace: 'await own.image.readBulk(bytes, own.geometry.offsetOf(run.first));\n  return true;',
    why: 'what was read before somebody wrote is held against the code of what was written',
    tests: ['test/core/transfer/reading-beside.test.ts'],
  },
  {
    id: 'H14a',
    file: `${PAIR}/operations.ts`,
    find: "suspended: { doesFrom: ['pending', 'duplex', 'sp-pending', 'split', 'resync'] },",
    replace: "suspended: { doesFrom: ['pending', 'duplex', 'sp-pending', 'split', 'resync', 'resync-reverse'] },",
    why: 'a restore that was suspended is resynced over the only good copy',
  },
  {
    id: 'H14b',
    file: `${PAIR}/roles.ts`,
    find: "      return { host: 'none', why: `is the secondary of a pair that is",
    replace:
      "      return { host: state.status === 'suspended' ? 'read' : 'none', why: `is the secondary of a pair that is",
    why: 'a partial secondary is read',
  },
  {
    id: 'H14c',
    file: `${PAIR}/operations.ts`,
    find: "suspended: { doesFrom: ['sp-pending'] },",
    replace: 'suspended: { doesFrom: [] },',
    why: 'a split that was suspended never goes on',
  },
  {
    id: 'H14d',
    file: `${PAIR}/completeness.ts`,
    find: "  return phase === 'restore' || phase === 'restore-with-backup' ? counts.secondary : 0;",
    replace: '  return 0;',
    why: 'a delete in a restore says nothing of the tracks that P lacks',
  },
  {
    id: 'H18',
    file: `${PAIR}/create.ts`,
    find: '  secondaryFree,\n  noCycle,',
    replace: '  noCycle,',
    why: 'two copiers write one secondary',
  },
  {
    id: 'H30a',
    file: `${PAIR}/completion.ts`,
    find: "      if (state.backup !== null) return { status: 'split', frozen: state.backup };",
    replace: '',
    why: 'a restored virtual copy loses its image',
  },
  {
    id: 'H30b',
    file: `${PAIR}/decide.ts`,
    find: 'const backup = frozen?.virtual === true ? frozen : null;',
    replace: 'const backup = null as Frozen | null;',
    why: 'a virtual copy is restored as if it were whole',
  },
  {
    id: 'H30c',
    file: `${PAIR}/roles.ts`,
    find: "if (active.status !== 'sp-pending' || opened) return secondaryAccess(state);",
    replace:
      "if (active.status === 'duplex') return { host: 'read-write', why: '', code: null };\n  if (active.status !== 'sp-pending' || opened) return secondaryAccess(state);",
    why: 'hosts use a remote volume while a formation has frozen it, as if it were split',
  },
];

const processes: readonly PlantedBug[] = [
  {
    id: 'H26',
    file: `${CONTROLLER}/control/own-controller.ts`,
    find: 'await this.#server.start();',
    replace: 'void 0;',
    why: 'a command that holds a system answers nobody',
  },
  {
    id: 'H28a',
    file: `${CONTROLLER}/open-controller.ts`,
    find: 'const answered = this.catalog.answers.get(context.id);',
    replace: 'const answered = undefined as unknown;',
    why: 'a request that is sent again is done again',
  },
  {
    id: 'H28b',
    file: `${CONTROLLER}/control/control-server.ts`,
    find: 'if (this.#leaving) {',
    replace: 'if (this.#leaving && this.#running === 0) {',
    why: 'a controller that leaves begins new work',
  },
  {
    id: 'H28c',
    file: `${CONTROLLER}/control/client.ts`,
    find: "if (sent.kind === 'lost' && code === 'volume.write') {",
    replace: "if (sent.kind === 'answered') {",
    why: "a host's write is repeated blindly",
  },
];

const protocols: readonly PlantedBug[] = [
  {
    id: 'P1a',
    file: `${HOSTIO}/activating.ts`,
    find: 'regions }]);\n  await catalog.durable();\n  // One that was cooled',
    replace: 'regions }]);\n  // One that was cooled',
    why: 'a region counts as active before that is durable',
  },
  {
    id: 'P1b',
    file: `${HOSTIO}/activating.ts`,
    find: "await catalog.change(() => [{ do: 'activate', volume: volume.number, regions }]);",
    replace: 'catalog.active.set(volume.number, new Set([...volume.hot.keys(), ...regions]));',
    why: 'no active regions at all',
  },
  {
    id: 'P1c',
    file: `${HOSTIO}/cooling.ts`,
    find: "return regions.length === 0 ? [] : [{ do: 'cool', volume: volume.number, regions }];\n  }, true);",
    replace: "return regions.length === 0 ? [] : [{ do: 'cool', volume: volume.number, regions }];\n  });",
    why: 'regions go cold without their marks',
  },
  {
    id: 'P2a',
    file: `${HOSTIO}/drain.ts`,
    find: '      this.#fabric.flush(target.number),\n',
    replace: '',
    why: 'a track is cleared before it is durable at the secondary',
  },
  {
    id: 'P2b',
    file: `${HOSTIO}/drain.ts`,
    find: '      this.#fabric.flush(source.number),\n',
    replace: '',
    why: 'a track is cleared before it is durable at the primary',
  },
  {
    id: 'P2c',
    file: `${HOSTIO}/copy-batch.ts`,
    find: ' || batch.watch.touched(track)) continue;',
    replace: ') continue;',
    why: 'nobody looks whether a track was written again while it was copied',
  },
  {
    id: 'P4a',
    file: `${HOSTIO}/fabric.ts`,
    find: '      await this.catalog.durable();\n    } finally {\n      for (const release of held) release();',
    replace: '    } finally {\n      for (const release of held) release();',
    why: 'the cleared bit of a lacking track is lazy',
  },
  {
    id: 'P4b',
    file: `${HOSTIO}/save-and-fill.ts`,
    find: '  await fabric.flush(target.number);\n',
    replace: '',
    why: 'a saved track is cleared before it is durable',
  },
  {
    id: 'P4c',
    file: `${HOSTIO}/save-and-fill.ts`,
    find: "    fabric.hooks.step('supersede.written');\n    await fabric.flush(volume.number);",
    replace: "    fabric.hooks.step('supersede.written');",
    why: 'a lacking track is cleared before what was written there is durable',
  },
  {
    id: 'P4e',
    file: `${HOSTIO}/fabric.ts`,
    find: '            const claim = claims.take(run.first, run.count);\n            held.push(() => claims.release(claim));',
    replace: '            void [claims, run];',
    why: 'a track is overwritten whose cleared bit a crash can bring back',
  },
  {
    id: 'P4d',
    file: `${HOSTIO}/obstacles.ts`,
    find: "    if (lacking) return { kind: 'save', pair, tracks: lacking };",
    replace: '    void lacking;',
    why: 'no old track is saved',
  },
  {
    id: 'P9',
    file: `${HOSTIO}/fabric.ts`,
    find: '      await this.block(volume, error);\n',
    replace: '',
    why: 'a failed flush is tried again and lies',
  },
];

const drills: readonly PlantedBug[] = [
  {
    id: 'H13a',
    file: `${CONTROLLER}/groups/drills.ts`,
    find: 'newDrill(controller, sheet.name, secondary, volume)',
    replace: 'newDrill(controller, sheet.name, findVolume(controller, member.backup.name), volume)',
    why: 'a drill copy is a virtual copy of the backup, which moves under it',
  },
  {
    id: 'H13b',
    file: `${HOSTIO}/save-and-fill.ts`,
    find: 'if (record.virtualCopyOf !== undefined) throw error;',
    replace: 'if (record.virtualCopyOf !== undefined || record.practiceOf !== undefined) throw error;',
    why: 'a fault of a drill copy stops the remote pair',
  },
  {
    id: 'H13c',
    file: `${CONTROLLER}/groups/remote.ts`,
    find: 'committing(controller, here, input), true);',
    replace: 'committing(controller, here, input));',
    why: 'a kill forgets what the old generation of the backup had changed',
  },
];

const TRANSFER = 'src/core/transfer';

const remote: readonly PlantedBug[] = [
  {
    id: 'H4a',
    file: `${TRANSFER}/receiver.ts`,
    find: 'if (!this.#openFor || compareMarks(mark, this.#openFor) !== 0)',
    replace: 'if (remote.taken && compareMarks(mark, remote.taken) > 0)',
    why: 'data of an earlier link session lands late',
  },
  {
    id: 'H4b',
    file: `${TRANSFER}/receiver.ts`,
    find: 'if (!this.#openFor || compareMarks(mark, this.#openFor) !== 0)',
    replace: 'if (remote.taken && compareMarks(mark, remote.taken) < 0)',
    why: 'a controller settles what was sent to the one that died',
  },
  {
    id: 'H4c',
    file: `${TRANSFER}/outgoing.ts`,
    find: 'if (pair.roles.savesAside && pair.saved.any(run.first, run.count))',
    replace: 'if (pair.roles.savesAside && pair.saved.isEmpty)',
    why: 'a split sends what was written after its instant',
  },
  {
    id: 'H4d',
    file: `${TRANSFER}/outgoing.ts`,
    find: 'if (!lacking.has(track) || batch.watch.touched(track)) continue;',
    replace: 'if (!lacking.has(track)) continue;',
    why: 'a track that was written while it was sent counts as sent',
  },
  {
    id: 'H5a',
    file: `${PAIR}/roles.ts`,
    find: '    if (half.displaced)\n      return {',
    replace: '    if (half.displaced && half.term < 0)\n      return {',
    why: 'a former primary lets hosts write what nobody will ever copy',
  },
  {
    id: 'H5b',
    file: `${CONTROLLER}/halves/roles.ts`,
    find: 'takenOverHalf(row, knownOf(row, atMs), Math.max(remote.term + 1, term));',
    replace: 'takenOverHalf(row, knownOf(row, atMs), Math.max(remote.term, term));',
    why: 'a takeover does not raise the term',
  },
  {
    id: 'H5c',
    file: `${CONTROLLER}/halves/halves.ts`,
    find: 'await this.#within(GREETING_MS, this.link(number).ready());',
    replace: 'await Promise.resolve();',
    why: 'a former primary lets hosts in before it asks',
  },
  {
    id: 'H16a',
    file: `${CONTROLLER}/halves/operations.ts`,
    find: "  await link.announce(operation === 'resync' ? { status: 'resync' } : RESTORING);\n  controller.step('half.closed');\n  await link.gather('secondary');",
    replace:
      "  await link.gather('secondary');\n  await link.announce(operation === 'resync' ? { status: 'resync' } : RESTORING);\n  controller.step('half.closed');",
    why: 'the map of writes is fetched while hosts still write',
  },
  {
    id: 'H16b',
    file: `${CONTROLLER}/halves/orders.ts`,
    find: "return [{ do: 'fold', from: pairMapKey(number, 'secondary'), into: pairMapKey(number, 'changed') }];",
    replace:
      "return [{ do: 'unite', from: pairMapKey(number, 'secondary'), into: pairMapKey(number, 'changed') }, { do: 'empty', map: pairMapKey(number, 'changed') }, { do: 'fold', from: pairMapKey(number, 'secondary'), into: pairMapKey(number, 'outOfSync') }];",
    why: 'what was collected is not what is handed over',
  },
  {
    id: 'H27',
    file: `${CONTROLLER}/control/client.ts`,
    find: "if (answer.kind === 'held') await askToYield(ports, place);",
    replace: 'void askToYield;',
    why: 'who comes to serve does not ask for a borrowed system',
  },
];

const synchronous: readonly PlantedBug[] = [
  {
    id: 'H29h',
    file: `${CONTROLLER}/halves/surrendering.ts`,
    find: '    for (const pair of leaving) fabric.follower(pair)?.surrender(freezes(pair, changes));\n',
    replace: '    void [fabric, freezes];\n',
    why: 'a split forgets what was under way to S',
    tests: ['test/core/controller/sync-split-over.test.ts'],
  },
  {
    id: 'H29a',
    file: `${HOSTIO}/suspending.ts`,
    find: 'if (suspended.length > 0) await fabric.catalog.durable();',
    replace: 'void 0;',
    why: 'a write completes at P alone before the suspension is durable',
  },
  {
    id: 'H29b',
    file: `${PAIR}/alongside.ts`,
    find: '  return [first, ...others.filter((pair) => linked.includes(pair) || inSession(pair))];',
    replace: '  void [linked, inSession];\n  return [first];',
    why: 'the other pairs of the session go on',
  },
  {
    id: 'H29c',
    file: `${CONTROLLER}/pairs/listing.ts`,
    find: "if (mode === 'sync') return !isLinked;",
    replace: "if (mode === 'sync') return false;",
    why: 'S claims duplex although its primary is not heard',
  },
  {
    id: 'H29d',
    file: `${HOSTIO}/cooling.ts`,
    find: 'if (chosen.size > 0) await flushRecorded(fabric, volume);',
    replace: 'void flushRecorded;',
    why: 'a region goes cold while a write without a mark can still be lost',
  },
  {
    id: 'H29e',
    file: `${TRANSFER}/outgoing.ts`,
    find: '  await mirror.quiet(run);\n',
    replace: '',
    why: 'a copy overtakes a write that is older',
  },
  {
    id: 'H29f',
    file: `${TRANSFER}/incoming-writes.ts`,
    find: 'before.length === 0',
    replace: 'before.length >= 0',
    why: 'overlapping writes land at S in any order',
  },
];

const splits: readonly PlantedBug[] = [
  {
    id: 'H2sa',
    file: 'src/core/group/split.ts',
    find: "  if (answer.kind !== 'ok')\n",
    replace: "  if (answer.kind !== 'ok' && answer.kind !== 'opened-by-itself')\n",
    why: 'a gate that opened by itself counts like one that was opened by run',
  },
  {
    id: 'H2sb',
    file: `${CONTROLLER}/splits/gate.ts`,
    find: "this.#stop.signal).then(() => this.#open('opened-by-itself'));",
    replace: "this.#stop.signal).then(() => this.#open('opened-by-run'));",
    why: 'a member says of its lease that run ended it',
  },
  {
    id: 'H2sc',
    file: `${CONTROLLER}/splits/gate.ts`,
    find: 'for (const volume of volumes) volume.gate.close();',
    replace:
      'for (const volume of volumes) { volume.gate.close(); volume.gate.open(); volume.gate.open = () => undefined; }',
    why: 'the gates are not closed until all are frozen',
  },
  {
    id: 'H2sd',
    file: `${PAIR}/prepared.ts`,
    find: 'return prepared !== undefined && prepared.from !== null;',
    replace: 'return prepared === undefined && prepared !== undefined;',
    why: 'hosts see a secondary whose split may be void',
  },
  {
    id: 'H2se',
    file: `${PAIR}/prepared.ts`,
    find: '  return { ...decision.change, next: stays ? { ...state, from: follows } : follows };',
    replace: '  return { next: stays ? { ...state, from: follows } : follows, steps: [], jumps: [] };',
    why: 'a void split forgets what was written while it was prepared',
  },
  {
    id: 'H15sa',
    file: `${CONTROLLER}/splits/member.ts`,
    find: "    await catalog.durable();\n    });\n    this.#controller.step('split.prepared');",
    replace: "    });\n    this.#controller.step('split.prepared');",
    why: 'a member answers before its freeze is durable',
  },
  {
    id: 'H15sb',
    file: `${CONTROLLER}/splits/member.ts`,
    find: '    await lease.during(Promise.all(hot.map(({ number }) => fabric.flush(number))));\n',
    replace: '    void hot;\n',
    why: 'data written before the instant is not durable at the answer',
  },
  {
    id: 'H15sc',
    file: `${CONTROLLER}/splits/sheets.ts`,
    find: 'sheet: record }, ...more]);\n    await this.#catalog.durable();',
    replace: 'sheet: record }, ...more]);',
    why: 'members are told of a decision that a loss of power takes back',
  },
];

export const BUGS: readonly PlantedBug[] = [
  ...thawAndFreeze,
  ...splits,
  ...claims,
  ...doubt,
  ...jumpsAndStatuses,
  ...processes,
  ...drills,
  ...protocols,
  ...remote,
  ...FORMATION_BUGS,
  ...SESSION_BUGS,
  ...STREAM_BUGS,
  ...JOURNAL_BUGS,
  ...synchronous,
];
