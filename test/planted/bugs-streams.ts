import type { PlantedBug } from './bugs.js';

/** The rules of the primary's side of a checkpoint session: records before data, and the clock that stamps them. */
export const STREAM_BUGS: readonly PlantedBug[] = [
  {
    id: 'H23a',
    file: 'src/core/hostio/landing.ts',
    find: "  recorder.record(journalled, data, offset);\n  fabric.hooks.step('journal.appended');\n  try {\n    volume.image.write(data, offset);",
    replace:
      "  volume.image.write(data, offset);\n  fabric.hooks.step('journal.appended');\n  try {\n    recorder.record(journalled, data, offset);",
    why: 'data before its record: a kill in between leaves a write at the primary that no record tells of',
  },
  {
    id: 'H23b',
    file: 'src/core/controller/sessions/redo.ts',
    find: '  controller.fabric.volume(half.primary).image.write(last.data, last.offset);',
    replace: '',
    why: 'the last record is not written again after a kill: the secondary gets a write that the primary never had',
  },
  {
    id: 'H23c',
    file: 'src/core/catalog/opened-catalog.ts',
    find: '    for (const pair of leaving) this.leavesJournal(pair);\n',
    replace: '',
    why: 'a pair stops being journalled and the tracks of its records are not marked',
  },
  {
    id: 'H24a',
    file: 'src/core/controller/sessions/transmit.ts',
    find: 'let time = this.#controller.ports.clock.sequenceNs() + offsetNs;',
    replace: 'let time = this.#controller.ports.clock.sequenceNs() + offsetNs + 2_000_000_000n;',
    why: 'times are reserved ahead: what depends on a write elsewhere is stamped before it',
  },
  {
    id: 'H24b',
    file: 'src/core/controller/sessions/placing.ts',
    find: 'timeAt(anchor, clock.sequenceNs()) > timeOf(checkpoint)',
    replace: 'timeOf(checkpoint) > 0n',
    why: 'a checkpoint that lies ahead of the own clock counts as whole: later writes are stamped before it',
  },
];
