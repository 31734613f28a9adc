import {
  access,
  activeState,
  completed,
  decide,
  jumpRefusal,
  losePointInTime,
  type MapName,
  mapTakingDoubt,
  mapTakingJump,
  type PairChange,
  type PairOperation,
  type PairRecord,
  rolesOf,
  type Side,
} from '../../../src/core/pair/pair.js';
import { active, pair } from './states.js';

const MAPS = ['outOfSync', 'changed', 'secondary'] as const;

export class ModelPair {
  record: PairRecord;
  readonly maps: Record<MapName, Set<number>> = { outOfSync: new Set(), changed: new Set(), secondary: new Set() };

  constructor(primary: number, secondary: number) {
    this.record = pair(active('duplex'), primary, secondary);
  }

  get state(): PairRecord['state'] {
    return this.record.state;
  }

  get counts(): Record<MapName, number> {
    return {
      outOfSync: this.maps.outOfSync.size,
      changed: this.maps.changed.size,
      secondary: this.maps.secondary.size,
    };
  }

  volume(side: Side): number {
    return this.record[side];
  }

  sideOf(volume: number): Side | undefined {
    if (this.record.primary === volume) return 'primary';
    return this.record.secondary === volume ? 'secondary' : undefined;
  }

  /** The map of the tracks that this side reads from the other. */
  lacks(side: Side): Set<number> | undefined {
    const roles = rolesOf(this.state);
    const name = side === 'primary' ? roles.primaryLacks : roles.secondaryLacks;
    return name === null ? undefined : this.maps[name];
  }

  differsMaybe(track: number): boolean {
    return MAPS.some((name) => this.maps[name].has(track));
  }
}

/**
 * The write path, the read path and copying of DESIGN.md 2 on a few whole tracks, each step at once, driven by the decisions of this
 * room. `promised` is what each volume has to show: what its host wrote, and what its point in time was.
 */
export class Model {
  readonly raw: number[][];
  readonly promised: (number[] | undefined)[];
  readonly pairs: ModelPair[];
  readonly trackCount: number;
  #contents = 100;

  constructor(trackCount: number, volumes: number, links: readonly (readonly [number, number])[]) {
    this.trackCount = trackCount;
    const fresh = () => Array.from({ length: trackCount }, (_, track) => track);
    this.raw = Array.from({ length: volumes }, fresh);
    this.pairs = links.map(([primary, secondary]) => new ModelPair(primary, secondary));
    const secondaries = new Set(links.map(([, secondary]) => secondary));
    this.promised = Array.from({ length: volumes }, (_, volume) => (secondaries.has(volume) ? undefined : fresh()));
  }

  read(volume: number, track: number): number {
    for (const each of this.pairs) {
      const side = each.sideOf(volume);
      if (side !== undefined && each.lacks(side)?.has(track)) {
        return this.read(each.volume(side === 'primary' ? 'secondary' : 'primary'), track);
      }
    }
    return this.raw[volume]?.[track] ?? -1;
  }

  view(volume: number): number[] {
    return Array.from({ length: this.trackCount }, (_, track) => this.read(volume, track));
  }

  /** A host's write, if hosts may write there now; with `crash` its marks are lost and recovery marks the whole region. */
  hostWrite(volume: number, track: number, crash: boolean): void {
    const sides = this.#sidesOf(volume);
    if (sides.some(([each, side]) => access(each.state, side).host !== 'read-write')) return;
    this.#contents += 1;
    this.#write(volume, track, this.#contents, undefined, crash);
    const promised = this.promised[volume];
    if (promised !== undefined) promised[track] = this.#contents;
  }

  /** The copier's next track of a pair. */
  copy(index: number): void {
    const each = this.pairs[index];
    const drain = each === undefined ? null : rolesOf(each.state).drain;
    if (each === undefined || drain === null) return;
    const [track] = each.maps[drain.map];
    if (track === undefined) {
      this.#complete(each);
      return;
    }
    const target = drain.source === 'primary' ? 'secondary' : 'primary';
    const content = this.read(each.volume(drain.source), track);
    const lacking = each.lacks(target);
    if (lacking?.has(track)) this.#fill(each.volume(target), track, content);
    else this.#write(each.volume(target), track, content, each, false);
    each.maps[drain.map].delete(track);
    this.#complete(each);
  }

  operate(index: number, operation: PairOperation): void {
    const each = this.pairs[index];
    if (each === undefined) return;
    const decision = decide(each.state, operation);
    if (decision.kind !== 'do' || !this.#change(each, decision.change)) return;
    if (decision.change.steps.length > 0) this.#promise(each, operation);
  }

  /** A save failed: what S showed is gone. */
  lose(index: number): void {
    const each = this.pairs[index];
    const change = each === undefined ? undefined : losePointInTime(each.state, 'no space');
    if (each === undefined || change === undefined || !this.#change(each, change)) return;
    this.promised[each.volume('secondary')] = undefined;
  }

  /** Recovery found every region of a side active. */
  doubt(index: number, side: Side): void {
    const each = this.pairs[index];
    if (each !== undefined) this.#markAll(each, side);
  }

  #promise(each: ModelPair, operation: PairOperation): void {
    const [primary, secondary] = [each.volume('primary'), each.volume('secondary')];
    const state = activeState(each.state);
    if (operation.kind === 'split') this.promised[secondary] = this.view(primary);
    if (operation.kind === 'resync') this.promised[secondary] = undefined;
    if (operation.kind === 'resync-reverse' && state.status === 'resync-reverse') {
      const shown = this.promised[secondary];
      if (this.promised[primary] !== undefined) this.promised[primary] = shown?.slice();
      if (state.backup === null) this.promised[secondary] = undefined;
    }
  }

  #change(each: ModelPair, change: PairChange): boolean {
    const jumped = (when: 'before' | 'after') =>
      change.jumps
        .filter((jump) => jump.when === when)
        .map((jump) => ({ volume: each.volume(jump.side), tracks: [...each.maps[jump.map]] }));
    const before = {
      outOfSync: [...each.maps.outOfSync],
      changed: [...each.maps.changed],
      secondary: [...each.maps.secondary],
    };
    const jumps = jumped('before');
    this.#step(each, change);
    jumps.push(...jumped('after'));
    const taking = jumps.filter(({ tracks }) => tracks.length > 0);
    for (const { volume } of taking) {
      for (const [other, side] of this.#sidesOf(volume)) {
        if (other === each || jumpRefusal(other.record, side, other.counts) === undefined) continue;
        for (const name of MAPS) each.maps[name] = new Set(before[name]);
        return false;
      }
    }
    for (const { volume, tracks } of taking) {
      for (const [other, side] of this.#sidesOf(volume)) {
        if (other === each) continue;
        for (const track of tracks) other.maps[mapTakingJump(other.record, side)].add(track);
      }
    }
    each.record = { ...each.record, state: change.next };
    return true;
  }

  #step(each: ModelPair, change: PairChange): void {
    const { maps } = each;
    for (const step of change.steps) {
      if (step.step === 'empty') maps[step.map] = new Set();
      if (step.step === 'subtract') for (const track of maps[step.tracks]) maps[step.from].delete(track);
      if (step.step === 'fold') {
        maps[step.into] = new Set([...maps[step.into], ...maps[step.from]]);
        maps[step.from] = new Set();
      }
    }
  }

  #complete(each: ModelPair): void {
    const maps = { outOfSyncEmpty: each.maps.outOfSync.size === 0, secondaryEmpty: each.maps.secondary.size === 0 };
    each.record = { ...each.record, state: completed(each.state, maps) };
  }

  #write(volume: number, track: number, content: number, copier: ModelPair | undefined, crash: boolean): void {
    for (const [each, side] of this.#sidesOf(volume)) {
      const lacking = each.lacks('secondary');
      if (side === 'primary' && lacking?.has(track))
        this.#fill(each.volume('secondary'), track, this.read(volume, track));
    }
    for (const [each, side] of this.#sidesOf(volume)) {
      each.lacks(side)?.delete(track);
      if (each === copier) continue;
      const roles = rolesOf(each.state);
      if (crash) this.#markAll(each, side);
      else each.maps[side === 'primary' ? roles.primaryWrites : roles.secondaryWrites].add(track);
    }
    this.#put(volume, track, content);
  }

  /** A lacking track gets its contents: not a write, for what the volume shows stays the same (H11). */
  #fill(volume: number, track: number, content: number): void {
    this.#put(volume, track, content);
    for (const [each, side] of this.#sidesOf(volume)) each.lacks(side)?.delete(track);
  }

  #put(volume: number, track: number, content: number): void {
    const image = this.raw[volume];
    if (image !== undefined) image[track] = content;
  }

  #markAll(each: ModelPair, side: Side): void {
    const map = each.maps[mapTakingDoubt({ state: each.state }, side)];
    for (let track = 0; track < this.trackCount; track++) map.add(track);
  }

  #sidesOf(volume: number): [ModelPair, Side][] {
    return this.pairs.flatMap((each): [ModelPair, Side][] => {
      const side = each.sideOf(volume);
      return side === undefined ? [] : [[each, side]];
    });
  }
}
