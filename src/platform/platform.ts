/**
 * platform: the real machine behind the ports, and the only user of node:fs, node:net and the system's clock.
 *
 * - nodeFiles: Files. - systemClock, clockAt: Clock. - systemRandom, seededRandom: Random.
 * - socketLink: Link over unix sockets. - lockfileOwners: Owners by proper-lockfile, with proof of death.
 * - nextRun: numbers the runs of a fixture system. - streamSockets: Streams over unix and TCP sockets, with TLS.
 *
 * It decides nothing about volumes or pairs. What is costly to load is loaded when it is first used.
 */
import type { Link, Streams } from '../core/ports/ports.js';

export { nextRun } from './fixture-runs.js';
export { nodeFiles } from './node-files.js';
export { clockAt, systemClock } from './system-clock.js';
export { seededRandom, systemRandom } from './system-random.js';

/** Link over unix sockets; the network code is loaded with the first call. */
export const socketLink: Link = {
  listen: async (address, onChannel) => (await import('./socket-link.js')).socketLink.listen(address, onChannel),
  connect: async (address) => (await import('./socket-link.js')).socketLink.connect(address),
};

/** Streams over unix and TCP sockets; loaded with the first call. */
export const streamSockets: Streams = {
  listen: async (address, onStream) => (await import('./stream-sockets.js')).streamSockets.listen(address, onStream),
};

export { lockfileOwners } from './lockfile-owners.js';
