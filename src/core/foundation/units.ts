/**
 * A number that counts one thing. A plain number may become a unit (arithmetic yields plain numbers), but one unit is
 * never taken for another: passing a `TrackIndex` where a `ByteOffset` is wanted does not compile.
 */
type Unit<Name extends string> = number & { readonly __unit?: Name };

/** The place of a track in its volume, counted from 0. */
export type TrackIndex = Unit<'track index'>;
/** How many tracks. */
export type TrackCount = Unit<'track count'>;
/** A place in a volume or a file, in bytes from its start. */
export type ByteOffset = Unit<'byte offset'>;
/** How many bytes. */
export type ByteCount = Unit<'byte count'>;
/** A volume's number CU:LDEV as one number, CU in the upper byte. */
export type VolumeNumber = Unit<'volume number'>;
/** A pair's number inside its system. Never used twice. */
export type PairNumber = Unit<'pair number'>;
/** The place of a change in a system's log; it rises by one with every change. */
export type ChangeNumber = Unit<'change number'>;
/** Rises with every grant of a system's ownership; data of a lower epoch is refused. */
export type Epoch = Unit<'epoch'>;
/** A span of time in milliseconds. */
export type Milliseconds = Unit<'milliseconds'>;

/** A moment in the order of writes: nanoseconds of a session's clock. Exact, so no plain number. */
export type SequenceTime = bigint;

/** A run of neighbouring tracks. */
export interface TrackRun {
  readonly first: TrackIndex;
  readonly count: TrackCount;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;
