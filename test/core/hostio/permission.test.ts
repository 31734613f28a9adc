import { describe, expect, it } from 'vitest';
import { hostRefusal } from '../../../src/core/hostio/hostio.js';
import type { PairState, Side } from '../../../src/core/pair/pair.js';
import type { VolumeRecord } from '../../../src/core/volume/volume.js';
import { active, FROZEN, LOST, nameOf, pair, suspended } from '../pair/states.js';

const VOLUME: VolumeRecord = {
  number: 1,
  name: 'db',
  sizeBytes: 4096,
  trackSizeBytes: 4096,
  emulation: 'OPEN-V',
  reserved: false,
  imagePath: 'images/db.img',
  status: 'normal',
  blockedReason: null,
  incomplete: null,
  createdAtMs: 0,
};

function may(state: PairState | undefined, side: Side, volume: VolumeRecord = VOLUME): string {
  const legs = state ? [{ pair: { record: pair(state) }, side }] : [];
  const letter = (wanted: 'read' | 'write') => hostRefusal('tokyo', volume, legs, wanted)?.code ?? wanted;
  return `${letter('read')} ${letter('write')}`;
}

const NONE = 'not-readable not-writable';
const READ = 'read not-writable';
const BOTH = 'read write';

/** DESIGN.md 3.1: the status, a host on P, a host on S. */
const TABLE: readonly [PairState, string, string][] = [
  [active('pending'), BOTH, NONE],
  [active('duplex'), BOTH, NONE],
  [active('sp-pending'), BOTH, BOTH],
  [active('split'), BOTH, BOTH],
  [active('resync'), BOTH, NONE],
  [active('resync-reverse'), BOTH, NONE],
  [suspended(active('pending')), BOTH, NONE],
  [suspended(active('duplex')), BOTH, NONE],
  [suspended(active('sp-pending')), BOTH, READ],
  [suspended(active('split')), BOTH, READ],
  [suspended(active('resync')), BOTH, NONE],
  [suspended(active('resync-reverse')), BOTH, NONE],
  [suspended(active('duplex'), true), BOTH, BOTH],
];

describe('what hosts may do', () => {
  it.each(TABLE.map(([state, primary, secondary]) => ({ name: nameOf(state), state, primary, secondary })))(
    'at both sides of a pair that is $name is as DESIGN.md 3.1 says',
    ({ state, primary, secondary }) => {
      expect([may(state, 'primary'), may(state, 'secondary')]).toEqual([primary, secondary]);
    },
  );

  it('at a secondary that was split read-only is to read', () => {
    expect(may({ status: 'split', frozen: { ...FROZEN, readOnly: true } }, 'secondary')).toBe(READ);
  });

  it('at a secondary whose point in time is lost is nothing, because it is incomplete', () => {
    expect(may(suspended({ status: 'split', frozen: LOST }), 'secondary')).toBe('incomplete incomplete');
    expect(may(suspended({ status: 'split', frozen: LOST }), 'primary')).toBe(BOTH);
  });

  it('at a volume that is blocked or being formatted is nothing, whatever its pairs say', () => {
    for (const status of ['blocked', 'format'] as const) {
      expect(may(active('split'), 'primary', { ...VOLUME, status })).toBe('volume-blocked volume-blocked');
    }
  });

  it('at a reserved volume without a pair is to read; with one, the pair decides', () => {
    const reserved = { ...VOLUME, reserved: true };
    expect(may(undefined, 'secondary', reserved)).toBe('read volume-reserved');
    expect(may(active('split'), 'secondary', reserved)).toBe(BOTH);
  });

  it('at an incomplete volume is to write, so that it can be made whole', () => {
    const incomplete = { missingTracks: 3, reason: 'its pair was deleted' };
    expect(may(undefined, 'primary', { ...VOLUME, incomplete })).toBe('incomplete write');
    expect(may(undefined, 'primary', VOLUME)).toBe(BOTH);
  });
});
