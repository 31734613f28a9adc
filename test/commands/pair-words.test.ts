import { afterEach, describe, expect, it, vi } from 'vitest';
import { atMost, goOnCommand } from '../../src/cli/pair-words.js';
import { actionSentence, formatPercent, standing } from '../../src/cli/render/pair-action.js';
import { trackRuns, verifyText } from '../../src/cli/render/pairs.js';
import type { PairActionRow, PairListing } from '../../src/core/controller/controller.js';

const row: PairActionRow = {
  primary: 'tokyo:db',
  secondary: 'tokyo:copy',
  before: 'split',
  after: 'resync',
  outcome: 'done',
  tracks: 3,
  bytes: 196608,
  bytesLost: 0,
  number: 1,
};

describe('what was done to a pair', () => {
  it.each<[string, Partial<PairActionRow>, string]>([
    ['resync', {}, 'was split, is resync now. 3 tracks (192KiB) to copy from tokyo:db to tokyo:copy.'],
    [
      'a resync that loses',
      { bytesLost: 65536 },
      'was split, is resync now. 3 tracks (192KiB) to copy from tokyo:db to tokyo:copy. 64KiB written at tokyo:copy since the split are gone.',
    ],
    [
      'restore',
      { after: 'resync-reverse', bytesLost: 65536 },
      'was split, is resync-reverse now. 3 tracks (192KiB) to copy from tokyo:copy to tokyo:db. 64KiB written at tokyo:db since the split are gone.',
    ],
    [
      'create',
      { before: 'simplex', after: 'pending', tracks: 1 },
      'is a pair now, pending. 1 track (192KiB) to copy from tokyo:db to tokyo:copy.',
    ],
    ['split', { before: 'duplex', after: 'split', tracks: 0 }, 'was duplex, is split now. Nothing is left to copy.'],
    ['delete', { before: 'split', after: 'simplex', tracks: 0 }, 'was split, is a pair no more.'],
    [
      'pace',
      { before: 'split', after: 'split', tracks: 0 },
      'is split; the new settings hold. Nothing is left to copy.',
    ],
    ['nothing', { before: 'split', after: 'split', tracks: 0, outcome: 'nothing' }, 'is split already; nothing to do.'],
  ])('%s', (_, change, words) => {
    expect(actionSentence({ ...row, ...change })).toBe(`tokyo:db -> tokyo:copy ${words}`);
  });

  it('says how a pair stands, and why it is suspended', () => {
    const pair = {
      primary: 'tokyo:db',
      secondary: 'tokyo:copy',
      status: 'suspended',
      cci: 'PSUE',
      percentIdentical: 99.97,
      outOfSyncTracks: 1,
      outOfSyncBytes: 65536,
      reason: 'an I/O error at track 7',
    } as PairListing;
    expect(standing(pair)).toBe(
      'tokyo:db -> tokyo:copy is suspended (PSUE), 99.9% identical, 1 track (64KiB) out of sync. Reason: an I/O error at track 7.',
    );
  });

  it('never calls 100% what is not whole', () => {
    expect([100, 99.999, 0, 50.04].map(formatPercent)).toEqual(['100%', '99.9%', '0%', '50%']);
  });
});

describe('the command to go on with', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('names the root where it was given as a flag', () => {
    vi.stubEnv('COPYSET_ROOT', '/somewhere');
    expect(goOnCommand(row, 'sp-pending', 'slow', undefined)).toBe(
      'copyset pair wait tokyo:db tokyo:copy --status split',
    );
    expect(goOnCommand(row, 'sp-pending', 'slow', '/somewhere')).not.toContain('--root');
    expect(goOnCommand(row, 'resync-reverse', 'slow', "it's here")).toBe(
      "copyset pair wait tokyo:db tokyo:copy --status duplex,split --root 'it'\\''s here'",
    );
  });

  it('lets a held pair go first', () => {
    expect(goOnCommand(row, 'pending', 'hold', undefined)).toBe('copyset pair pace tokyo:db tokyo:copy --pace medium');
  });

  it('is not repeated for a thousand pairs', () => {
    expect(atMost(['a', 'b', 'c'], 2)).toEqual(['a', 'b', 'and 1 more like it']);
  });
});

describe('tracks', () => {
  it('are told in runs', () => {
    expect(trackRuns([1, 2, 3, 7, 9, 10])).toBe('1-3, 7, 9-10');
  });

  it('that differ are listed', () => {
    const verified = {
      primary: 'a:x',
      secondary: 'a:y',
      same: false,
      comparedTracks: 9,
      leftOutTracks: 0,
      differingTracks: [4, 5],
      truncated: true,
      repaired: 0,
      status: 'duplex' as const,
      pace: 'medium' as const,
    };
    expect(verifyText([verified])).toBe(
      'a:x -> a:y: DIFFERS in more than 2 tracks; 9 tracks compared.\n  tracks 4-5, …',
    );
  });
});
