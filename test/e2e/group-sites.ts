import { join } from 'node:path';
import { type Ended, runCopyset } from '../cli/run-copyset.js';
import { Server } from './hosts-serving.js';

export const GROUP = 'g';

/** A volume at a primary site; its secondary and its backup at its remote bear its name. */
export interface SiteVolume {
  readonly system: string;
  readonly remote: string;
  readonly name: string;
  readonly sizeBytes: number;
}

export interface SitePlan {
  readonly volumes: readonly SiteVolume[];
  readonly durability: 'power' | 'none';
  /** Words of `cg create`: its policy. */
  readonly policy?: readonly string[];
}

export interface Recovered {
  readonly case: string;
  readonly verdict: string;
  readonly partial: boolean;
  readonly sequence: number;
  readonly time: string;
  readonly members: readonly {
    readonly secondary: string;
    readonly sequence: number | null;
    readonly action: string;
  }[];
}

export interface GroupStatus {
  readonly state: string;
  readonly sequence: number | null;
  readonly time: string | null;
  readonly formed: number;
  readonly failed: number;
  readonly lastFailure: { readonly activity: string; readonly controller: string; readonly reason: string } | null;
}

/** Primary sites and remotes, each with a server of its own, and a group of all their volumes. */
export class GroupSites {
  readonly root: string;
  readonly plan: SitePlan;
  /** The first is the group's master. */
  readonly primaries: readonly string[];
  readonly remotes: readonly string[];
  readonly servers = new Map<string, Server>();

  constructor(root: string, plan: SitePlan) {
    this.root = root;
    this.plan = plan;
    this.primaries = [...new Set(plan.volumes.map(({ system }) => system))];
    this.remotes = [...new Set(plan.volumes.map(({ remote }) => remote))];
  }

  /** Systems, volumes, servers and the group, each member in duplex. */
  async prepare(): Promise<void> {
    const { volumes, durability, policy = [] } = this.plan;
    for (const system of [...this.primaries, ...this.remotes])
      await this.ok('system', 'create', system, '--durability', durability, '--fixture');
    for (const { system, remote, name, sizeBytes } of volumes)
      for (const address of [`${system}:${name}`, `${remote}:${name}`, `${remote}:${name}-backup`])
        await this.ok('volume', 'create', address, '--size', String(sizeBytes));
    await this.serve(...this.primaries, ...this.remotes);
    await this.ok('cg', 'create', GROUP, '--master', this.primaries[0] ?? '', ...policy);
    for (const { system, remote, name } of volumes)
      await this.ok(
        'cg',
        'add',
        GROUP,
        `${system}:${name}`,
        `${remote}:${name}`,
        '--backup',
        `${remote}:${name}-backup`,
      );
    await this.duplex();
  }

  async duplex(): Promise<void> {
    for (const system of this.primaries)
      await this.ok('pair', 'wait', `${system}:*`, '--status', 'duplex', '--timeout', '60s');
  }

  /** One server for each of the systems. */
  async serve(...systems: readonly string[]): Promise<void> {
    await Promise.all(
      systems.map(async (system) => {
        const socket = join(this.root, `${system}.sock`);
        this.servers.set(system, await Server.start(this.root, system, '--nbd', `unix:${socket}`));
      }),
    );
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

  async startForming(): Promise<void> {
    await this.ok('cg', 'start', GROUP, '--continuous');
  }

  /** As the files and servers tell it now; a site that is gone is no reason to fail. */
  async status(): Promise<GroupStatus> {
    const { stdout, stderr } = await runCopyset(['cg', 'status', GROUP, '--json'], { cwd: this.root });
    const [group] = (JSON.parse(stdout) as { groups?: GroupStatus[] }).groups ?? [];
    if (!group) throw new Error(`cg status shows no group: ${stderr}${stdout}`);
    return group;
  }

  /** Resolves when so many more groups were formed. */
  async formed(more: number, limitMs = 60_000): Promise<GroupStatus> {
    const deadlineMs = performance.now() + limitMs;
    const until = (await this.status()).formed + more;
    for (;;) {
      const status = await this.status();
      if (status.formed >= until) return status;
      if (performance.now() > deadlineMs)
        throw new Error(
          `${status.formed} groups of ${until} were formed; the last failure: ${JSON.stringify(status.lastFailure)}`,
        );
    }
  }

  async recover(): Promise<Recovered> {
    const { stdout } = await this.ok('cg', 'recover', GROUP, '--at', this.remotes.join(','), '--json');
    return JSON.parse(stdout) as Recovered;
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
