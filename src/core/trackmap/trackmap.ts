/**
 * trackmap: sets of tracks, and the files that keep them.
 *
 * - track map: one bit per track of a volume.   - run: neighbouring tracks that are all in the map.
 * - page: 32,256 tracks; empty and full pages cost nothing, any other is 4 KiB on disk.
 * - fold: one map takes all tracks of another, which is empty then.
 * - unlogged: set, but not yet told to the system's log.   - watch: what was marked since a moment.
 * - map file: a map as of one change of the log. A checkpoint brings it up to a later change; a crash in one leaves the
 *   earlier. `docs/formats/track-map.md`.
 *
 * It knows tracks and runs, not what a set bit means: pairs, volumes and the order of changes are others' business.
 */
export * from './map-file.js';
export { PAGE_TRACKS, type PageSource } from './page-table.js';
export * from './track-map.js';
export * from './tracked-map.js';
