import type { TrackCount } from '../foundation/foundation.js';
import type { Pace } from './record.js';

export const PACES = ['slow', 'medium', 'fast', 'hold'] as const satisfies readonly Pace[];

export const PACE_DEFAULT: Pace = 'medium';

const TRACKS: Record<Pace, TrackCount> = { slow: 1, medium: 3, fast: 15, hold: 0 };

/** Tracks copied per turn; `hold` copies none (DESIGN.md 1). */
export function paceTracks(pace: Pace): TrackCount {
  return TRACKS[pace];
}
