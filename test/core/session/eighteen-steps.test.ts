import { describe, expect, it } from 'vitest';
import { type Checkpoint, timeOf } from '../../../src/core/sequence/sequence.js';
import {
  type ActiveTable,
  addStream,
  decideRound,
  enterStream,
  issuedIn,
  judgeIssue,
  judgePlace,
  type PrimaryTable,
  primaryMaster,
  putPrimary,
  type RoundReport,
  secondaryMaster,
} from '../../../src/core/session/session.js';
import { id, system } from './stage.js';

/** The source's subsystems 1 to 4; the lowest id is master, so 3 has it at the primaries and 4 at the secondaries. */
const P = { 1: 'f', 2: 'g', 3: 'a', 4: 'h' } as const;
const S = { 1: 'l', 2: 'm', 3: 'n', 4: 'b' } as const;
const NUMBERS = [1, 2, 3, 4] as const;
type Subsystem = (typeof NUMBERS)[number];

/** The moments a, b and c at which the three writes complete, and those between. */
const TIMES = { a: 10n, b: 20n, c: 30n, later: 40n };

type Sent = { readonly write: number; readonly time: bigint } | { readonly checkpoint: Checkpoint };

class Session {
  active: ActiveTable = { term: 0, rows: [] };
  master: PrimaryTable;
  readonly streams: Record<Subsystem, Sent[]> = { 1: [], 2: [], 3: [], 4: [] };
  readonly buffers: Record<Subsystem, Sent[]> = { 1: [], 2: [], 3: [], 4: [] };
  readonly shown: Record<Subsystem, number[]> = { 1: [], 2: [], 3: [], 4: [] };
  readonly standing: Record<Subsystem, Pick<RoundReport, 'releasing' | 'applied' | 'resetTo'>>;

  constructor() {
    let config: { term: number; rows: PrimaryTable['config'] } = { term: 0, rows: [] };
    for (const number of NUMBERS) config = putPrimary(config, system(P[number]), [system(S[number])]);
    const anchor = { boot: 'one', offsetNs: '0', agreedAtMs: 0 };
    const { term: configTerm, rows } = config;
    this.master = { state: 'running', configTerm, config: rows, anchor, issued: null, seen: 6, streams: [] };
    for (const number of NUMBERS) this.active = addStream(this.active, system(P[number]), system(S[number]));
    for (const number of NUMBERS)
      this.active = enterStream(this.active, { primary: id(P[number]), secondary: id(S[number]) }, 7);
    const nothing = { releasing: null, applied: null, resetTo: 0 };
    this.standing = { 1: nothing, 2: nothing, 3: nothing, 4: nothing };
  }

  write(number: Subsystem, write: number, time: bigint): void {
    this.streams[number].push({ write, time });
  }

  issue(time: bigint): Checkpoint {
    const clock = { trusted: true, label: '@D' } as const;
    const { anchor } = this.master;
    const others = [1, 2, 4].map((number) => ({ system: id(P[number as Subsystem]), seen: 6, anchor, clock }));
    const verdict = judgeIssue({ self: id(P[3]), order: 'clock', table: this.master, time, others });
    if (verdict.kind !== 'issue') throw new Error('nothing was issued');
    this.master = issuedIn(this.master, verdict.checkpoint);
    return verdict.checkpoint;
  }

  place(number: Subsystem, checkpoint: Checkpoint, now: bigint): void {
    const told = { configTerm: this.master.configTerm, checkpoint };
    const verdict = judgePlace({ configTerm: told.configTerm, seen: 6, last: null, now, wholeSince: 0n, told });
    expect(verdict).toMatchObject({ kind: 'place', placed: { whole: true } });
    this.streams[number].push({ checkpoint });
  }

  /** The oldest thing that the secondary does not have yet. */
  send(number: Subsystem): void {
    const next = this.streams[number].shift();
    if (next) this.buffers[number].push(next);
  }

  decide() {
    const reports = NUMBERS.map((number): RoundReport => {
      const held = this.buffers[number].flatMap((one) => ('checkpoint' in one ? [one.checkpoint] : []));
      const stream = { primary: id(P[number]), held, degraded: false, returning: 'no' } as const;
      return { system: id(S[number]), tableTerm: this.active.term, ...this.standing[number], streams: [stream] };
    });
    return decideRound({ active: this.active, reports });
  }

  release(number: Subsystem, releasing: Checkpoint): void {
    this.standing[number] = { ...this.standing[number], releasing };
  }

  apply(number: Subsystem): void {
    const { releasing } = this.standing[number];
    if (releasing === null) throw new Error('nothing was released');
    for (const one of this.buffers[number])
      if ('write' in one && one.time <= timeOf(releasing)) this.shown[number].push(one.write);
    this.standing[number] = { ...this.standing[number], applied: releasing };
  }

  reset(number: Subsystem, { number: resetTo }: Checkpoint): void {
    this.standing[number] = { ...this.standing[number], releasing: null, resetTo };
  }

  get everything(): readonly number[] {
    return NUMBERS.flatMap((number) => this.shown[number]).sort();
  }
}

const who = (...numbers: readonly Subsystem[]) => numbers.map((number) => id(S[number])).sort();

describe('the three writes of the source, in its 18 steps', () => {
  const session = new Session();
  let n: Checkpoint;

  it('1. all exchange copy active; primary 3 is the master for time, secondary 4 for the rendezvous', () => {
    expect(primaryMaster(session.master.config)?.id).toBe(id(P[3]));
    expect(secondaryMaster(session.active.rows)?.id).toBe(id(S[4]));
  });

  it('2. write 1 completes at subsystem 1 at time a', () => session.write(1, 1, TIMES.a));

  it('3. write 2 completes at subsystem 2 at time b', () => session.write(2, 2, TIMES.b));

  it('4. primary 1 sends write 1 with its time; secondary 1 keeps it and applies nothing', () => {
    session.send(1);
    expect(session.buffers[1]).toEqual([{ write: 1, time: TIMES.a }]);
    expect(session.decide()).toEqual({ label: '@L', kind: 'nothing' });
  });

  it('5. primary 3 sends checkpoint n with time b', () => {
    n = session.issue(TIMES.b);
    expect(n).toEqual({ number: 7, time: '20', issuer: id(P[3]) });
  });

  it('6. write 3 completes at subsystem 1 at time c', () => session.write(1, 3, TIMES.c));

  it('7. primary 1 sends write 3', () => {
    session.send(1);
    expect(session.buffers[1]).toHaveLength(2);
  });

  it('8. primary 1 places checkpoint n, behind a record that is later than it', () =>
    session.place(1, n, TIMES.c + 1n));

  it('9. primary 1 sends it to secondary 1, which tells secondary 4: the others are waited for', () => {
    session.send(1);
    expect(session.decide()).toMatchObject({ kind: 'wait', why: 'late', who: [id(P[2]), id(P[3]), id(P[4])].sort() });
  });

  it('10. primary 2 sends write 2; secondary 2 keeps it and applies nothing', () => {
    session.send(2);
    expect(session.everything).toEqual([]);
  });

  it('11. primary 2 places checkpoint n', () => session.place(2, n, TIMES.later));

  it('12. primary 2 sends it to secondary 2, which tells secondary 4', () => {
    session.send(2);
    expect(session.decide()).toMatchObject({ kind: 'wait', who: [id(P[3]), id(P[4])].sort() });
  });

  it('13. meanwhile 3 and 4 have sent it to theirs: the rendezvous is complete', () => {
    for (const number of [3, 4] as const) {
      session.place(number, n, TIMES.later);
      session.send(number);
    }
    expect(session.decide()).toEqual({ label: '@I', kind: 'release', checkpoint: n, to: who(1, 2, 3, 4) });
  });

  it('14. secondary 4 releases it, for itself first', () => {
    session.release(4, n);
    expect(session.decide()).toEqual({
      label: '@C',
      kind: 'finish',
      checkpoint: n,
      to: expect.arrayContaining(who(1, 2, 3)),
    });
    for (const number of [1, 2, 3] as const) session.release(number, n);
  });

  it('15. secondary 3 has nothing to apply and is done at once', () => {
    session.apply(3);
    session.apply(4);
    expect(session.decide()).toEqual({ label: '@E', kind: 'wait', why: 'applying', who: who(1, 2) });
  });

  it('16. secondary 1 applies write 1 and not write 3, whose time c is greater than b', () => {
    session.apply(1);
    expect(session.shown[1]).toEqual([1]);
    expect(session.decide()).toMatchObject({ why: 'applying', who: who(2) });
  });

  it('17. secondary 2 applies write 2', () => {
    session.apply(2);
    expect(session.shown[2]).toEqual([2]);
  });

  it('18. secondary 4 resets the update in progress at all: they show writes 1 and 2', () => {
    const decision = session.decide();
    expect(decision).toEqual({
      label: '@F',
      kind: 'reset',
      checkpoint: n,
      to: expect.arrayContaining(who(1, 2, 3, 4)),
    });
    for (const number of NUMBERS) session.reset(number, n);
    expect(session.everything).toEqual([1, 2]);
  });

  it('goes on to write 3 with the next checkpoint', () => {
    const next = session.issue(TIMES.later);
    for (const number of NUMBERS) session.buffers[number].push({ checkpoint: next });
    expect(session.decide()).toMatchObject({ kind: 'release', checkpoint: next });
  });
});

describe("the source's figure 1", () => {
  it('without checkpoints secondary 1 shows write 3 while write 2, on which it depends, is not there', () => {
    const session = new Session();
    session.write(1, 1, TIMES.a);
    session.write(2, 2, TIMES.b);
    session.write(1, 3, TIMES.c);
    session.send(1);
    session.send(1);
    // What has arrived is applied as it comes: the link of subsystem 2 is the slower one.
    for (const number of NUMBERS)
      for (const one of session.buffers[number]) if ('write' in one) session.shown[number].push(one.write);
    expect(session.everything).toEqual([1, 3]);
  });

  it('with them none of the three is shown yet', () => {
    const session = new Session();
    session.write(1, 1, TIMES.a);
    session.write(2, 2, TIMES.b);
    session.write(1, 3, TIMES.c);
    const n = session.issue(TIMES.later);
    session.place(1, n, TIMES.later + 1n);
    for (let sent = 0; sent < 3; sent++) session.send(1);
    expect(session.decide()).toMatchObject({ kind: 'wait', why: 'late' });
    expect(session.everything).toEqual([]);
  });
});
