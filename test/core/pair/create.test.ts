import { describe, expect, it } from 'vitest';
import { type CreateQuestion, differsFrom, judgeCreate, type PairRecord } from '../../../src/core/pair/pair.js';
import type { VolumeRecord } from '../../../src/core/volume/volume.js';
import { active, pair, suspended } from './states.js';

function volume(number: number, changes: Partial<VolumeRecord> = {}): VolumeRecord {
  return {
    number,
    name: `v${number}`,
    sizeBytes: 1024 * 1024,
    trackSizeBytes: 64 * 1024,
    emulation: 'OPEN-V',
    reserved: false,
    imagePath: `volumes/v${number}.img`,
    status: 'normal',
    blockedReason: null,
    incomplete: null,
    createdAtMs: 0,
    ...changes,
  };
}

function judge(changes: Partial<CreateQuestion> = {}) {
  return judgeCreate({
    primary: volume(1),
    secondary: volume(2),
    pairs: [],
    secondaryHoldsData: false,
    overwrite: false,
    noCopy: false,
    ...changes,
  });
}

function pairs(...links: [number, number][]): PairRecord[] {
  return links.map(([primary, secondary]) => pair(active('duplex'), primary, secondary));
}

const INCOMPLETE = { missingTracks: 3, reason: 'its pair was deleted' };

describe('a pair may be made', () => {
  it('of two volumes that agree', () => {
    expect(judge()).toEqual({ kind: 'do' });
  });

  it('further down a chain: S may be the primary of others, P the secondary of another', () => {
    expect(judge({ pairs: pairs([2, 3], [9, 1], [1, 4]) })).toEqual({ kind: 'do' });
  });

  it('onto data with --overwrite, or with --no-copy', () => {
    expect(judge({ secondaryHoldsData: true, overwrite: true })).toEqual({ kind: 'do' });
    expect(judge({ secondaryHoldsData: true, noCopy: true })).toEqual({ kind: 'do' });
  });

  it('onto an incomplete secondary, for all of it is overwritten', () => {
    expect(judge({ secondary: volume(2, { incomplete: INCOMPLETE }) })).toEqual({ kind: 'do' });
  });
});

describe('a pair that is there', () => {
  it('needs nothing while it follows', () => {
    const existing = pair(active('resync'));
    expect(judge({ pairs: [existing] })).toEqual({ kind: 'nothing', existing });
  });

  it('is refused where it is not what was asked for', () => {
    const asked = (state: PairRecord['state'], words: Partial<CreateQuestion>) =>
      judge({ pairs: [pair(state)], ...words }).kind;
    expect(asked(active('duplex'), { noCopy: true })).toBe('nothing');
    expect(asked(active('pending'), { noCopy: true })).toBe('refuse');
    expect(asked(active('resync'), { noCopy: true })).toBe('refuse');
    expect(asked(active('duplex'), { split: true })).toBe('refuse');
    expect(differsFrom(pair(active('duplex')), { manual: true })).toMatchObject({ code: 'status-refuses' });
  });

  it('is not made again once it is split or suspended', () => {
    for (const state of [
      active('split'),
      active('sp-pending'),
      active('resync-reverse'),
      suspended(active('duplex')),
    ]) {
      expect(judge({ pairs: [pair(state)] })).toMatchObject({ kind: 'refuse', code: 'status-refuses' });
    }
  });
});

describe('a pair is refused', () => {
  const REFUSED: [string, string, Partial<CreateQuestion>][] = [
    ['of a volume with itself', 'self-pair', { secondary: volume(1) }],
    ['where sizes differ', 'sizes-differ', { secondary: volume(2, { sizeBytes: 512 }) }],
    ['where track sizes differ', 'sizes-differ', { secondary: volume(2, { trackSizeBytes: 4096 }) }],
    ['where emulations differ', 'sizes-differ', { secondary: volume(2, { emulation: 'OPEN-3' }) }],
    ['where S has a primary already (H18)', 'secondary-taken', { pairs: pairs([7, 2]) }],
    ['where S is copied onto P', 'cycle', { pairs: pairs([2, 1]) }],
    ['where S comes to P through others', 'cycle', { pairs: pairs([2, 3], [3, 4], [3, 5], [5, 1]) }],
    ['where P is blocked', 'volume-blocked', { primary: volume(1, { status: 'blocked', blockedReason: 'EIO' }) }],
    ['where S is being formatted', 'volume-blocked', { secondary: volume(2, { status: 'format' }) }],
    ['where P lacks tracks', 'incomplete', { primary: volume(1, { incomplete: INCOMPLETE }) }],
    [
      'where S lacks tracks and nothing is copied',
      'incomplete',
      { secondary: volume(2, { incomplete: INCOMPLETE }), noCopy: true },
    ],
    ['where S holds data', 'holds-data', { secondaryHoldsData: true }],
    [
      'where P has 64 secondaries',
      'limit-reached',
      { pairs: pairs(...Array.from({ length: 64 }, (_, index): [number, number] => [1, 100 + index])) },
    ],
  ];

  for (const [title, code, question] of REFUSED) {
    it(title, () => {
      const verdict = judge(question);
      expect(verdict).toMatchObject({ kind: 'refuse', code });
      expect(verdict.kind === 'refuse' && verdict.hint).toBeTruthy();
    });
  }

  it('in a long chain as fast as in a short one', () => {
    const chain = pairs(...Array.from({ length: 60_000 }, (_, index): [number, number] => [index + 2, index + 3]));
    expect(judge({ pairs: [...chain, ...pairs([60_002, 1])] })).toMatchObject({ kind: 'refuse', code: 'cycle' });
  });
});
