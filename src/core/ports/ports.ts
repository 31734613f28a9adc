/**
 * ports: the seam between the domain and the machine. Every part of the core reaches files, time, chance, other
 * processes and locks only through these interfaces, so the same code runs on the real machine and in the simulated world.
 *
 * - Files: positional reads and writes straight from and to the page cache (synchronous), flushes (asynchronous).
 * - Clock: wall time, monotonic time, the order of events, sleep.   - Random: ids and bytes.
 * - Link: messages between processes.          - Owners: who owns a storage system at a moment.
 * - BlockDevice: what a host sees of a volume.  - Streams: connections of bytes, plain or encrypted.
 *
 * Nothing here knows what a volume or a pair is.
 */
export * from './block-device.js';
export * from './clock.js';
export * from './files.js';
export * from './link.js';
export * from './owners.js';
export * from './random.js';
export * from './streams.js';
