import { describe, expect, it } from 'vitest';
import type { Overview } from '../../src/cli/overview/gather.js';
import { isWell, judge } from '../../src/cli/overview/judge.js';
import { prometheusText } from '../../src/cli/overview/prometheus.js';
import type { GroupListing } from '../../src/core/group/group.js';

const LIMITS = { stuckAfterMs: 60_000 };

const GROUP: GroupListing = {
  name: 'sales',
  id: '0'.repeat(32),
  term: 1,
  master: 'tokyo',
  state: 'running',
  sequence: 7,
  time: '2026-11-21T00:00:00.000Z',
  exposureSeconds: 5,
  pauseMs: 1,
  drainMs: 2,
  formed: 7,
  failed: 1,
  policy: {
    intervalMs: 30_000,
    coordinationLimitMs: 50,
    drainLimitMs: 30_000,
    rateBytesPerSecond: null,
    holdLimitMs: 30_000,
    window: null,
  },
  stop: null,
  held: null,
  lastFailure: null,
  members: [],
};

function withGroup(group: Partial<GroupListing>): Overview {
  return { nowMs: 0, systems: [], pairs: [], volumes: [], groups: [{ ...GROUP, ...group }], unread: [] };
}

function kindsOf(overview: Overview): string[] {
  return judge(overview, LIMITS).map(({ severity, kind }) => `${severity} ${kind}`);
}

describe('the judgement of an overview', () => {
  it('finds nothing at a running group whose last group is young', () => {
    expect(kindsOf(withGroup({}))).toEqual([]);
  });

  it('calls a running group late past its interval, its drain and the limit, and well all the same', () => {
    const late = withGroup({ exposureSeconds: 121 });
    expect(kindsOf(late)).toEqual(['late group-late']);
    expect(isWell(judge(late, LIMITS))).toBe(true);
    expect(kindsOf(withGroup({ exposureSeconds: 119 }))).toEqual([]);
  });

  it('does not call a group late that a window or a person holds back', () => {
    const held = { what: 'sending', by: 'window', until: '2026-11-21T00:00:00.000Z' } as const;
    expect(kindsOf(withGroup({ exposureSeconds: 9_000, held }))).toEqual([]);
    expect(kindsOf(withGroup({ exposureSeconds: 9_000, state: 'paused' }))).toEqual([]);
  });

  it('calls a group stuck that forms nothing until somebody has looked', () => {
    const failed = withGroup({ state: 'failed' });
    expect(kindsOf(failed)).toEqual(['stuck group-failed']);
    expect(isWell(judge(failed, LIMITS))).toBe(false);
  });

  it('puts what is worst first', () => {
    const both = withGroup({ exposureSeconds: 9_000 });
    const overview = { ...both, unread: [{ system: 'osaka', message: 'It is torn.' }] };
    expect(kindsOf(overview)).toEqual(['stuck system-unreadable', 'late group-late']);
  });

  it('escapes names in metrics and leaves out what is not known', () => {
    const text = prometheusText(withGroup({ name: 'a"b\\c', sequence: null }), []);
    expect(text).toContain('copyset_group_formed_total{group="a\\"b\\\\c"} 7');
    expect(text).not.toContain('copyset_group_sequence');
  });
});
