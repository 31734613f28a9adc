import { join } from 'node:path';
import { type Ended, runCopyset } from '../cli/run-copyset.js';
import { Server } from './hosts-serving.js';

/** A volume at a primary site; its secondary and its backup at its remote bear its name. */
export interface SiteVolume {
  readonly system: string;
  readonly remote: string;
  readonly name: string;
  readonly sizeBytes: number;
}

/** Primary sites and remotes, each with a server of its own. */
export class Sites {
  readonly root: string;
  /** The first is the master. */
  readonly primaries: readonly string[];
  readonly remotes: readonly string[];
  readonly servers = new Map<string, Server>();

  constructor(root: string, volumes: readonly SiteVolume[]) {
    this.root = root;
    this.primaries = [...new Set(volumes.map(({ system }) => system))];
    this.remotes = [...new Set(volumes.map(({ remote }) => remote))];
  }

  async duplex(): Promise<void> {
    for (const system of this.primaries)
      await this.ok('pair', 'wait', `${system}:*`, '--status', 'duplex', '--timeout', '60s');
  }

  /** One server for each of the systems. Where one does not start, the others are known all the same, and can be ended. */
  async serve(...systems: readonly string[]): Promise<void> {
    const starts = systems.map(async (system) => {
      const socket = join(this.root, `${system}.sock`);
      this.servers.set(system, await Server.start(this.root, system, '--nbd', `unix:${socket}`));
    });
    for (const result of await Promise.allSettled(starts)) if (result.status === 'rejected') throw result.reason;
  }

  socketOf(system: string): string {
    return this.servers.get(system)?.socket ?? join(this.root, `${system}.sock`);
  }

  uriOf(system: string, volume: string): string {
    return `nbd+unix:///${volume}?socket=${this.socketOf(system)}`;
  }

  /** kill -9 of the servers of these systems, at one instant. */
  async kill(...systems: readonly string[]): Promise<void> {
    await Promise.all(systems.map(async (system) => this.servers.get(system)?.kill()));
    for (const system of systems) this.servers.delete(system);
  }

  /** Ends all servers in order. */
  async stop(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
    this.servers.clear();
  }

  async abandon(): Promise<void> {
    await this.kill(...this.servers.keys());
  }

  run(...words: readonly string[]): Promise<Ended> {
    return runCopyset(words, { cwd: this.root });
  }

  /** A command that must succeed. */
  async ok(...words: readonly string[]): Promise<Ended> {
    const ended = await this.run(...words);
    if (ended.code !== 0)
      throw new Error(`copyset ${words.join(' ')} ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
    return ended;
  }
}
