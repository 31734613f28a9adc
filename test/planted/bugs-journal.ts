import type { PlantedBug } from './bugs.js';

const JOURNAL = 'src/core/journal';
const SESSIONS = 'src/core/controller/sessions';
/** What a journal keeps through crashes, and what it says of damage. */
const OF_JOURNAL = [
  'test/core/journal/journal.test.ts',
  'test/core/journal/journal-crash.test.ts',
  'test/core/journal/journal-damage.test.ts',
] as const;
const OF_STREAMS = ['test/simulation/session-crash-points.test.ts', 'test/hazards/h23-records-before-data.test.ts'];

/** The rules of the journal's writing, one by one (P7): what is durable when, what ends a journal, and what may be removed. */
export const JOURNAL_BUGS: readonly PlantedBug[] = [
  {
    id: 'P7a',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'await this.#flushing([this.#settle(), ...flushed.map((segment) => segment.flush())]);',
    replace: 'await this.#flushing([this.#settle()]);',
    why: 'records are called durable that were not flushed',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7b',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'const flushed = this.#segments.filter((segment) => segment.isWriting);',
    replace: 'const flushed = this.#segments.slice(-1);',
    why: 'only the open segment is flushed, and records of the one before are called durable',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7c',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'if (found.torn) this.#tail.wipe();',
    replace: '',
    why: 'a torn tail is left behind the end, and comes up behind later records',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7d',
    file: `${JOURNAL}/open-segments.ts`,
    find: 'if (durableSequence >= end.sequence)',
    replace: 'if (durableSequence < 0)',
    why: 'a bad record with good ones behind it, which say that it was durable, passes for a torn tail',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7e',
    file: `${JOURNAL}/segment-scan.ts`,
    find: ' || head.previousCode !== end.code) break;',
    replace: ') break;',
    why: 'a record counts that does not follow the one before it',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7f',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'following.firstSequence - 1 <= this.#trimmedUpTo;',
    replace: 'following.firstSequence - 20 <= this.#trimmedUpTo;',
    why: 'a segment goes that holds records which are needed',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7g',
    file: `${JOURNAL}/ready-segments.ts`,
    find: '    onRenamed();\n    await this.#flushNames();\n',
    replace: '    onRenamed();\n',
    why: 'a segment is written under a name that is not durable',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7h',
    file: `${JOURNAL}/segment-files.ts`,
    find: '    await fillWithZeros(files, file, header.sizeBytes);\n    await file.flush();\n',
    replace: '    await fillWithZeros(files, file, header.sizeBytes);\n',
    why: 'a segment gets its header before its room is durable',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7i',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'return this.#tail.segment.header.bootId === this.#place.bootId;',
    replace: 'return this.#tail.segment.header.bootId !== undefined;',
    why: 'after a loss of power it goes on in the segment of another boot',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7j',
    file: `${JOURNAL}/stream-journal.ts`,
    find: 'this.#namesSettled ??= this.#flushing([settleNames(this.#files, this.#place.folder)]);',
    replace: 'this.#namesSettled ??= Promise.resolve();',
    why: 'records are called durable in a file whose name is not, after a kill',
    tests: OF_JOURNAL,
  },
  {
    id: 'P7k',
    file: `${SESSIONS}/receive.ts`,
    find: '      await this.journal.durable();\n',
    replace: '',
    why: 'a secondary answers for records that a loss of power takes from it',
    tests: OF_STREAMS,
  },
  {
    id: 'P7l',
    file: `${SESSIONS}/sending.ts`,
    find: 'const before = journal.durableSequence + 1;',
    replace: 'const before = journal.nextSequence;',
    why: 'records are sent that a loss of power takes from the primary',
    tests: ['test/hazards/protocols-streams.test.ts'],
  },
];
