/**
 * foundation: words that every room shares, and nothing else. It imports nothing.
 *
 * - unit: a number whose name says what it counts (`TrackIndex`, `ByteCount`); two units do not mix.
 * - limit: a bound that a user can meet, with the reason why it is there.
 * - toolkit error: an operating error with a stable code; what was affected and a hint travel with it.
 * - assertion: a programmer's promise; when it breaks the process stops rather than write on.
 *
 * It knows no files, no volumes and no pairs.
 */
export * from './assert.js';
export * from './errors.js';
export * from './limits.js';
export * from './stop.js';
export * from './units.js';
