/**
 * session: what a checkpoint session is and what may happen to it (DESIGN.md 6). Everything here is pure: states in, decisions out.
 *
 * - stream: what goes from one primary system to one secondary system; a row names it by both.
 * - configuration table: the primary systems of a session. The primary master, its lowest id not resigned, issues the checkpoints.
 * - copy-active table: the streams, with the checkpoint from which each counts (H21). The secondary master is its lowest id not resigned.
 * - term of a table: rises with each change of it. The one of the higher term holds; orders of a lower one are refused (H22).
 * - held: a whole checkpoint, durable in the receive journal and not applied.
 * - rendezvous: a checkpoint is held by every stream that counts at its number, reachable or not.
 * - round: the secondary master's one procedure, from one labelled table: finish, reset, enter, release, or say who is late.
 * - run: from a start to the next stop, recovery or failback. A mark holds within its run.
 *
 * It has no files, no time and no links: `controller` tells it what happened, makes its sheets durable and carries its orders out.
 */
export * from './events.js';
export * from './issue.js';
export * from './listing.js';
export * from './locate.js';
export * from './marks.js';
export * from './policy.js';
export * from './record.js';
export * from './recovery.js';
export * from './rendezvous.js';
export * from './requests.js';
export * from './rounds.js';
export * from './schema.js';
export * from './tables.js';
export * from './wire.js';
