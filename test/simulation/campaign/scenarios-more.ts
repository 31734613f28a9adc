import { TRACK } from '../system/sim-system.js';
import type { Scenario } from './crash-run.js';
import { sectorsOf, stamped } from './domain.js';
import { overwrite } from './oracle.js';
import { duplex, threeVolumes, together, twoVolumes } from './script.js';
import type { Session } from './session.js';

/** Several pairs, chains, and requests that are no steps of a pair. */
export const MORE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'several pairs split at one instant',
    prepare: async (session) => {
      await session.createVolumes('a', 'b', 'c', 'd');
      await together(session.host('a', 5), session.host('b', 5));
      session.controller.startCopying();
      await session.pair('a', 'c');
      await session.pair('b', 'd');
      await session.wait('a', 'c', 'duplex');
    },
    run: async (session) => {
      const pairs = [{ primary: 'a' }, { primary: 'b' }];
      await together(session.must('pair.split', { pairs }), session.host('a', 5), session.host('b', 5));
      await together(session.host('a', 3), session.host('c', 3), session.host('d', 2));
      await session.must('pair.resync', { pairs, discard: true });
      await session.host('b', 3);
      await session.wait('a', 'c', 'duplex');
      await session.wait('b', 'd', 'duplex');
    },
  },
  {
    name: 'suspend and go on, in every status',
    prepare: twoVolumes,
    run: async (session) => {
      const pairs = [{ primary: 'a' }];
      await session.pair('a', 'b', { row: { pace: 'slow' } });
      session.controller.startCopying();
      await together(session.must('pair.suspend', { pairs }), session.host('a', 3));
      await session.resync('a', 'b');
      await session.split('a', 'b');
      await session.must('pair.suspend', { pairs });
      await together(session.host('a', 3), session.ask('pair.list', {}));
      await session.split('a', 'b');
      await session.wait('a', 'b', 'split');
      await together(session.host('a', 3), session.host('b', 3));
      await session.resync('a', 'b', { reverse: true, pace: 'slow' });
      await session.must('pair.suspend', { pairs });
      await session.host('a', 3);
      await session.resync('a', 'b', { reverse: true, pace: 'fast' });
      await session.wait('a', 'b', 'duplex', 'resync');
    },
  },
  {
    name: 'a suspended secondary is opened to its host',
    prepare: duplex,
    run: async (session) => {
      const pairs = [{ primary: 'a' }];
      await together(session.must('pair.suspend', { pairs, allowWrite: true, force: true }), session.host('a', 4));
      await together(session.host('a', 4), session.host('b', 5));
      await session.resync('a', 'b');
      await session.host('a', 2);
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'pairs are deleted from many statuses',
    prepare: twoVolumes,
    run: async (session) => {
      session.controller.startCopying();
      await session.pair('a', 'b', { row: { pace: 'slow' } });
      await together(session.delete('a', 'b'), session.host('a', 2));
      await session.pair('a', 'b', { overwrite: true, row: { split: true } });
      await together(session.host('a', 3), session.delete('a', 'b'));
      await session.pair('a', 'b', { overwrite: true });
      await session.wait('a', 'b', 'duplex');
      await session.delete('a', 'b');
      await session.must('volume.unreserve', { volumes: ['b'] });
      await session.host('b', 3);
    },
  },
  {
    name: 'a chain of three volumes',
    prepare: async (session) => {
      await threeVolumes(session);
      session.controller.startCopying();
      await session.pair('a', 'b');
      await session.pair('b', 'c');
    },
    run: async (session) => {
      await session.host('a', 4);
      await session.wait('b', 'c', 'duplex');
      await together(session.host('a', 4), session.split('b', 'c'));
      await session.host('a', 3);
      await session.wait('b', 'c', 'split');
      await together(session.split('a', 'b'), session.host('c', 3));
      await together(session.host('a', 3), session.host('b', 4));
      await session.resync('b', 'c');
      await session.wait('b', 'c', 'duplex');
      await session.wait('a', 'b', 'split');
      await session.resync('a', 'b');
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'a chain whose far end is copied slowly from a split',
    prepare: async (session) => {
      await threeVolumes(session);
      session.controller.startCopying();
      await session.pair('a', 'b');
      await session.wait('a', 'b', 'duplex');
      await session.pair('b', 'c', { row: { split: true, pace: 'slow' } });
    },
    run: async (session) => {
      await together(session.host('a', 8), session.host('c', 3));
      await together(session.host('a', 6), session.wait('b', 'c', 'split'));
      await together(session.host('a', 3), session.host('c', 3));
    },
  },
  {
    name: 'a virtual copy of a virtual copy',
    prepare: async (session) => {
      await threeVolumes(session);
      session.controller.startCopying();
      await session.pair('a', 'b', { row: { virtual: true } });
      await session.pair('b', 'c', { row: { virtual: true } });
    },
    run: async (session) => {
      await together(session.host('a', 6), session.host('b', 6), session.host('c', 6));
      await session.split('b', 'c');
      await together(session.host('a', 4), session.host('b', 4), session.wait('b', 'c', 'split'));
      await session.split('a', 'b');
      await together(session.host('a', 4), session.wait('a', 'b', 'split'));
    },
  },
  {
    name: 'two secondaries of one primary',
    prepare: async (session) => {
      await threeVolumes(session);
      session.controller.startCopying();
      await session.pair('a', 'b');
      await session.pair('a', 'c');
      await session.wait('a', 'b', 'duplex');
    },
    run: async (session) => {
      await together(session.split('a', 'b'), session.host('a', 4));
      await session.wait('a', 'b', 'split');
      await together(session.host('a', 4), session.split('a', 'c', { virtual: true }));
      await together(session.host('a', 4), session.host('b', 3), session.host('c', 3));
      await session.split('a', 'c');
      await session.wait('a', 'c', 'split');
      await together(session.resync('a', 'b', { reverse: true, pace: 'slow' }), session.host('a', 2));
      await session.host('a', 4);
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'generations are rotated',
    prepare: async (session) => {
      await session.createVolumes('a', 'r1', 'r2');
      await session.host('a', 6);
      session.controller.startCopying();
    },
    run: async (session) => {
      await session.must('pair.rotate', { primary: 'a' });
      await session.host('a', 3);
      await session.wait('a', 'r1', 'duplex');
      await together(session.must('pair.rotate', { primary: 'a', keep: 2 }), session.host('a', 4));
      await session.wait('a', 'r2', 'duplex');
      await session.wait('a', 'r1', 'split');
      await together(session.must('pair.rotate', { primary: 'a', keep: 2, discard: true }), session.host('a', 4));
      await session.wait('a', 'r1', 'duplex');
      await session.wait('a', 'r2', 'split');
    },
  },
  {
    name: 'two equal volumes are paired without a copy',
    prepare: async (session) => {
      await duplex(session);
      await session.delete('a', 'b');
    },
    run: async (session) => {
      await session.pair('a', 'b', { noCopy: true, verify: true });
      await session.host('a', 4);
      await session.split('a', 'b');
      await together(session.host('a', 3), session.host('b', 3));
    },
  },
  {
    name: 'the log starts anew in the middle of everything',
    prepare: duplex,
    run: async (session) => {
      const { catalog } = session.controller;
      await together(catalog.checkpoint(), session.host('a', 4));
      await together(session.split('a', 'b'), catalog.checkpoint());
      await together(session.host('a', 3), session.host('b', 3), catalog.checkpoint());
      await session.wait('a', 'b', 'split');
      await together(session.resync('a', 'b'), catalog.checkpoint(), session.host('a', 3));
      await catalog.checkpoint();
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'controllers come and go',
    prepare: twoVolumes,
    run: async (session) => {
      await session.pair('a', 'b');
      await session.write('a', 3, { durable: false });
      await reopen(session);
      await session.split('a', 'b');
      await session.host('a', 3);
      await reopen(session);
      await session.wait('a', 'b', 'split');
      await session.write('a', 1, { durable: false });
      await session.write('b', 2, { durable: false });
      await reopen(session);
      await session.resync('a', 'b', { reverse: true });
      await session.wait('a', 'b', 'duplex', 'resync');
    },
  },
  {
    name: 'scrub, verify and checks beside copying',
    prepare: duplex,
    run: async (session) => {
      await together(session.host('a', 5), session.must('volume.scrub', { volumes: ['a', 'b'], accept: false }));
      await session.split('a', 'b');
      await together(
        session.must('pair.verify', { pairs: [{ primary: 'a' }], repair: true }),
        session.host('a', 4),
        session.host('b', 3),
      );
      await session.must('volume.scrub', { volumes: ['*'], accept: false });
      await together(
        session.must('system.check', { repair: true, deep: true }),
        session.resync('a', 'b'),
        session.host('a', 3),
      );
    },
  },
  {
    name: 'a volume is imported and exported',
    prepare: async (session) => {
      await duplex(session);
      await foreignFile(session);
    },
    run: async (session) => {
      await importFile(session, 'a');
      await session.split('a', 'b');
      await together(session.must('volume.export', { volume: 'b', file: '/tmp/out' }), session.host('a', 3));
      await importFile(session, 'a');
      await session.host('b', 2);
    },
  },
];

async function reopen(session: Session): Promise<void> {
  await session.close();
  await session.open();
}

const IMPORTED_TRACKS = 3;

async function foreignFile(session: Session): Promise<void> {
  session.oracle.stamp += 1;
  const { files } = session.world;
  const file = files.open('/tmp/in', 'create');
  file.write(stamped(IMPORTED_TRACKS * TRACK, session.oracle.stamp), 0);
  await file.flush();
  file.close();
  await files.flushFolder('/tmp');
}

/** Everything behind the file's end becomes zero. While it runs a sector holds its old or its new value. */
async function importFile(session: Session, volume: string): Promise<void> {
  const model = session.oracle.volume(volume);
  const stamp = stampOfForeign(session);
  const own = sectorsOf(0, IMPORTED_TRACKS * TRACK);
  const rest = [...(model.contents ?? []).keys()].filter((sector) => !own.includes(sector));
  const writes = [
    { sectors: own, stamp, unsure: false },
    { sectors: rest, stamp: 0, unsure: false },
  ];
  for (const write of writes) model.writes.add(write);
  await session.must('volume.import', { volume, file: '/tmp/in', create: false, overwrite: true });
  for (const write of writes) {
    model.writes.delete(write);
    overwrite(model, write.sectors, write.stamp);
  }
  model.older.clear();
}

function stampOfForeign(session: Session): number {
  const file = session.world.files.open('/tmp/in', 'read');
  const word = new Uint32Array(1);
  file.read(new Uint8Array(word.buffer), 0);
  file.close();
  return word[0] as number;
}
