/**
 * copy: who copies next, how much, and how fast.
 *
 * - turn: one pass of the copier over its jobs; each gives up to its pace in tracks, then waiting hosts go first.
 * - pace: tracks a turn (slow 1, medium 3, fast 15, hold 0).    - rate: a cap in bytes per second, beside the pace.
 * - job: one pair's work; `hostio` does it, because every copied track passes the write path.
 * - commit: what was copied becomes durable at both sides and its bits are cleared.
 * - courtesy: while hosts are at work, copying takes a small share of the time; a pair that somebody waits for is hurried instead.
 *
 * It does not read or write a track and does not know statuses.
 */
export * from './copier.js';
export * from './courtesy.js';
export * from './rate-limit.js';
