import { checkDrills, makeMaster } from './deeds.js';
import { checkInstant } from './recovery.js';
import { codeOf } from './schedule-stage.js';
import { Gone, Violation } from './site.js';
import type { Stage } from './stage.js';
import { GROUP, VOLUME_BYTES } from './topology.js';

/** With everything mended a person brings the pairs on and forms; a settled schedule does not take longer than this. */
const PATIENCE_MS = 300_000;

/** The faults are gone: the next formation forms, and nothing of what was written is missing at the remotes. */
export async function checkPeace(stage: Stage): Promise<void> {
  stage.atPeace = true;
  stage.disarm();
  stage.world.network.weather.clear();
  for (const address of stage.world.network.listening.keys()) stage.world.network.heal(address);
  for (const site of stage.sites.values()) site.files?.clear();
  for (const name of stage.sites.keys()) await stage.up(name);
  if (stage.masters.size > 1) await oneMaster(stage);
  // One that forms by itself would go on meanwhile, again and again.
  await stage.master.ask('cg.stop', { group: GROUP });
  await formOnce(stage);
  await checkDrills(stage);
  stage.writer.isStopped = true;
  // What a synchronous pair has under way stands in no map.
  await stage.writer.ended;
  await checkCopied(stage);
}

/** Whoever gave up half-way gives the same order again; a former master with an open decision settles it first. */
async function oneMaster(stage: Stage): Promise<void> {
  // One of several that somebody ordered before may still be taking office.
  await Promise.allSettled(stage.orders);
  for (let tries = 0; tries < 40; tries += 1) {
    if (await makeMaster(stage, stage.masterName)) return;
    for (const name of stage.masters) {
      await stage
        .site(name)
        .ask('cg.stop', { group: GROUP })
        .catch((error: unknown) => codeOf(error));
      const started = stage.site(name).ask('cg.start', { group: GROUP });
      const outcome = await started.then(({ output }) => output.outcome, codeOf);
      stage.outcomes.push(`${name}:${outcome}`);
    }
    await stage.world.clock.sleep(100);
  }
  throw new Violation(`${stage.masterName} is never made the master although all is mended`);
}

async function formOnce(stage: Stage): Promise<void> {
  const untilMs = stage.world.scheduler.nowMs + PATIENCE_MS;
  const said: string[] = [];
  while (stage.world.scheduler.nowMs < untilMs) {
    await resyncStopped(stage);
    try {
      const { output } = await stage.master.ask('cg.start', { group: GROUP });
      if (output.outcome === 'formed') {
        stage.noteFormed(output.sequence ?? 0);
        return checkBackups(stage, output.sequence ?? 0);
      }
      said.push(`${output.outcome} ${output.reason}`);
    } catch (error) {
      said.push(codeOf(error));
    }
    await stage.world.clock.sleep(20 + 20 * Math.min(50, said.length));
  }
  throw new Violation(`nothing is formed although all is mended: ${said.slice(-4).join('; ')}`);
}

async function resyncStopped(stage: Stage): Promise<void> {
  for (const { site, volume } of legsOf(stage)) {
    const host = stage.site(site);
    const { output } = await host.ask('pair.list', {});
    const stopped = output.pairs.some(
      (row) => row.primary === `${site}:${volume}` && ['suspended', 'split', 'sp-pending'].includes(row.status),
    );
    if (!stopped) continue;
    await host
      .ask('pair.resync', { pairs: [{ primary: volume }], discard: true })
      .catch((error: unknown) => codeOf(error));
  }
}

/** The pairs of the members, those from their origins first, for what comes from there goes on to the remotes. */
function legsOf({ shape, writer }: Stage): readonly { site: string; secondary: string; volume: string }[] {
  const first = shape.members.flatMap(({ origin, site, volume }) =>
    origin !== undefined && writer.side === 'origin' ? [{ site: origin, secondary: site, volume }] : [],
  );
  return [...first, ...shape.members.map(({ site, remote, volume }) => ({ site, secondary: remote, volume }))];
}

/** While the writer goes on, the virtual copies show the instant of the group. */
function checkBackups(stage: Stage, sequence: number): void {
  const found = stage.shape.members.map(({ remote, volume }) =>
    stage.site(remote).contents(`${volume}-backup`, VOLUME_BYTES),
  );
  const prefix = stage.writer.prefixOf(found);
  if ('wrong' in prefix) throw new Violation(`the virtual copies of group ${sequence} show no prefix: ${prefix.wrong}`);
  checkInstant(stage, sequence, prefix.count, `group ${sequence}`);
}

/** No difference is lost: copied to the end, each remote volume is what its primary is. */
async function checkCopied(stage: Stage): Promise<void> {
  for (const { site, secondary: remote, volume } of legsOf(stage)) {
    const host = stage.site(site);
    const input = { pairs: [{ primary: volume }], statuses: ['duplex' as const], timeoutMs: 60_000 };
    for (let tries = 0; ; tries += 1) {
      const { output } = await host.ask('pair.wait', input);
      const left = output.verdict === 'reached' && host.controller ? outOfSyncOf(stage, site, volume) : -1;
      if (left === 0) break;
      // A person's split that was under way comes after all.
      if (output.verdict === 'unreachable') await resyncStopped(stage);
      // A split that came to nothing lets its copiers rest for two seconds.
      if (tries > 60)
        throw new Violation(`${site}:${volume} is never copied whole: ${output.verdict}, ${left} tracks left`);
      await stage.world.clock.sleep(50);
    }
    const own = host.contents(volume, VOLUME_BYTES);
    const other = stage.site(remote).contents(volume, VOLUME_BYTES);
    const at = own.findIndex((byte, index) => byte !== other[index]);
    if (at !== -1)
      throw new Violation(`${site}:${volume} and ${remote}:${volume} differ at byte ${at}, and no map knows it`);
  }
}

function outOfSyncOf(stage: Stage, site: string, volume: string): number {
  const { controller } = stage.site(site);
  if (!controller) throw new Gone(`${site} is down`);
  const pair = [...controller.catalog.pairs.values()].find(
    ({ primary }) => controller.catalog.volumes.get(primary)?.name === volume,
  );
  if (!pair) return -1;
  const live = controller.fabric.pair(pair.number);
  return live.outOfSync.map.count + live.changed.map.count + live.secondary.map.count;
}
