import {
  FileError,
  type Files,
  type Grant,
  type GrantAnswer,
  type OwnerRecord,
  type Owners,
} from '../../../src/core/ports/ports.js';
import type { SimProcess } from './sim-process.js';

const HOST = 'simulated';

class SimGrant implements Grant {
  readonly record: OwnerRecord;
  readonly process: SimProcess;
  readonly #table: Map<string, SimGrant | OwnerRecord>;
  readonly #path: string;
  readonly #listeners: (() => void)[] = [];
  #lost = false;

  constructor(table: Map<string, SimGrant | OwnerRecord>, path: string, process: SimProcess, record: OwnerRecord) {
    this.#table = table;
    this.#path = path;
    this.process = process;
    this.record = record;
  }

  get lost(): boolean {
    return this.#lost;
  }

  onLost(listener: () => void): void {
    if (this.#lost) listener();
    else this.#listeners.push(listener);
  }

  async release(): Promise<void> {
    this.process.assertAlive();
    if (this.#table.get(this.#path) === this) this.#table.delete(this.#path);
  }

  markLost(): void {
    this.#lost = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

/** The locks of one machine. A grant dies with its process. */
export class OwnerTable {
  readonly entries = new Map<string, SimGrant | OwnerRecord>();

  /** A lock of another host, which nobody here can judge. */
  plantForeign(systemPath: string, owner: OwnerRecord): void {
    this.entries.set(systemPath, owner);
  }
}

export class SimOwners implements Owners {
  readonly #table: OwnerTable;
  readonly #process: SimProcess;
  readonly #files: Files;

  constructor(table: OwnerTable, process: SimProcess, files: Files) {
    this.#table = table;
    this.#process = process;
    this.#files = files;
  }

  async acquire(systemPath: string, purpose: string): Promise<GrantAnswer> {
    this.#process.assertAlive();
    let answer: GrantAnswer | undefined;
    await this.#process.settle(() => {
      answer = this.#take(systemPath, purpose);
    });
    return answer as GrantAnswer;
  }

  current(systemPath: string): OwnerRecord | undefined {
    const found = this.#table.entries.get(systemPath);
    if (found instanceof SimGrant) return found.process.alive ? found.record : undefined;
    return found;
  }

  breakLock(systemPath: string): OwnerRecord | undefined {
    const found = this.#table.entries.get(systemPath);
    this.#table.entries.delete(systemPath);
    if (!(found instanceof SimGrant)) return found;
    if (found.process.alive) found.markLost();
    return found.record;
  }

  #take(systemPath: string, purpose: string): GrantAnswer {
    if (this.#files.status(systemPath)?.kind !== 'folder') throw new FileError('not-found', 'own', systemPath);
    const found = this.#table.entries.get(systemPath);
    if (found instanceof SimGrant) {
      if (found.process.alive) return { kind: 'held', owner: found.record };
    } else if (found !== undefined) {
      return { kind: 'foreign', owner: found };
    }
    const record = { host: HOST, pid: this.#process.pid, purpose };
    const grant = new SimGrant(this.#table.entries, systemPath, this.#process, record);
    this.#table.entries.set(systemPath, grant);
    return { kind: 'granted', grant };
  }
}
