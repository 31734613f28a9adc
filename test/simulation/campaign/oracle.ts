import type { PairRecord } from '../../../src/core/pair/pair.js';
import { phaseOf, pointInTimeLost } from '../../../src/core/pair/pair.js';
import { ANYTHING, blank, type Contents, unknown } from './domain.js';

/** A host's write that is not answered yet. */
export interface PendingWrite {
  readonly sectors: readonly number[];
  readonly stamp: number;
  /** A gate closed meanwhile, so it may have landed before or after; what is there decides. */
  unsure: boolean;
}

export interface VolumeModel {
  /** What its host must read; null while no host may and nothing is promised. */
  contents: Contents | null;
  /** Older values of sectors that a power loss may bring back. */
  readonly older: Map<number, Set<number>>;
  readonly writes: Set<PendingWrite>;
  /** Table rows that may or may not be there: a create, delete or format is under way. */
  changing: 'create' | 'delete' | 'format' | undefined;
}

/** A pair as last acknowledged. */
export interface PairModel {
  readonly status: string;
  readonly generation: number;
}

/** A request under way that changes pairs, seen from its gate on. */
export interface Transition {
  readonly before: ReadonlyMap<string, PairRecord>;
  readonly samples: ReadonlyMap<string, Contents>;
  after: ReadonlyMap<string, PairModel | undefined> | undefined;
  /** What the volumes hold once it counts; those that are not named stay as they are. */
  contents: Map<string, Contents | null>;
}

/** What must hold, whatever happens: the state of a system as its users may rely on it. */
export class Oracle {
  readonly volumes = new Map<string, VolumeModel>();
  readonly pairs = new Map<string, PairModel>();
  transition: Transition | undefined;
  epoch = 0;
  /** Something was answered as durable under this epoch. */
  epochShown = false;
  stamp = 0;
  /** Power was lost since the contents were last looked at. */
  powerLost = false;

  addVolume(name: string, changing?: VolumeModel['changing']): VolumeModel {
    const model = { contents: blank(), older: new Map(), writes: new Set<PendingWrite>(), changing };
    this.volumes.set(name, model);
    return model;
  }

  volume(name: string): VolumeModel {
    const model = this.volumes.get(name);
    if (model === undefined) throw new Error(`the oracle knows no volume ${name}`);
    return model;
  }

  /** The oracle of this moment; what happens later does not change it. */
  snapshot(): Oracle {
    const copy = new Oracle();
    for (const [name, model] of this.volumes) {
      copy.volumes.set(name, {
        contents: model.contents?.slice() ?? null,
        older: new Map([...model.older].map(([sector, values]) => [sector, new Set(values)])),
        writes: new Set([...model.writes].map((write) => ({ ...write }))),
        changing: model.changing,
      });
    }
    for (const [key, model] of this.pairs) copy.pairs.set(key, model);
    copy.transition = this.transition && {
      ...this.transition,
      contents: new Map([...this.transition.contents].map(([name, contents]) => [name, contents?.slice() ?? null])),
    };
    copy.epoch = this.epoch;
    copy.epochShown = this.epochShown;
    copy.stamp = this.stamp;
    copy.powerLost = this.powerLost;
    return copy;
  }

  /** What a sector may hold after the crash, or undefined where anything may be there. */
  allowed(model: VolumeModel, contents: Contents, sector: number): Set<number> | undefined {
    const value = contents[sector] as number;
    if (value === ANYTHING) return undefined;
    const allowed = new Set([value]);
    for (const write of model.writes) if (write.sectors.includes(sector)) allowed.add(write.stamp);
    if (this.powerLost) for (const older of model.older.get(sector) ?? []) allowed.add(older);
    return allowed.has(ANYTHING) ? undefined : allowed;
  }
}

/** Sets a sector by a write that completed without being durable. */
export function overwrite(model: VolumeModel, sectors: readonly number[], stamp: number): void {
  if (model.contents === null) return;
  for (const sector of sectors) {
    let older = model.older.get(sector);
    if (older === undefined) {
      older = new Set();
      model.older.set(sector, older);
    }
    older.add(model.contents[sector] as number);
    model.contents[sector] = stamp;
  }
}

export function keyOf(primary: string, secondary: string): string {
  return `${primary}>${secondary}`;
}

/** The statuses that copying by itself may still lead to, the present one first. */
export function ahead(status: string): string[] {
  const next: Record<string, string[]> = {
    pending: ['duplex'],
    resync: ['duplex'],
    'sp-pending': ['split'],
    'resync-reverse': ['resync', 'duplex', 'split'],
  };
  return [status, ...(next[status] ?? [])];
}

/** What a change of one pair does to the contents of its volumes, from what they held at its instant. */
export function contentsAfter(
  before: PairRecord | undefined,
  after: PairRecord | undefined,
  held: { primary: Contents; secondary: Contents },
  incomplete: { primary: boolean; secondary: boolean },
): { primary?: Contents; secondary?: Contents | null } {
  if (after === undefined) return before === undefined ? {} : afterDelete(before, held, incomplete);
  if (before !== undefined && before.generation === after.generation) return afterFlag(before, after, held);
  const phase = phaseOf(after.state);
  if (pointInTimeLost(after.state)) return { secondary: null };
  if (phase === 'following') return { secondary: null };
  if (phase === 'frozen') return { secondary: held.primary };
  return { primary: held.secondary, secondary: phase === 'restore' ? null : held.secondary };
}

function afterDelete(
  before: PairRecord,
  held: { primary: Contents; secondary: Contents },
  incomplete: { primary: boolean; secondary: boolean },
): { primary?: Contents; secondary?: Contents } {
  const opened = before.state.status === 'suspended' && before.state.allowWrite;
  if (opened && !incomplete.secondary) return {};
  return {
    ...(incomplete.primary ? { primary: unknown() } : {}),
    secondary: incomplete.secondary ? unknown() : held.secondary,
  };
}

/** No new generation: only `--allow-write` opens a volume, to whatever it holds. */
function afterFlag(
  before: PairRecord,
  after: PairRecord,
  held: { secondary: Contents },
): { secondary?: Contents | null } {
  const opened = (record: PairRecord) => record.state.status === 'suspended' && record.state.allowWrite;
  if (opened(after) && !opened(before)) {
    return phaseOf(after.state) === 'following' || pointInTimeLost(after.state)
      ? { secondary: unknown() }
      : { secondary: held.secondary };
  }
  return pointInTimeLost(after.state) && !pointInTimeLost(before.state) ? { secondary: null } : {};
}
