import { describe, expect, it } from 'vitest';
import type { Overview } from '../../src/cli/overview/gather.js';
import { isWell, judge } from '../../src/cli/overview/judge.js';
import { prometheusText } from '../../src/cli/overview/prometheus.js';
import type { GroupListing } from '../../src/core/group/group.js';
import type { SessionListing, SessionSystemListing } from '../../src/core/session/session.js';

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
  return {
    nowMs: 0,
    systems: [],
    pairs: [],
    volumes: [],
    groups: [{ ...GROUP, ...group }],
    sessions: [],
    unread: [],
    copies: [],
  };
}

const SYSTEM: SessionSystemListing = {
  system: 'osaka',
  role: 'secondary',
  master: true,
  active: true,
  state: 'active',
  lastCheckpoint: 8,
  recoverableTime: '2026-11-21T00:00:00.000000001Z',
  recoverable: true,
  bufferedBytes: 4096,
  journals: { usedBytes: 4096, limitBytes: 2 ** 32, leastBytes: 2 ** 26 },
  streams: [{ system: 'kobe', usedBytes: 4096, limitBytes: 2 ** 31 }],
  updateInProgress: false,
  late: false,
  reason: null,
};

const SESSION: SessionListing = {
  name: 'orders',
  id: '1'.repeat(32),
  term: 1,
  run: 1,
  home: 'tokyo',
  state: 'running',
  order: 'clock',
  policy: { intervalMs: 1_000, resignAfterMs: null, enableAtSecondary: false },
  issued: 9,
  released: 8,
  applied: 8,
  appliedTime: '2026-11-21T00:00:00.000000001Z',
  recoverableTime: '2026-11-21T00:00:00.000000001Z',
  recoverable: true,
  exposureSeconds: 1.5,
  late: [],
  systems: [SYSTEM],
};

function withSession(session: Partial<SessionListing>): Overview {
  return {
    nowMs: 0,
    systems: [],
    pairs: [],
    volumes: [],
    groups: [],
    sessions: [{ ...SESSION, ...session }],
    unread: [],
    copies: [],
  };
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
    const overview = { ...both, unread: [{ system: 'osaka', message: 'It is torn.', isCopied: false }] };
    expect(kindsOf(overview)).toEqual(['stuck system-unreadable', 'late group-late']);
  });

  it('escapes names in metrics and leaves out what is not known', () => {
    const text = prometheusText(withGroup({ name: 'a"b\\c', sequence: null }), []);
    expect(text).toContain('copyset_group_formed_total{group="a\\"b\\\\c"} 7');
    expect(text).not.toContain('copyset_group_sequence');
  });

  it('finds nothing at a session that runs, starts or is stopped', () => {
    for (const state of ['running', 'starting', 'stopped'] as const)
      expect(kindsOf(withSession({ state }))).toEqual([]);
  });

  it('calls a running session late past its interval and the limit, and says who is waited for', () => {
    const late = withSession({ exposureSeconds: 62, late: ['osaka'] });
    expect(kindsOf(late)).toEqual(['late session-late']);
    expect(judge(late, LIMITS)[0]?.message).toBe('could be brought back only to 1m 2s ago; it waits for osaka');
    expect(kindsOf(withSession({ exposureSeconds: 60.5 }))).toEqual([]);
  });

  it('calls a session stuck that releases nothing, with the reason and recoverable: no', () => {
    const systems = [{ ...SYSTEM, state: 'returning', recoverable: false, reason: 'the journal is full.' }] as const;
    const degraded = withSession({ state: 'degraded', recoverable: false, recoverableTime: null, systems });
    expect(kindsOf(degraded)).toEqual(['stuck session-degraded']);
    expect(judge(degraded, LIMITS)[0]?.message).toBe(
      'releases no checkpoint: osaka, the journal is full; recoverable: no',
    );
  });

  it('names the system that resigned, or is not reached, with the command that helps', () => {
    const resigned = withSession({ state: 'resigned', systems: [{ ...SYSTEM, state: 'resigned' }] });
    expect(kindsOf(resigned)).toEqual(['suspended session-resigned']);
    expect(judge(resigned, LIMITS)[0]?.hint).toContain('copyset checkpoint join orders osaka');
    const away = withSession({ state: 'degraded', systems: [{ ...SYSTEM, state: 'unreachable' }] });
    expect(kindsOf(away)).toEqual(['stuck session-unreachable']);
    expect(judge(away, LIMITS)[0]?.hint).toContain('copyset checkpoint resign orders osaka');
  });

  it('calls a recovered session stuck until it is brought back', () => {
    const recovered = withSession({ state: 'recovered' });
    expect(kindsOf(recovered)).toEqual(['stuck session-recovered']);
    expect(judge(recovered, LIMITS)[0]?.hint).toContain('copyset checkpoint failback orders');
  });

  it('prints metrics of a session, without what nobody knows', () => {
    const text = prometheusText(withSession({ applied: null, exposureSeconds: null, recoverable: false }), []);
    expect(text).toContain('copyset_session_recoverable{session="orders"} 0');
    expect(text).toContain('copyset_session_buffered_bytes{session="orders",system="osaka",role="secondary"} 4096');
    expect(text).not.toContain('copyset_session_applied');
    expect(text).not.toContain('copyset_session_exposure_seconds');
  });
});
