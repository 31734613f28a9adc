import { Sites, type SiteVolume } from './sites.js';

export const SESSION = 's';

export interface SessionPlan {
  readonly volumes: readonly SiteVolume[];
  readonly durability: 'power' | 'none';
  readonly order: 'clock' | 'arrival';
  readonly interval: string;
  /** Words of `system create` for all systems. */
  readonly system?: readonly string[];
}

export interface RecoveredSession {
  readonly case: string;
  readonly verdict: string;
  readonly number: number | null;
  readonly time: string;
}

export interface SessionStatus {
  readonly state: string;
  readonly issued: number | null;
  readonly released: number | null;
  readonly applied: number | null;
  readonly appliedTime: string | null;
  readonly exposureSeconds: number | null;
  readonly systems: readonly { readonly system: string; readonly role: string; readonly master: boolean }[];
}

/** Primary sites and remotes, each with a server of its own, and a checkpoint session of all their volumes. */
export class SessionSites extends Sites {
  readonly plan: SessionPlan;

  constructor(root: string, plan: SessionPlan) {
    super(root, plan.volumes);
    this.plan = plan;
  }

  /** Systems, volumes, servers and the session, running, each pair in duplex. */
  async prepare(): Promise<void> {
    await this.makeSystems();
    await this.makeSession();
  }

  async makeSystems(): Promise<void> {
    const { volumes, durability, system: words = [] } = this.plan;
    for (const system of [...this.primaries, ...this.remotes])
      await this.ok('system', 'create', system, '--durability', durability, '--fixture', ...words);
    for (const { system, remote, name, sizeBytes } of volumes)
      for (const address of [`${system}:${name}`, `${remote}:${name}`, `${remote}:${name}-backup`])
        await this.ok('volume', 'create', address, '--size', String(sizeBytes));
  }

  async makeSession(): Promise<void> {
    const { volumes, order, interval } = this.plan;
    await this.serve(...this.primaries, ...this.remotes);
    const at = this.primaries[0] ?? '';
    await this.ok('checkpoint', 'create', SESSION, '--at', at, '--order', order, '--interval', interval);
    for (const { system, remote, name } of volumes) {
      const pair = [`${system}:${name}`, `${remote}:${name}`, '--mode', 'journal', '--session', SESSION];
      await this.ok('pair', 'create', ...pair, '--backup', `${remote}:${name}-backup`);
    }
    await this.ok('checkpoint', 'start', SESSION);
    await this.duplex();
  }

  /** As the files and servers tell it now; a site that is gone is no reason to fail. */
  async status(): Promise<SessionStatus> {
    const { stdout, stderr } = await this.run('checkpoint', 'status', SESSION, '--json');
    const [session] = (JSON.parse(stdout) as { sessions?: SessionStatus[] }).sessions ?? [];
    if (!session) throw new Error(`checkpoint status shows no session: ${stderr}${stdout}`);
    return session;
  }

  /** Resolves when so many more checkpoints were applied, as their numbers tell. */
  async applied(more: number, limitMs = 60_000): Promise<SessionStatus> {
    const deadlineMs = performance.now() + limitMs;
    const until = ((await this.status()).applied ?? 0) + more;
    for (;;) {
      const status = await this.status();
      if ((status.applied ?? 0) >= until) return status;
      if (performance.now() > deadlineMs)
        throw new Error(`checkpoint ${status.applied} of ${until} is applied: ${JSON.stringify(status)}`);
    }
  }

  async recover(...words: readonly string[]): Promise<RecoveredSession> {
    const at = ['--at', this.remotes.join(',')];
    const { stdout } = await this.ok('checkpoint', 'recover', SESSION, ...at, ...words, '--json');
    return JSON.parse(stdout) as RecoveredSession;
  }
}
