/**
 * pair: what a pair is and what may happen to it (DESIGN.md 2 and 3). Everything here is pure: states in, decisions out.
 *
 * - status: one of eight words of DESIGN.md 3.1; simplex is the absence of a pair.
 * - state: a status with what belongs to it. Only `decide`, `completed` and `losePointInTime` lead from one to the next.
 * - operation: what a person asks for. One table says which status does it, has nothing to do, or refuses.
 * - change: the next state, the steps on the three maps, and the jumps that other pairs must take.
 * - prepared: frozen by a split over several systems that nobody has decided yet.
 * - half: what one of two systems holds of a pair between them. The primary's half decides; the secondary's is told.
 * - phase: what the maps mean now: following, frozen, restore, restore with backup. A suspended pair keeps its phase.
 * - journalled, tracking: how the writes of a journal pair's host are kept, as records of its session's stream or as marks.
 * - alongside: which writes of a synchronous primary go to its secondary before they complete.
 * - roles: which map a write marks, which side lacks which tracks, what the copier has to empty.
 * - doubt: tracks of a region that was active at an unclean stop; a labelled table says which map takes them.
 *
 * It knows no files and no time, does no copying, and never looks into a map: others hold the maps and carry out the steps.
 */
export * from './alongside.js';
export * from './cci.js';
export * from './completeness.js';
export * from './completion.js';
export * from './create.js';
export * from './decide.js';
export * from './doubt.js';
export * from './existing.js';
export * from './halves.js';
export * from './journalled.js';
export * from './jump.js';
export * from './operations.js';
export * from './pace.js';
export * from './phase.js';
export * from './prepared.js';
export * from './record.js';
export type { Refusal } from './refusal.js';
export * from './roles.js';
export * from './schema.js';
export * from './takeover.js';
