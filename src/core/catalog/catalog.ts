/**
 * catalog: what a storage system durably knows, and the one log through which it changes.
 *
 * - table: the rows of volumes and of pairs.      - map: one bit a track; two for each volume, three for each pair.
 * - change: one step of tables and maps, plain data; a list of changes is one frame of the log, all of it or nothing.
 * - unlogged marks: bits set since they were last logged. They lie in active regions, so a crash finds them as doubt.
 * - active region: a part of a volume whose marks may be younger than the log (DESIGN.md 8).
 * - checkpoint: maps and tables written out, so that the log can start anew.
 *
 * It does not decide anything: which map a write marks, what a split does and who may do it is said in `pair`, `hostio` and
 * `controller`.
 */
export * from './changes.js';
export * from './opened-catalog.js';
export * from './system-files.js';
export * from './tables.js';
