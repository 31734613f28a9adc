/**
 * controller: owns one storage system for as long as it lives, and is the only one that changes it.
 *
 * - owner: the process that holds the system's lock.      - request: one command with its input; the same code whoever asks.
 * - recovery: what is done before anything else: doubt from an unclean stop, files half removed, operations left unfinished.
 * - exclusive section: one change of tables at a time; host I/O goes on beside it.
 * - client: a controller as its users see it, in this process or behind the control socket.
 *
 * Chambers: `control` (requests, clients, the socket), `volumes`, `exports`, `pairs`, `halves` (pairs of two systems), `splits`
 * (over several systems), `groups`, `sessions`.
 *
 * It composes the rooms below; what a status means, where a write goes and what is durable when is theirs.
 */
export * from './control/client.js';
export type { OwnController } from './control/own-controller.js';
export * from './control/requests.js';
export { allExports, type HostExports, portExports } from './exports/exports.js';
export { type ListenAddress, parseListenAddress } from './exports/listen-address.js';
export { CRASH_STEPS, LINK_STEPS } from './faults.js';
export { openedController } from './halves/peer-connection.js';
export type { SystemRef } from './halves/peers.js';
export { type HistoryEvent, readHistory } from './history.js';
export { Controller } from './open-controller.js';
export { demandOutsideSystems } from './outside-systems.js';
export * from './reader.js';
export * from './separation.js';
export type { SplitOverAnswer, SplitPart, SplitWords } from './splits/wire.js';
export * from './system-place.js';
