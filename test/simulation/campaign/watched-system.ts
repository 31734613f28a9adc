import type { Controller } from '../../../src/core/controller/controller.js';
import { type PairRecord, pointInTimeLost } from '../../../src/core/pair/pair.js';
import { type FaultFiles, Rng, type World } from '../world/world.js';
import { ANYTHING, type Contents, differingTracks, logicalOf } from './domain.js';
import {
  ahead,
  contentsAfter,
  keyOf,
  type Oracle,
  overwrite,
  type PairModel,
  type Transition,
  type VolumeModel,
} from './oracle.js';

/** Something that must not be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A request met an injected fault, so the script cannot go on. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

/** A system whose every change of pairs is seen at its instant, and foretold to the oracle. */
export abstract class WatchedSystem {
  readonly world: World;
  readonly oracle: Oracle;
  readonly rng: Rng;
  controller!: Controller;
  /** Where faults are injected: requests may fail cleanly, and the script then ends. */
  faults: FaultFiles | undefined;
  /** Faults struck before the system was opened: pairs may be suspended. */
  afterFaults = false;

  constructor(world: World, oracle: Oracle, seed: number) {
    this.world = world;
    this.oracle = oracle;
    this.rng = new Rng(seed, 7);
  }

  volumeNumber(name: string): number {
    for (const record of this.controller.catalog.volumes.values()) if (record.name === name) return record.number;
    throw new Violation(`volume ${name} is not there`);
  }

  nameOf(number: number): string {
    return this.controller.catalog.volumes.get(number)?.name ?? `#${number}`;
  }

  logical(name: string): Contents {
    return logicalOf(this.controller.fabric, this.volumeNumber(name));
  }

  record(primary: string, secondary: string): PairRecord | undefined {
    for (const pair of this.controller.catalog.pairs.values()) {
      if (this.nameOf(pair.primary) === primary && this.nameOf(pair.secondary) === secondary) return pair;
    }
    return undefined;
  }

  /** Whether a request has changed pairs in memory; to be asked before anything is snapped. */
  noteTransition(): void {
    const { transition } = this.oracle;
    if (transition === undefined || transition.after !== undefined) return;
    const now = this.#records();
    const keys = [...new Set([...transition.before.keys(), ...now.keys()])];
    const changed = keys.filter((key) => isChanged(transition.before.get(key), now.get(key)));
    if (changed.length === 0) return;
    transition.after = new Map(changed.map((key) => [key, now.get(key) && modelOf(now.get(key) as PairRecord)]));
    // In a chain split at one instant the far end shows what its primary shows from that instant on.
    const above = (key: string) => keys.filter((other) => other.split('>')[1] === key.split('>')[0]);
    const depth = (key: string): number => Math.max(0, ...above(key).map((other) => 1 + depth(other)));
    for (const key of changed.sort((one, other) => depth(one) - depth(other)))
      this.#foresee(transition, key, now.get(key));
  }

  /** A fault may have cost a secondary its point in time; it promises nothing any more. */
  noteLosses(): void {
    if (this.faults === undefined && !this.afterFaults) return;
    for (const record of this.controller.catalog.pairs.values()) {
      const secondary = this.oracle.volumes.get(this.nameOf(record.secondary));
      if (secondary !== undefined && losesSecondary(record)) secondary.contents = null;
    }
  }

  #foresee(transition: Transition, key: string, after: PairRecord | undefined): void {
    const [primary = '', secondary = ''] = key.split('>');
    const held = {
      primary: (transition.contents.get(primary) ?? transition.samples.get(primary)) as Contents,
      secondary: transition.samples.get(secondary) as Contents,
    };
    const before = transition.before.get(key);
    // Further down, where no gate is closed: the pair above it went while its instant was read through that.
    if (after && before && pointInTimeLost(after.state) && !pointInTimeLost(before.state))
      transition.contents.set(secondary, null);
    if (held.primary === undefined || held.secondary === undefined) return;
    const incomplete = { primary: this.#isIncomplete(primary), secondary: this.#isIncomplete(secondary) };
    const effect = contentsAfter(before, after, held, incomplete);
    if (effect.primary !== undefined) transition.contents.set(primary, effect.primary.slice());
    if (effect.secondary !== undefined) transition.contents.set(secondary, effect.secondary?.slice() ?? null);
  }

  #isIncomplete(name: string): boolean {
    return this.controller.catalog.volumes.get(this.volumeNumber(name))?.incomplete != null;
  }

  #records(): Map<string, PairRecord> {
    return new Map(
      [...this.controller.catalog.pairs.values()].map((pair) => [
        keyOf(this.nameOf(pair.primary), this.nameOf(pair.secondary)),
        pair,
      ]),
    );
  }

  /** Named steps of the controller; those of a request's gate are what an instant is seen by. */
  protected onStep(name: string): void {
    if (name === 'pair.gated') this.#sample();
    else if (name === 'pair.logged') this.#compare();
    else if (name === 'pair.durable') this.#acknowledge();
  }

  /** All gates are closed: what the volumes hold now is the instant. */
  #sample(): void {
    const { fabric } = this.controller;
    const samples = new Map<string, Contents>();
    this.noteLosses();
    for (const [name, model] of this.oracle.volumes) {
      const records = [...this.controller.catalog.volumes.values()];
      const number = records.find((record) => record.name === name && record.status === 'normal')?.number;
      if (number === undefined || !fabric.volume(number).gate.isClosed) continue;
      const sample = logicalOf(fabric, number);
      samples.set(name, sample);
      for (const write of model.writes) write.unsure = true;
      if (model.contents === null) continue;
      this.#demandSample(name, model, sample);
      model.contents = sample.map((value, sector) => (model.contents?.[sector] === ANYTHING ? ANYTHING : value));
    }
    this.oracle.transition = { before: this.#records(), samples, after: undefined, contents: new Map() };
  }

  #demandSample(name: string, model: VolumeModel, sample: Contents): void {
    const contents = model.contents as Contents;
    for (let sector = 0; sector < sample.length; sector += 1) {
      const expected = contents[sector];
      if (sample[sector] === expected || expected === ANYTHING) continue;
      const own = [...model.writes].some((write) => write.stamp === sample[sector] && write.sectors.includes(sector));
      if (!own)
        throw new Violation(`at a gate sector ${sector} of ${name} holds ${sample[sector]} instead of ${expected}`);
      overwrite(model, [sector], sample[sector] as number);
    }
  }

  /** The change is made, the gates still closed: the volumes hold what the change promises. */
  #compare(): void {
    this.noteTransition();
    const { transition } = this.oracle;
    if (transition === undefined) return;
    for (const [name, contents] of transition.contents) {
      if (contents === null || contents.includes(ANYTHING)) continue;
      const differing = differingTracks(this.logical(name), contents);
      if (differing.length > 0)
        throw new Violation(`at the instant of a change tracks ${differing.join(', ')} of ${name} are wrong`);
    }
  }

  /** From now on nothing may take the change back, although nobody was answered yet. */
  #acknowledge(): void {
    this.noteTransition();
    const { transition } = this.oracle;
    this.oracle.transition = undefined;
    if (transition === undefined) return;
    this.oracle.epochShown ||= transition.after !== undefined;
    takeTransition(this.oracle, transition);
  }
}

/** The transition's outcome is what must hold. */
export function takeTransition(oracle: Oracle, transition: Transition): void {
  for (const [key, model] of transition.after ?? []) {
    if (model === undefined) oracle.pairs.delete(key);
    else oracle.pairs.set(key, model);
  }
  for (const [name, contents] of transition.contents) {
    const volume = oracle.volumes.get(name);
    if (volume === undefined) continue;
    volume.contents = contents;
    volume.older.clear();
  }
}

/** Whether a request made this difference; copying that came to its end did not. */
function isChanged(before: PairRecord | undefined, after: PairRecord | undefined): boolean {
  if (before === undefined || after === undefined) return before !== after;
  if (before.state === after.state) return false;
  return (
    before.generation !== after.generation ||
    !ahead(before.state.status).includes(after.state.status) ||
    before.state.status === after.state.status
  );
}

function losesSecondary({ state }: PairRecord): boolean {
  if (state.status !== 'suspended') return false;
  return pointInTimeLost(state) || (state.from.status === 'resync-reverse' && state.from.backup === null);
}

export function modelOf(record: PairRecord): PairModel {
  return { status: record.state.status, generation: record.generation };
}
