import { failure } from '../../foundation/foundation.js';
import { type Checkpoint, timeAt, timeOf } from '../../sequence/sequence.js';
import type { Placed, PrimaryTable, SessionSheet } from '../../session/session.js';
import type { Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';
import { GateLease } from '../splits/gate.js';
import { atPrimary } from './sheets.js';
import type { TransmitStream } from './transmit.js';

/** The gates of a checkpoint open by themselves after it. */
const GATE_LIMIT_MS = 50;

type Input = Requests['session.checkpoint']['input'];

type Running = SessionSheet & { readonly primary: PrimaryTable };

/** The closed gates of a checkpoint in the order of arrival; they live in this process alone. */
interface Held {
  readonly checkpoint: Checkpoint;
  readonly lease: GateLease;
}

/** Puts checkpoints into the streams of this system's primaries. */
export class Placing {
  readonly #controller: Controller;
  readonly #held = new Map<string, Held>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** For the primary master. Throws `term-superseded`, `session-refuses`. */
  async answer(input: Input): Promise<Placed> {
    const sheet = this.#demandRunning(input);
    if (input.gates === 'run') return this.#run(sheet, input);
    if (input.gates === 'confirm') return this.#confirm(sheet, input);
    return this.#place(sheet, input);
  }

  /** A checkpoint comes behind everything that was recorded before, with whether it is whole, judged now. */
  async #place(sheet: Running, { checkpoint, gates }: Input): Promise<Placed> {
    const { seen } = sheet.primary;
    if (checkpoint.number <= seen && !this.#isOwn(sheet, checkpoint)) return { kind: 'passed', seen };
    await this.#see(sheet, checkpoint);
    const streams = await this.#recording(sheet);
    // The gates close last, and what must be durable is so before: hosts wait for the other systems alone.
    const held = gates === 'close' ? this.#close(sheet, checkpoint) : undefined;
    const isTrusted = held !== undefined || this.#isPast(sheet, checkpoint);
    let isWhole = isTrusted && streams.length > 0;
    for (const stream of streams) {
      if (!stream.hasRoom(0)) {
        isWhole = false;
        continue;
      }
      const whole = isTrusted && stream.isWhole;
      stream.place(checkpoint, sheet.term, whole);
      isWhole = isWhole && whole;
    }
    this.#controller.step('checkpoint.placed');
    this.#controller.notify();
    return { kind: 'placed', whole: isWhole };
  }

  /** The own clock says whether it was early enough: only then nothing passed between the closing and the run (H2). */
  async #run({ id }: Running, { checkpoint }: Input): Promise<Placed> {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held?.checkpoint.number !== checkpoint.number) return { kind: 'placed', whole: false };
    return { kind: 'placed', whole: held.lease.run() === 'opened-by-run' };
  }

  /** Every gate was opened by run: from here on the checkpoint counts. */
  async #confirm(sheet: Running, { checkpoint }: Input): Promise<Placed> {
    for (const stream of await this.#recording(sheet))
      if (stream.hasRoom(0)) stream.append((time) => ({ kind: 'confirm', time, number: checkpoint.number }));
    this.#controller.notify();
    return { kind: 'placed', whole: true };
  }

  #close(sheet: Running, checkpoint: Checkpoint): Held {
    const { fabric, ports, streams } = this.#controller;
    const volumes = streams.ofSession(sheet.id).flatMap((stream) => stream.pairs().map(({ primary }) => primary));
    const live = [...new Set(volumes)].map((number) => fabric.volume(number));
    this.#held.get(sheet.id)?.lease.giveUp();
    const held = { checkpoint, lease: new GateLease(ports.clock, live, GATE_LIMIT_MS) };
    this.#held.set(sheet.id, held);
    this.#controller.step('checkpoint.gated');
    return held;
  }

  /** The streams that keep records now, each with room for a few more. */
  async #recording({ id }: Running): Promise<readonly TransmitStream[]> {
    const { streams } = this.#controller;
    const all = streams.ofSession(id).filter((stream) => stream.isRecording);
    for (const stream of all) if (!stream.hasRoom(stream.recordMaxBytes)) await stream.ready(stream.recordMaxBytes);
    return all.filter((stream) => stream.isRecording);
  }

  /** Its number is never placed a second time here, also after a crash. */
  async #see({ id }: Running, { number }: Checkpoint): Promise<void> {
    await this.#controller.streams.sheets.update(
      id,
      atPrimary((table) => ({ ...table, seen: Math.max(table.seen, number) })),
    );
  }

  /** This system issued it and has seen its number by that alone. */
  #isOwn({ primary }: Running, { number, issuer }: Checkpoint): boolean {
    const { issued, seen } = primary;
    const own = this.#controller.peers.self.id;
    return issuer === own && issued?.number === number && seen === number;
  }

  /** Everything recorded from now on is later than the checkpoint (H24). */
  #isPast({ primary }: Running, checkpoint: Checkpoint): boolean {
    const { anchor } = primary;
    const { clock } = this.#controller.ports;
    return anchor?.boot === clock.bootId() && timeAt(anchor, clock.sequenceNs()) > timeOf(checkpoint);
  }

  #demandRunning({ session, term, configTerm }: Input): Running {
    const sheet = this.#controller.streams.sheets.byId(session);
    if (!sheet?.primary) throw failure('session-not-found', 'No primary of the session lies here.');
    if (term < sheet.term || configTerm < sheet.primary.configTerm)
      throw failure('term-superseded', `A later master of session ${sheet.name} is known here.`);
    if (sheet.primary.state !== 'running') throw failure('session-refuses', `Session ${sheet.name} is stopped here.`);
    return { ...sheet, primary: sheet.primary };
  }
}
