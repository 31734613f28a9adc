import type { OwnController } from '../../../src/core/controller/controller.js';
import {
  openOwner,
  type RequestCode,
  type Requests,
  type SystemPlace,
} from '../../../src/core/controller/controller.js';
import { isToolkitError } from '../../../src/core/foundation/foundation.js';
import { portsOf } from '../system/sim-system.js';
import { FaultFiles, type Keep, type Rng, type World, type WorldProcess, WorldStopped } from '../world/world.js';
import { GROUP } from './topology.js';

/** A promise is broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** The process that was asked is no more; what it was asked may have been done. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** A storage system and the process that owns it, as if it were served. */
export class Site {
  readonly world: World;
  readonly place: SystemPlace;
  /** Which of its process's store calls ends it, counted from its start. */
  dieAtCall = 0;
  /** The boot of the host that its next process is on; the world's own where nothing lost power. */
  bootId: string | undefined;
  /** Told of every step that its process reaches, before it goes on; it may end the process. */
  onStep: ((step: string) => void) | undefined;
  #own: OwnController | undefined;
  #process: WorldProcess | undefined;
  #files: FaultFiles | undefined;
  #died: Promise<never> = new Promise(() => undefined);
  #opening: Promise<void> | undefined;

  constructor(world: World, place: SystemPlace) {
    this.world = world;
    this.place = place;
  }

  get name(): string {
    return this.place.name;
  }

  get isUp(): boolean {
    return this.#own !== undefined && this.process?.alive === true;
  }

  get process() {
    return this.#process?.process;
  }

  get controller() {
    return this.#own?.controller;
  }

  /** What it knows of the group. */
  get sheet() {
    return this.controller?.groups.sheets.all().find(({ name }) => name === GROUP);
  }

  /** The status of the volume's half of a remote pair, as it says itself. */
  statusOf(volume: string): string | undefined {
    if (!this.isUp || !this.controller) return undefined;
    const { catalog } = this.controller;
    const row = [...catalog.pairs.values()].find(
      ({ primary, secondary, remote }) =>
        remote && catalog.volumes.get(remote.side === 'primary' ? primary : secondary)?.name === volume,
    );
    return row?.prepared === undefined ? row?.state.status : undefined;
  }

  /** Faults of the storage below the process. */
  get files(): FaultFiles | undefined {
    return this.#files;
  }

  /** Starts a process that becomes the system's owner; one that borrowed the system lets go of it. */
  up(): Promise<void> {
    if (this.isUp) return Promise.resolve();
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    while (!this.isUp) {
      const process = this.world.start(this.name, this.bootId);
      this.#own = undefined;
      this.#process = process;
      this.#files = new FaultFiles(process.files);
      const died = new Promise<never>((_, reject) => {
        process.process.onEnd(() => reject(new Gone(`the process of ${this.name} is no more`)));
      });
      died.catch(() => undefined);
      this.#died = died;
      if (this.dieAtCall > 0) process.process.beforeCall(stopAt(this.dieAtCall));
      this.dieAtCall = 0;
      try {
        const ports = { ...portsOf(process), files: this.#files };
        const own = await Promise.race([openOwner(ports, this.place, { purpose: 'serve' }), died]);
        this.#own = own;
        own.controller.step = (step) => this.onStep?.(step);
        own.controller.startCopying();
        own.controller.startForming();
      } catch (error) {
        if (!mayHappen(error)) throw error;
        process.process.end();
        await this.world.clock.sleep(5);
      }
    }
  }

  /** Throws Gone when the process dies before it has answered. */
  async ask<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    data?: Uint8Array,
  ): Promise<{ output: Requests[Code]['output']; data?: Uint8Array | undefined }> {
    const own = this.#own;
    if (!own || !this.isUp) throw new Gone(`${this.name} is down`);
    return Promise.race([own.controller.request(code, input, data ? { data } : {}), this.#died]);
  }

  /** The process dies when it reaches the step for the nth time. */
  dieAtStep(step: string, nth: number): void {
    let left = nth;
    this.onStep = (reached) => {
      if (reached !== step || !this.isUp) return;
      left -= 1;
      if (left > 0) return;
      this.onStep = undefined;
      this.kill();
      throw new WorldStopped(`stopped at ${step}`);
    };
  }

  /** kill -9. What it had borrowed is free as well. */
  kill(): void {
    this.#own = undefined;
    this.process?.end();
  }

  /** The machine loses its power: whatever its process owned keeps only a part of what was not flushed. */
  losePower(rng: Rng, keep: Keep, bootId?: string): void {
    this.bootId = bootId ?? this.bootId;
    const { disk, ownerTable } = this.world;
    const lost = [...ownerTable.entries].filter(([, grant]) => 'process' in grant && grant.process === this.process);
    this.kill();
    const folder = disk.root.names.get('sys');
    if (folder?.kind !== 'folder') return;
    for (const [path] of lost) disk.losePowerBelow(folder, path.slice('/sys/'.length), rng, keep);
  }

  /** What the system holds of a volume, logically, whoever may read it. */
  contents(volume: string, bytes: number): Uint8Array {
    const { controller } = this;
    if (!controller) throw new Gone(`${this.name} is down`);
    const record = [...controller.catalog.volumes.values()].find(({ name }) => name === volume);
    const target = new Uint8Array(bytes);
    if (record) controller.fabric.read(record.number, target, 0);
    return target;
  }
}

function stopAt(number: number) {
  return (call: { readonly number: number }) => {
    if (call.number >= number) throw new WorldStopped(`stopped before store call ${call.number}`);
  };
}

/** What a schedule's own troubles may lead to; anything else is a finding. */
export function mayHappen(error: unknown): boolean {
  return error instanceof Gone || error instanceof WorldStopped || isToolkitError(error);
}
