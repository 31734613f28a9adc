import type { OwnController } from '../../../src/core/controller/controller.js';
import { openOwner } from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { type Checkpoint, timeOf } from '../../../src/core/sequence/sequence.js';
import {
  listSessions,
  type PrimaryTable,
  type SecondaryTable,
  type SessionSheet,
} from '../../../src/core/session/session.js';
import { OwnerTable, type SimDisk, World } from '../world/world.js';
import { SESSION, SimSession } from './sim-session.js';
import { portsOf, TRACK } from './sim-system.js';

/** With it the lowest ids are those that the source's example has as masters: primary 3 and secondary 4. */
const SEED = 53;
export const NUMBERS = [1, 2, 3, 4] as const;
export type Subsystem = (typeof NUMBERS)[number];

/** A record of a stream as the example speaks of it. */
export type Told = `write ${number}` | `checkpoint ${number}`;

/**
 * The four subsystems of the source's worked example, each a primary system pN and a secondary system sN with a process of its own.
 * Messages arrive when the example says so: those from a primary to its secondary when it sends, the rest when `slow` is over.
 */
export class SourceStage {
  readonly session: SimSession;
  /** The disks after each step. */
  readonly disks: { readonly step: string; readonly disk: SimDisk }[] = [];

  #isHurried = false;

  private constructor(session: SimSession) {
    this.session = session;
  }

  static async ready(): Promise<SourceStage> {
    const session = await SimSession.ready(SEED, { subsystems: 4 });
    // A stream that enters late does not count for the first.
    while ((await session.show()) !== 'applied') await session.pass(100);
    const stage = new SourceStage(session);
    for (const number of NUMBERS) stage.slow(`p${number}`, `s${number}`);
    return stage;
  }

  get #weather() {
    return this.session.world.network.weather;
  }

  slow(from: string, to: string): void {
    if (!this.#isHurried) this.#weather.hold(from, to);
  }

  arrives(from: string, to: string): void {
    this.#weather.letThrough(from, to);
  }

  /** No message is slow any more. */
  hurry(): void {
    this.#isHurried = true;
    for (const name of this.session.secondaries)
      for (const other of this.session.secondaries) this.arrives(name, other);
    for (const number of NUMBERS) for (const other of NUMBERS) this.arrives(`p${number}`, `p${other}`);
  }

  sheet(name: string): SessionSheet {
    const sheet = this.session.controller(name).sessions.sheets.named(SESSION);
    if (!sheet) throw new Error(`${name} knows no session`);
    return sheet;
  }

  primary(number: Subsystem): PrimaryTable {
    return this.sheet(`p${number}`).primary as PrimaryTable;
  }

  secondary(number: Subsystem): SecondaryTable {
    return this.sheet(`s${number}`).secondary as SecondaryTable;
  }

  /** Fills the volume of a subsystem's primary with the write's number. Answers when the host has heard of it. */
  async write(number: Subsystem, write: number): Promise<bigint> {
    await this.session.write(number, write);
    return this.#transmit(number).journal?.lastTime ?? 0n;
  }

  /** What the primary has in its stream and its secondary does not have. */
  async unsent(number: Subsystem): Promise<readonly Told[]> {
    const { journal } = await this.#received(number);
    return told(this.#transmit(number).journal?.records(journal.nextSequence) ?? []);
  }

  /** What the secondary keeps and has not applied. */
  async buffered(number: Subsystem): Promise<readonly Told[]> {
    const { journal, row } = await this.#received(number);
    // Its checkpoint's own record stands behind the last that is applied.
    const applied = `checkpoint ${this.secondary(number).applied?.number ?? 0}`;
    return told(journal.records(row.appliedSequence + 1)).filter((one) => one !== applied);
  }

  /** The secondary has all that its primary's stream holds now. */
  async send(number: Subsystem): Promise<void> {
    this.arrives(`p${number}`, `s${number}`);
    await this.session.until(async () => (await this.unsent(number)).length === 0 && this.#isAnswered(number));
    this.slow(`p${number}`, `s${number}`);
  }

  /** Calls back in the moment in which a process reaches a step of its work. */
  at(name: string, step: string, then: () => void): void {
    const controller = this.session.controller(name);
    const usual = controller.step;
    controller.step = (reached) => {
      if (reached === step) then();
      usual.call(controller, reached);
    };
  }

  /** Begins what takes until messages arrive. */
  begin<Code extends 'session.mark' | 'session.apply'>(name: string, code: Code) {
    const asked = this.session.controller(name).request(code, { session: SESSION });
    asked.catch(() => undefined);
    return asked;
  }

  /** Whom the next release waits for, as `checkpoint status` says. */
  async late(): Promise<readonly string[]> {
    const names = NUMBERS.flatMap((number) => [`p${number}`, `s${number}`]);
    const views = [];
    for (const name of names) {
      const answer = await this.session.ask(name, 'session.list', {});
      views.push({ system: this.session.ref(name), ...answer, asOfMs: 0 });
    }
    return [...(listSessions(views, 0)[0]?.late ?? [])].sort();
  }

  /** What a host reads of a secondary: the number of the last write to it, or the code of the refusal. */
  async shown(number: Subsystem): Promise<number | string> {
    return this.session.read(`s${number}`).catch((error: unknown) => {
      if (isToolkitError(error)) return error.code;
      throw error;
    });
  }

  /** What the secondary's volume holds, whoever may read it. */
  holds(number: Subsystem): number {
    const { catalog, fabric } = this.session.controller(`s${number}`);
    const record = [...catalog.volumes.values()].find(({ name }) => name === 'db');
    const target = new Uint8Array(TRACK);
    fabric.read(record?.number ?? 0, target, 0);
    return target[0] ?? -1;
  }

  async shownByAll(): Promise<(number | string)[]> {
    const all = [];
    for (const number of NUMBERS) all.push(await this.shown(number));
    return all;
  }

  /** As if all primaries were lost after this step. */
  keepDisk(step: string): void {
    const { world } = this.session;
    this.disks.push({ step, disk: world.disk.afterKill(world.rng.fork()) });
  }

  #transmit(number: Subsystem) {
    const { id } = this.sheet(`p${number}`);
    const stream = this.session.controller(`p${number}`).streams.of(id, this.session.ref(`s${number}`));
    if (!stream) throw new Error(`p${number} has no stream`);
    return stream;
  }

  /** The primary has heard that all is durable there. */
  #isAnswered(number: Subsystem): boolean {
    const { sessions } = this.session.controller(`p${number}`);
    return sessions.transmitted(this.sheet(`p${number}`).id, this.session.ref(`s${number}`).id).bufferedRecords === 0;
  }

  #received(number: Subsystem) {
    const { sessions } = this.session.controller(`s${number}`);
    return this.session.world.run(sessions.stream(this.sheet(`s${number}`).id, this.session.ref(`p${number}`).id));
  }
}

function told(
  records: Iterable<{ readonly kind: string; readonly data?: Uint8Array; readonly number?: number }>,
): Told[] {
  return [...records].flatMap((record): Told[] => {
    if (record.kind === 'write') return [`write ${record.data?.[0] ?? 0}`];
    return record.kind === 'checkpoint' ? [`checkpoint ${record.number ?? 0}`] : [];
  });
}

export function isAtMost(time: bigint, checkpoint: Checkpoint): boolean {
  return time <= timeOf(checkpoint);
}

/** What hosts read of the secondaries once they alone were recovered from this disk. */
export async function recoveredFrom(stage: SourceStage, disk: SimDisk): Promise<number[]> {
  const world = new World(SEED, { disk, ownerTable: new OwnerTable() });
  const secondaries = NUMBERS.map((number) => `s${number}`);
  const owners: OwnController[] = [];
  for (const name of secondaries)
    owners.push(
      await world.run(openOwner(portsOf(world.start(name)), stage.session.place(name), { purpose: 'serve' })),
    );
  const at = secondaries.map((name) => stage.session.ref(name));
  await world.run((owners[0] as OwnController).request('session.recover', { session: SESSION, at }));
  const shown: number[] = [];
  for (const own of owners) {
    const input = { volume: 'db', offsetBytes: 0, lengthBytes: TRACK };
    shown.push((await world.run(own.request('volume.read', input))).data?.[0] ?? -1);
  }
  return shown;
}
