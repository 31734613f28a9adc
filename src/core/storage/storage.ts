/**
 * storage: durability, written once.
 *
 * - document: a small JSON table with a format, a version and a check code; replaced as a whole, old or new, never torn.
 * - ledger: a system's log of changes, two files used in turns; a frame is one change, all of it or none.
 * - frame: a numbered record with a check code and the code of the record before it.
 * - torn tail: a last frame that a crash left unfinished; it never was acknowledged and is cut.
 * - durable: survives power loss. A flush makes it so; one that failed is never tried again.
 *
 * It does not know what a document or a frame says.
 */
export { crc32, crc32OfFew } from './crc32.js';
export * from './documents.js';
export * from './failures.js';
export * from './flusher.js';
export * from './ledger.js';
export type { LedgerFrame } from './ledger-frame.js';
export * from './relaxed-files.js';
