import type { PlantedBug } from './bugs.js';

const CONTROLLER = 'src/core/controller';
const RECEIVE = `${CONTROLLER}/sessions/receive.ts`;
const WITHDRAW = `${CONTROLLER}/sessions/withdraw.ts`;

/** Rules of the secondary's side of checkpoint sessions, taken out one by one. */
export const SESSION_BUGS: readonly PlantedBug[] = [
  {
    id: 'H20a',
    file: WITHDRAW,
    find: 'heldFrom: Math.max(row.heldFrom, input.before)',
    replace: 'heldFrom: row.heldFrom',
    why: 'a checkpoint from before a direct copy is still held',
  },
  {
    id: 'H20b',
    file: RECEIVE,
    find: 'return Math.max(this.row.voidBefore[pair] ?? 0, ...left);',
    replace: 'return 0 * left.length;',
    why: 'records from before a direct copy are applied behind it',
  },
  {
    id: 'H20c',
    file: WITHDRAW,
    find: 'if (!master) return;',
    replace: 'if (!master || input.before >= 0) return;',
    why: 'a secondary takes differences though its checkpoint was released to others',
  },
  {
    id: 'H20d',
    file: WITHDRAW,
    find: 'const journal = { ...record.remote.journal, withdrawn: true };',
    replace: 'const journal = { ...record.remote.journal, withdrawn: record.remote.journal.withdrawn };',
    why: 'hosts read a secondary that is a mix',
  },
  {
    id: 'H20e',
    file: `${CONTROLLER}/sessions/return.ts`,
    find: 'if (journal.durableSequence >= before - 1) return before;',
    replace: 'if (before > 0) return before + 64;',
    why: 'records that count get numbers from before a direct copy',
  },
  {
    id: 'H21a',
    file: RECEIVE,
    find: 'const counts = whole && this.#hasBase() && ',
    replace: 'const counts = whole && ',
    why: 'a system counts before its base is whole',
  },
  {
    id: 'H21b',
    file: RECEIVE,
    find: '!(isClock && this.#enteredAt > upTo)',
    replace: '!(isClock && this.#enteredAt < 0n)',
    why: 'a base that is whole only behind a checkpoint counts for it',
  },
  {
    id: 'H22a',
    file: `${CONTROLLER}/sessions/orders.ts`,
    find: 'if (input.tableTerm >= table.tableTerm) return table;',
    replace: 'if (input.tableTerm >= 0) return table;',
    why: 'an order of a replaced master is carried out',
  },
  {
    id: 'H22b',
    file: 'src/core/session/rendezvous.ts',
    find: '{checkpoint.time} ',
    replace: '{0 * checkpoint.number} ',
    why: 'checkpoints of two masters pass for one',
  },
  {
    id: 'H25a',
    file: `${CONTROLLER}/sessions/tables.ts`,
    find: 'if (term >= sheet.term) return;',
    replace: 'if (term >= 0) return;',
    why: 'a former primary goes on sending to a recovered session',
  },
  {
    id: 'H25b',
    file: `${CONTROLLER}/sessions/recovery.ts`,
    find: 'const more = own.length > 0 ? await applyUpTo(controller, input.session) : { records: 0, bytes: 0 };',
    replace: 'const more = { records: 0, bytes: 0 };\n  void applyUpTo;',
    why: 'a recovery that was killed while it finished a release leaves its verdict undone',
  },
];
