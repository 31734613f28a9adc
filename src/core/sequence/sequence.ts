/**
 * sequence: in which order what several systems wrote has to appear elsewhere (DESIGN.md 6). Everything here is pure.
 *
 * - sequence time: the host's monotonic clock in nanoseconds plus the session's anchor. A write that depends on another has the
 *   greater time, on whichever system (H24).
 * - anchor: what makes a host's monotonic clock a sequence time, for one boot of that host. It puts times near the wall clock, so
 *   that a person can read them; the wall clock never orders anything.
 * - checkpoint: number, time and issuer. All three are compared: a new master may reuse a number (H22).
 * - trust: whether what a system reads on its clock lies within the exchange in which it was asked.
 */
export * from './anchor.js';
export * from './checkpoint.js';
export * from './labels.js';
export * from './trust.js';
