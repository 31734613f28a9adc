import { describe, expect, it } from 'vitest';
import { faultOf } from '../../src/cli/fault-words.js';
import { faultsText } from '../../src/cli/render/faults.js';

describe('fault set', () => {
  it('says only what was given', () => {
    expect(faultOf('io-error', { volume: 'db', on: 'read', track: undefined, step: undefined })).toEqual({
      kind: 'io-error',
      volume: 'db',
      on: 'read',
    });
    expect(faultOf('crash', { step: 'copy.landed', nth: 3 })).toEqual({ kind: 'crash', step: 'copy.landed', nth: 3 });
  });

  it.each([
    ['link-down', {}, 'The fault link-down needs --peer.'],
    ['link-slow', { peer: 'osaka' }, 'The fault link-slow needs --delay or --rate.'],
    ['clock-skew', {}, 'The fault clock-skew needs --by.'],
    ['clock-skew', { by: 5, count: 2 }, 'The fault clock-skew does not take --count.'],
    ['no-space', { by: 5 }, 'The fault no-space does not take --by.'],
    ['fire', {}, '"fire" is no kind of fault.'],
    ['io-error', {}, 'The fault io-error needs --volume.'],
    ['crash', { step: 'x', volume: 'db' }, 'The fault crash does not take --volume.'],
    ['no-space', { track: 1 }, 'The fault no-space does not take --track.'],
  ])('%s %j is refused: %s', (kind, flags, message) => {
    expect(() => faultOf(kind, flags)).toThrow(expect.objectContaining({ code: 'usage', message }));
  });

  it('tells what each fault does', () => {
    const text = faultsText('lab', [
      { kind: 'io-error', volume: 'db', track: 7, on: 'read', count: 1 },
      { kind: 'crash', step: 'copy.landed', nth: 3 },
    ]);
    expect(text).toBe(
      'lab: io-error: a read of track 7 of db fails, 1 more time\n' +
        'lab: crash: the process dies at step copy.landed, on occurrence 3, until cleared',
    );
  });
});
