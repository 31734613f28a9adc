/**
 * controller: owns one storage system for as long as it lives, and is the only one that changes it.
 *
 * - owner: the process that holds the system's lock.      - request: one command with its input; the same code whoever asks.
 * - recovery: what is done before anything else: doubt from an unclean stop, files half removed, operations left unfinished.
 * - exclusive section: one change of tables at a time; host I/O goes on beside it.
 * - client: a controller as its users see it, in this process or behind the control socket.
 *
 * It composes the rooms below; what a status means, where a write goes and what is durable when is theirs.
 */
export * from './client.js';
export { CRASH_STEPS, LINK_STEPS } from './faults.js';
export { type HistoryEvent, readHistory } from './history.js';
export { allExports, type HostExports, portExports } from './host-exports.js';
export { type ListenAddress, parseListenAddress } from './listen-address.js';
export { Controller } from './open-controller.js';
export type { OwnController } from './own-controller.js';
export { openedController } from './peer-connection.js';
export type { SystemRef } from './peers.js';
export * from './reader.js';
export * from './requests.js';
export type { SplitOverAnswer, SplitPart, SplitWords } from './split-wire.js';
export * from './system-place.js';
