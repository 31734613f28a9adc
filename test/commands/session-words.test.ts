import { describe, expect, it } from 'vitest';
import { textOf as words } from '../../src/cli/render/pair-action.js';
import type { FoundSession } from '../../src/cli/session-finding.js';
import { memberOf, primaryMasterPlace, secondaryMasterPlace, witnessPlace } from '../../src/cli/session-finding.js';
import {
  applyOutcome,
  markOutcome,
  sessionFailbackOutcome,
  sessionOutcome,
  sessionRecoveryOutcome,
  sessionStatusOutcome,
  waitOutcome,
} from '../../src/cli/session-outcomes.js';
import type { SystemPlace } from '../../src/core/controller/controller.js';
import {
  SESSION_POLICY_DEFAULT,
  type SessionListing,
  type SessionRecoveryAnswer,
  type SessionSystemListing,
} from '../../src/core/session/session.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');

const PRIMARY: SessionSystemListing = {
  system: 'tokyo',
  role: 'primary',
  master: true,
  active: true,
  state: 'active',
  lastCheckpoint: 9,
  recoverableTime: null,
  recoverable: true,
  bufferedBytes: 4096,
  journals: { usedBytes: 4096, limitBytes: 2 ** 32, leastBytes: 2 ** 26 },
  streams: [{ system: 'kobe', usedBytes: 4096, limitBytes: 2 ** 31 }],
  updateInProgress: false,
  late: false,
  reason: null,
};

const SECONDARY: SessionSystemListing = {
  ...PRIMARY,
  system: 'osaka',
  role: 'secondary',
  lastCheckpoint: 8,
  recoverableTime: '2026-03-01T11:59:58.500000123Z',
  updateInProgress: true,
};

const SESSION: SessionListing = {
  name: 'sales',
  id: '0'.repeat(32),
  term: 1,
  run: 2,
  home: 'tokyo',
  state: 'running',
  order: 'clock',
  policy: SESSION_POLICY_DEFAULT,
  issued: 9,
  released: 8,
  applied: 7,
  appliedTime: '2026-03-01T11:59:57.000000001Z',
  recoverableTime: '2026-03-01T11:59:58.500000123Z',
  recoverable: true,
  exposureSeconds: 1.4999,
  late: [],
  systems: [PRIMARY, SECONDARY],
};

function page(session: Partial<SessionListing>): Promise<string> {
  return words(sessionStatusOutcome([{ ...SESSION, ...session }], [], NOW));
}

describe('checkpoint status', () => {
  it('tells numbers, times as --to takes them, exposure, and each system in its role', async () => {
    const said = await page({});
    expect(said).toContain('sales (run 2, term 1)');
    expect(said).toMatch(/Applied +7, as of 2026-03-01T11:59:57\.000000001Z/);
    expect(said).toMatch(/Recoverable +to 2026-03-01T11:59:58\.500000123Z/);
    expect(said).toContain('1.5s: what was written since then would be lost');
    expect(said).toMatch(/every 1s, resigns by itself never/);
    expect(said).toMatch(/^tokyo +primary +active +9 +- +- +4KiB +master$/m);
    expect(said).toMatch(/^osaka +secondary +active +8 +\S+ \S+ +1\.5s +4KiB +master, update in progress$/m);
  });

  it('names who is late, and why', async () => {
    const late = { ...SECONDARY, late: true, state: 'degraded', reason: 'the link is down.' } as const;
    const said = await page({ state: 'degraded', late: ['osaka'], systems: [PRIMARY, late] });
    expect(said).toContain('DEGRADED: no checkpoint is released');
    expect(said).toContain('osaka: the next release waits for it');
    expect(said).toContain('osaka (secondary): the link is down.\n'.trimEnd());
  });

  it('says how much the journals may hold where they are too many for the limit', async () => {
    const usage = { usedBytes: 4096, limitBytes: 2 ** 23, leastBytes: 2 ** 24 };
    expect(await page({ systems: [PRIMARY] })).toMatch(/^Journals of tokyo: 4KiB of 4GiB, 4KiB of 2GiB for kobe\.$/m);
    expect(await page({ systems: [{ ...PRIMARY, journals: usage, streams: [] }] })).toMatch(
      /^Journals of tokyo: 4KiB of 8MiB; being many, they may hold 16MiB in any case\.$/m,
    );
  });

  it('says recoverable: no where a mix would come back', async () => {
    const bare = { ...SECONDARY, recoverable: false, recoverableTime: null };
    const said = await page({ recoverable: false, recoverableTime: null, exposureSeconds: null, systems: [bare] });
    expect(said).toMatch(/Recoverable +no: the secondaries show no common time/);
    expect(said).toMatch(/^osaka +secondary +active +8 +no +- /m);
    expect(said).not.toContain('Exposure ');
  });

  it('has the keys that programs rely on', () => {
    const { data } = sessionStatusOutcome([SESSION], [], NOW);
    const [session] = data.sessions as Record<string, unknown>[];
    const keys = ['name', 'state', 'order', 'issued', 'released', 'applied', 'appliedTime', 'exposureSeconds'];
    expect(Object.keys(session ?? {})).toEqual(expect.arrayContaining(keys));
    const [system] = (session?.systems ?? []) as Record<string, unknown>[];
    const ofSystem = ['system', 'role', 'master', 'active', 'lastCheckpoint', 'bufferedBytes', 'updateInProgress'];
    expect(Object.keys(system ?? {})).toEqual(expect.arrayContaining(ofSystem));
  });

  it('exits 21 where somebody has to look, else 0', () => {
    const exit = (state: SessionListing['state']) => sessionStatusOutcome([{ ...SESSION, state }], [], NOW).exitCode;
    expect(['stopped', 'starting', 'running'].map((state) => exit(state as 'running'))).toEqual([0, 0, 0]);
    expect(['degraded', 'resigned', 'recovered'].map((state) => exit(state as 'running'))).toEqual([21, 21, 21]);
    expect(sessionStatusOutcome([], [], NOW).exitCode).toBe(0);
  });

  it('says how to make one where there is none, and a pair where it has none', async () => {
    expect(await words(sessionStatusOutcome([], [], NOW))).toContain('copyset checkpoint create');
    expect(await page({ systems: [], issued: null, applied: null, appliedTime: null })).toMatch(
      /Issued +none yet[\s\S]*copyset pair create PRIMARY SECONDARY --mode journal --session sales/,
    );
  });
});

describe('what verbs say', () => {
  it('is the bare mark, so that scripts can keep it', async () => {
    const time = '2026-03-01T11:59:58.500000123Z';
    expect(await words(markOutcome({ session: 'sales', mark: '2.9', number: 9, time }))).toBe('2.9');
  });

  it('of an apply is from where to where, or that nothing was held', async () => {
    const answer = { session: 'sales', from: 7, to: 9, records: 1, bytes: 2048 };
    expect(await words(applyOutcome(answer))).toContain('show checkpoint 9, before 7. 1 record, 2KiB.');
    expect(await words(applyOutcome({ ...answer, from: 9 }))).toContain(
      'nothing to apply; the secondaries show checkpoint 9',
    );
    expect(await words(applyOutcome({ ...answer, from: null, to: null }))).toMatch(
      /no checkpoint is held by all[\s\S]*copyset checkpoint status sales/,
    );
  });

  it.each([
    ['applied', 0, 'mark 2.9 is applied; the secondaries show checkpoint 9'],
    ['timed-out', 20, 'is over'],
    ['degraded', 21, 'degraded before mark 2.9 was applied'],
    ['other-run', 3, 'of an earlier run'],
  ] as const)('of a wait that ended %s has exit code %i', async (verdict, exitCode, said) => {
    const outcome = waitOutcome({ session: 'sales', mark: '2.9', verdict, applied: 9, reason: null });
    expect(outcome.exitCode).toBe(exitCode);
    expect(await words(outcome)).toContain(said);
  });

  it('says when there was nothing to do', async () => {
    expect(await words(sessionOutcome({ session: SESSION, outcome: 'nothing' }, 'is started'))).toBe(
      'Session sales: nothing to do; it is running, 2 systems, made at tokyo.',
    );
  });
});

describe('a recovery', () => {
  const ANSWER: SessionRecoveryAnswer = {
    session: 'sales',
    term: 2,
    case: 'apply',
    verdict: 'Checkpoint 9 is held by all secondaries: it is applied at all. Dropped: 3 later records.',
    number: 9,
    time: '2026-03-01T11:59:58.500000123Z',
    dropped: { checkpoints: 1, records: 3, upToTime: '2026-03-01T11:59:59.000000000Z' },
    systems: [{ system: 'osaka', action: 'apply', from: 7, records: 12, bytes: 4096 }],
  };

  it('shows each secondary, the verdict with what is dropped, and the way back', async () => {
    const said = await words(sessionRecoveryOutcome(ANSWER, false));
    expect(said).toMatch(/^osaka +7 +apply +12 +4KiB$/m);
    expect(said).toContain('Case apply. Checkpoint 9');
    expect(said).toContain('3 later records');
    expect(said).toContain('show checkpoint 9, as of 2026-03-01T11:59:58.500000123Z');
    expect(said).toContain('copyset checkpoint failback sales');
  });

  it('that is only planned says that nothing was changed', async () => {
    expect(await words(sessionRecoveryOutcome(ANSWER, true))).toContain('would be brought to checkpoint 9');
  });

  it('exits 7 where the secondaries show nothing in common', async () => {
    for (const found of ['none', 'mixed', 'disagree'] as const) {
      const outcome = sessionRecoveryOutcome({ ...ANSWER, case: found, number: null, time: null }, false);
      expect(outcome.exitCode).toBe(7);
      expect(await words(outcome)).toContain('Nothing was changed at the volumes.');
    }
    expect(sessionRecoveryOutcome(ANSWER, false).exitCode).toBe(0);
  });

  it('is brought back: what is left is told, and exit 20 where the time was over', async () => {
    const direction = 'secondary -> primary';
    const row = {
      primary: 'tokyo:db',
      secondary: 'osaka:db',
      direction,
      tracks: 2,
      bytes: 131_072,
      by: 'differences',
    } as const;
    const begun = sessionFailbackOutcome({ session: 'sales', term: 2, outcome: 'begun', pairs: [row] });
    expect(begun.exitCode).toBe(0);
    expect(await words(begun)).toContain('2 tracks (128KiB) to copy back');
    expect(sessionFailbackOutcome({ session: 'sales', term: 2, outcome: 'timed-out', pairs: [row] }).exitCode).toBe(20);
  });
});

describe('who is asked', () => {
  const ref = (digit: string, name: string) => ({ id: digit.repeat(32), name, path: `/${name}` });
  const [tokyo, nagoya, osaka, kobe] = [ref('a', 'tokyo'), ref('b', 'nagoya'), ref('c', 'osaka'), ref('d', 'kobe')];
  const place = ({ id, name, path }: typeof tokyo) => ({ name, path, info: { id } }) as unknown as SystemPlace;

  function found(...reached: (typeof tokyo)[]): FoundSession {
    const config = [
      { system: tokyo, coupled: [osaka], resignedAt: null },
      { system: nagoya, coupled: [kobe], resignedAt: null },
    ];
    const table = [
      { secondary: osaka, primary: tokyo, enteredAt: 1, resigned: null },
      { secondary: kobe, primary: nagoya, enteredAt: 1, resigned: null },
    ];
    const session = { name: 'sales', home: tokyo, config, table, parts: [], recovered: [] };
    return { session, places: reached.map(place), views: [], troubles: [] } as unknown as FoundSession;
  }

  it('is the master of each side, and the hint says how the others go on where it is lost', () => {
    const all = found(tokyo, nagoya, osaka, kobe);
    expect([primaryMasterPlace(all).name, secondaryMasterPlace(all).name]).toEqual(['tokyo', 'osaka']);
    expect(() => primaryMasterPlace(found(nagoya, osaka, kobe))).toThrow(
      expect.objectContaining({ code: 'peer-missing', hint: expect.stringContaining('checkpoint resign sales tokyo') }),
    );
  });

  it('of a resignation is a secondary that stays, whoever is lost', () => {
    expect(witnessPlace(found(nagoya, osaka, kobe), tokyo).name).toBe('osaka');
    expect(witnessPlace(found(tokyo, nagoya, osaka, kobe), osaka).name).toBe('kobe');
    expect(() => witnessPlace(found(), tokyo)).toThrow(expect.objectContaining({ code: 'peer-missing' }));
  });

  it('knows a system that is lost by its name, and no other', () => {
    expect(memberOf(found(osaka), 'nagoya').id).toBe(nagoya.id);
    expect(() => memberOf(found(osaka), 'sendai')).toThrow(
      expect.objectContaining({ code: 'session-refuses', hint: 'Its systems are kobe, nagoya, osaka, tokyo.' }),
    );
  });
});
