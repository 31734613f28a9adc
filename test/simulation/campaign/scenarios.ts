import type { Scenario } from './crash-run.js';
import { MORE_SCENARIOS } from './scenarios-more.js';
import { duplex, together, twoVolumes } from './script.js';

/** Short scripts of requests, each with hosts that write meanwhile and copying in the background. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'volumes are created, written, formatted and deleted',
    run: async (session) => {
      await session.createVolumes('a', 'b');
      await together(session.host('a', 6), session.host('b', 4));
      await session.writeLong('a', 4);
      await session.formatVolume('b');
      await session.host('b', 2);
      await session.deleteVolume('b');
      await session.createVolumes('b');
      await session.read('a');
      await session.host('b', 2);
    },
  },
  {
    name: 'a pair is created and copied while its host writes',
    prepare: twoVolumes,
    run: async (session) => {
      session.controller.startCopying();
      await together(session.pair('a', 'b'), session.host('a', 10));
      await session.wait('a', 'b', 'duplex');
      await session.host('a', 4);
    },
  },
  {
    name: 'a pair over a secondary that holds data',
    prepare: async (session) => {
      await twoVolumes(session);
      await session.host('b', 8);
    },
    run: async (session) => {
      session.controller.startCopying();
      await together(session.pair('a', 'b', { overwrite: true, row: { pace: 'slow' } }), session.host('a', 6));
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'a split while both hosts write, and a resync',
    prepare: duplex,
    run: async (session) => {
      await together(session.host('a', 6), session.split('a', 'b'));
      await together(session.host('a', 5), session.host('b', 5));
      await session.wait('a', 'b', 'split');
      await session.read('b');
      await together(session.resync('a', 'b'), session.host('a', 4));
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'a split of a pair in its initial copy',
    prepare: twoVolumes,
    run: async (session) => {
      await session.pair('a', 'b', { row: { pace: 'slow' } });
      session.controller.startCopying();
      await together(session.split('a', 'b'), session.host('a', 8));
      await together(session.host('b', 6), session.host('a', 6), session.writeLong('a', 5));
      await session.wait('a', 'b', 'split');
    },
  },
  {
    name: 'a pair created as a virtual copy, written at both sides and split for good',
    prepare: twoVolumes,
    run: async (session) => {
      session.controller.startCopying();
      await together(session.pair('a', 'b', { row: { virtual: true } }), session.host('a', 4));
      await together(session.host('a', 6), session.host('b', 6), session.writeLong('b', 4));
      await session.split('a', 'b');
      await together(session.host('a', 3), session.host('b', 3));
      await session.wait('a', 'b', 'split');
    },
  },
  {
    name: 'a restore while the primary is written',
    prepare: async (session) => {
      await duplex(session);
      await session.split('a', 'b');
      await session.wait('a', 'b', 'split');
      await together(session.host('a', 6), session.host('b', 4));
    },
    run: async (session) => {
      await together(session.resync('a', 'b', { reverse: true, pace: 'slow' }), session.host('a', 5));
      await together(session.host('a', 5), session.writeLong('a', 3));
      await session.wait('a', 'b', 'duplex', 'resync');
      await session.wait('a', 'b', 'duplex');
    },
  },
  {
    name: 'a restore of a virtual copy that keeps its point in time',
    prepare: async (session) => {
      await twoVolumes(session);
      session.controller.startCopying();
      await session.pair('a', 'b', { row: { virtual: true } });
      await together(session.host('a', 6), session.host('b', 3));
    },
    run: async (session) => {
      await together(session.resync('a', 'b', { reverse: true, pace: 'slow' }), session.host('a', 4));
      await session.host('a', 5);
      await session.wait('a', 'b', 'split');
      await together(session.host('a', 3), session.host('b', 3));
    },
  },
  {
    name: 'a restore from a split that is still copying',
    prepare: twoVolumes,
    run: async (session) => {
      await session.pair('a', 'b', { row: { split: true, pace: 'slow' } });
      session.controller.startCopying();
      await together(session.host('a', 4), session.host('b', 4));
      await together(session.resync('a', 'b', { reverse: true }), session.host('a', 4));
      await session.wait('a', 'b', 'duplex', 'resync');
      await session.host('a', 2);
    },
  },
  ...MORE_SCENARIOS,
];
