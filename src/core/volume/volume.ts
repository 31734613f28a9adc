/**
 * volume: fixed-size raw images and the words that name them (DESIGN.md 1, 3.3, 9).
 *
 * - name, number: a volume has both; a number is `CU:LDEV`, two hex bytes, `00:1A`.
 * - address: `SYSTEM:VOLUME`, a system's name or path and a volume's name or number; a pattern may mean several.
 * - geometry: how a volume's bytes fall into tracks; the last may be short.
 * - image: the plain file that holds the volume's bytes, open. Any tool can read it.
 * - check code: CRC-32 of a track's data bound to its logical address.
 * - size, rate, duration: numbers that people write with units.
 *
 * It knows no pairs: whether an image alone is the volume, and whether a host may touch it, is decided elsewhere.
 */
export * from './address.js';
export * from './check-code.js';
export * from './check-code-file.js';
export * from './geometry.js';
export * from './glob.js';
export * from './image.js';
export * from './names.js';
export * from './numbers.js';
export * from './record.js';
export * from './schema.js';
export * from './sizes.js';
export { oneLine, quoted } from './text.js';
