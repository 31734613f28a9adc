import { runCopyset } from '../cli/run-copyset.js';
import { Sites, type SiteVolume } from './sites.js';

export type { SiteVolume } from './sites.js';

export const GROUP = 'g';

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
export class GroupSites extends Sites {
  readonly plan: SitePlan;

  constructor(root: string, plan: SitePlan) {
    super(root, plan.volumes);
    this.plan = plan;
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
}
