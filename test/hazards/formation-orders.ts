import type { SystemOrder } from '../../src/core/controller/groups/wire.js';
import type { GroupMember, NumberedGroup, StepAnswer } from '../../src/core/group/group.js';
import type { SimGroup } from '../simulation/system/sim-group.js';
import type { SimSite } from '../simulation/system/sim-sites.js';

export const LIMIT_MS = 50;
export const DRAIN_MS = 2_000;
const TERM = 1;

/** Forms as cron does, until it comes off: chance alone may keep a gate closed for too long, and a number seen before is refused. */
export async function formed(group: SimGroup): Promise<void> {
  const said: unknown[] = [];
  for (let tries = 0; tries < 20; tries += 1) {
    const answer = await group.start();
    if (answer.outcome === 'formed') return;
    said.push(answer.reason);
  }
  throw new Error(`nothing is formed: ${said.join('; ')}`);
}

type Kind = SystemOrder['kind'];

/** A test in the master's place: it sends a formation's orders when it likes. */
export class Orders {
  readonly group: SimGroup;
  readonly id: string;
  readonly members: readonly GroupMember[];

  private constructor(group: SimGroup, id: string, members: readonly GroupMember[]) {
    this.group = group;
    this.id = id;
    this.members = members;
  }

  static async of(group: SimGroup): Promise<Orders> {
    const { sheets } = await group.tokyo.ask('cg.list', {});
    const sheet = sheets.find(({ name }) => name === 'g');
    return new Orders(group, sheet?.id ?? '', sheet?.master?.members ?? []);
  }

  /** Not awaited inside the world: for orders that go out together. */
  send(site: SimSite, kind: Kind, sequence: number): Promise<StepAnswer> {
    const input = { group: this.id, term: TERM, order: this.#order(site, kind, sequence) };
    return site.client.request('group.order', input).then(({ output }) => output.answer);
  }

  give(site: SimSite, kind: Kind, sequence: number): Promise<StepAnswer> {
    return this.group.world.run(this.send(site, kind, sequence));
  }

  /** To both primaries at once. */
  async both(kind: Kind, sequence: number): Promise<StepAnswer[]> {
    const { tokyo, kyoto, world } = this.group;
    return world.run(Promise.all([this.send(tokyo, kind, sequence), this.send(kyoto, kind, sequence)]));
  }

  /** Up to where both have drained. */
  async drained(sequence: number): Promise<void> {
    for (const kind of ['coordinate', 'run', 'drain'] as const) {
      const answers = await this.both(kind, sequence);
      if (answers.some((answer) => answer.kind !== 'ok')) throw new Error(`${kind}: ${JSON.stringify(answers)}`);
    }
  }

  /** What a subordinate asks of its remote. */
  copy(site: SimSite, step: 'prepare' | 'commit' | 'revert', sequence: number, term = TERM) {
    const here = this.members.filter(({ primary }) => primary.system.id === site.ref.id);
    const remote = site === this.group.tokyo ? this.group.osaka : this.group.nara;
    return remote.client.request('group.copy', {
      group: this.id,
      term,
      step,
      sequence,
      ...(step === 'prepare' ? { numbered: this.numbered(sequence) } : {}),
      relationshipIds: here.map(({ relationshipId }) => relationshipId),
    });
  }

  numbered(sequence: number): NumberedGroup {
    const memberList = this.members.map(({ relationshipId, secondary }) => ({ relationshipId, secondary }));
    return { sequence, term: TERM, timeMs: 1_767_225_600_000 + sequence, memberList };
  }

  #order(site: SimSite, kind: Kind, sequence: number): SystemOrder {
    const to = site.ref.id;
    if (kind === 'prepare') return { kind, to, group: this.numbered(sequence) };
    if (kind === 'thaw') return { kind, to, sequence, term: TERM, stopSending: false };
    if (kind === 'run' || kind === 'drain') return { kind, to, sequence, term: TERM };
    const here = this.members.filter(({ primary }) => primary.system.id === to);
    const relationshipIds = here.map(({ relationshipId }) => relationshipId);
    if (kind !== 'coordinate') return { kind, to, sequence, term: TERM, relationshipIds };
    return { kind, to, sequence, term: TERM, coordinationLimitMs: LIMIT_MS, drainLimitMs: DRAIN_MS, relationshipIds };
  }
}
