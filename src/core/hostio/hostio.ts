/**
 * hostio: the one write path and the one read path. Every write, by a host or by the copier, passes the same decisions.
 *
 * - live volume: an open volume with its image, maps, claims, gate and active regions, and the pairs it takes part in.
 * - obstacle: what stands between a write and its landing; the write path removes one after the other and looks again.
 * - landing: marking the maps and writing the image, in one step that nothing can come between.
 * - save: the old track goes to the secondary before the primary is overwritten.
 * - fill: a lacking track is read from the other side before a part of it is written. A fill is not a write: it marks nothing.
 * - follower: takes the writes of a synchronous primary's host to its secondary before they complete.
 * - recorder: keeps the writes of a journal pair's primary as records, each appended before its data is written (H23).
 * - claim: tracks of a volume held by one save, fill or copy.     - gate: holds writes while a point in time is made.
 *
 * It does not know commands, the pair table's rules or who asked: `pair` says what a status means, `controller` changes it.
 */

export { addressOf } from './addresses.js';
export * from './claims.js';
export { coolSplit } from './cooling.js';
export * from './drain.js';
export * from './fabric.js';
export type * from './fabric-parts.js';
export * from './follower.js';
export { Mutex } from './gate.js';
export { flushAsHost } from './landing.js';
export * from './live-volume.js';
export { Overlay } from './overlay.js';
export * from './pair-changes.js';
export * from './permission.js';
export { holdsTrack, lacksAny } from './read-path.js';
export * from './recorder.js';
export { coldRegions } from './regions.js';
export { degradePair, degradePairs, suspendPairs } from './suspending.js';
export { checkCodeFailure, readCoded } from './track-codes.js';
export { trackRuns, VolumeDevice } from './volume-device.js';
