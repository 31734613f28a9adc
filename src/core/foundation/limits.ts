import { GIB, KIB, MIB, TIB } from './units.js';

/** A sector: the unit in which storage may tear a write, and to which sizes and bulk transfers are aligned. */
export const SECTOR_BYTES = 512;

export const TRACK_SIZE_DEFAULT_BYTES = 64 * KIB;
export const TRACK_SIZE_MIN_BYTES = 4 * KIB;
export const TRACK_SIZE_MAX_BYTES = 16 * MIB;

/** 64 TiB: with 4 KiB tracks the maps of one pair are still addressed by exact integers. */
export const VOLUME_SIZE_MAX_BYTES = 64 * TIB;

/** CU:LDEV is two hex bytes. */
export const VOLUMES_MAX = 65_536;
export const PAIRS_MAX = 65_536;
export const RESERVED_MAX = 65_536;
/** Groups that one system may know; each is looked through at every formation. */
export const GROUPS_MAX = 1_024;
/** One write may have to save a track for each secondary; beyond this the host would feel it. */
export const SECONDARIES_PER_PRIMARY_MAX = 64;

/** Names become file names; 64 characters fit every file system with room for an ending. */
export const NAME_LENGTH_MAX = 64;

/** The part of a volume that is marked active as a whole, so that hot tracks cost no flush (DESIGN.md 8). */
export const REGION_BYTES = 4 * MIB;
/** Active regions a volume may have before the oldest are cooled. They bound what is copied again after a crash. */
export const ACTIVE_REGIONS_MAX = 512;

/**
 * Sizes that decide how much is done at once and nothing else. A simulation makes them small before it opens anything, so that a
 * few bytes meet every case; nobody else changes them.
 */
export const tuning = {
  regionBytes: REGION_BYTES,
  activeRegionsMax: ACTIVE_REGIONS_MAX,
  /** One transfer of a copier to its target; large enough that a disk is not held up by round trips. */
  laneBytes: MIB,
  /** A copier's transfer from so much on is read on another thread; for less the way there and back costs more than the reading. */
  readAsideBytes: 256 * KIB,
  /**
   * So much of a copier's small transfers lies in the page cache at most before a flush of it begins; as much again while it runs
   * (docs/decisions/0076-scattered-tracks.md).
   */
  cachedBytes: MIB,
  /** What is copied between two commits; bounds what a crash copies again. */
  batchBytes: 64 * MIB,
  /** The same while a command waits for the pair and no host is at work: each commit stops the copying for a moment. */
  hurriedBatchBytes: 256 * MIB,
  /** What an import, an export or a scrub takes at once. */
  chunkBytes: MIB,
  /** Neighbouring lacking tracks saved or filled together, so that a sequential writer pays one flush for many. */
  aheadBytes: MIB,
  /** The log is started anew when it is filled this far. */
  checkpointAtBytes: 768 * KIB,
  /** A log filled this far is started anew when its system is closed, unless too many maps would have to be written. */
  checkpointAtCloseBytes: 32 * KIB,
  /** A map that a checkpoint writes costs as much as so much of a log that is read again at the next open. */
  checkpointMapBytes: 4 * KIB,
  /** Room that each of the log's files holds from the start. */
  ledgerBytes: MIB,
  /** A file of a journal; so much is trimmed and used again at once. */
  journalSegmentBytes: 16 * MIB,
};

/** A document larger than this was not written by us. */
export const DOCUMENT_MAX_BYTES = 64 * MIB;
/** Answers kept for requests that are sent again after a broken connection. */
export const ANSWERS_KEPT = 256;
/** Older ones go where all are more than this: every start of a system reads them. */
export const ANSWERS_KEPT_BYTES = 64 * KIB;
/** Those of requests that may be under way together are kept however large they are. */
export const ANSWERS_KEPT_LEAST = 16;

/** Data of one message on the control socket. */
export const MESSAGE_MAX_BYTES = 8 * MIB;

export const JOURNAL_LIMIT_DEFAULT_BYTES = 4 * GIB;
export const SAVE_LIMIT_DEFAULT_BYTES = 4 * GIB;
export const LINK_LIMIT_SYNC_MS = 5_000;
export const LINK_LIMIT_ASYNC_MS = 30_000;
/**
 * How long the gate of `pair split` over several systems holds hosts at most: two flushes of a slow disk under load fit in it. A group's
 * policy has its own.
 */
export const SPLIT_LIMIT_MS = 1_000;
