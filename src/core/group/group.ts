/**
 * group: what a consistency group is and what may happen to it (DESIGN.md 5). Everything here is pure: states in, decisions out.
 *
 * - master, subordinate, remote: the system that forms a group, those that hold its primaries, those that hold its secondaries and
 *   backups. A system may be all three; its sheet has a table for each.
 * - relationship table: the group's members. A member is a remote pair and a volume for its virtual copy, the backup.
 * - sequence: a formation's number. - term: raised by a recovery and by a change of master; what is of a lower one is refused.
 * - formation: one machine for the master; it is told what came about and answers with orders, up to an outcome.
 * - prepared, revertible: the new virtual copy stands beside the old one until it is committed or reverted.
 * - verdict: what a recovery found and will do, out of one labelled table.
 * - split: pairs of several systems, of a group or not, frozen at one instant under a coordinator; a machine of the same kind.
 * - policy: interval, limits, rate and windows.
 *
 * It has no files, no time and no links: `controller` tells it what happened, makes its records durable and carries its orders out.
 */
export { CONSEQUENCES } from './consequences.js';
export * from './designation.js';
export * from './formation.js';
export * from './formation-words.js';
export * from './listing.js';
export * from './locate.js';
export * from './master.js';
export * from './policy.js';
export * from './record.js';
export * from './recovery.js';
export * from './recovery-facts.js';
export * from './requests.js';
export * from './running.js';
export * from './schema.js';
export * from './settle.js';
export * from './split.js';
export * from './split-record.js';
export * from './split-words.js';
export * from './window.js';
