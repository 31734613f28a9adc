import { codeOf } from '../formations/schedule-stage.js';
import { Gone, type Site, Violation } from '../formations/site.js';
import { refOf, VOLUME_BYTES } from '../formations/topology.js';
import type { Part } from './part.js';
import { lookAtSecondaries } from './shown.js';
import { type Stage, sheetOf } from './stage.js';

/** With everything mended, what a person had stopped is set going; a settled schedule does not take longer than this. */
const PATIENCE_MS = 30_000;
const SELDOM_MS = 1_000;

/** The faults are gone: everything comes back by itself, a checkpoint behind the last write is shown, and nothing is missing then. */
export async function checkPeace(stage: Stage): Promise<void> {
  const { world } = stage;
  stage.atPeace = true;
  await mend(stage);
  // What somebody ordered before may still be carried out.
  await Promise.allSettled(stage.orders);
  for (const name of stage.skewed.keys()) await stage.site(name).ask('fault.clear', {});
  await passStamps(stage);
  for (const part of stage.parts) await setGoing(stage, part);
  for (const { writer } of stage.parts) {
    writer.isStopped = true;
    await writer.ended;
  }
  const untilMs = world.scheduler.nowMs + PATIENCE_MS;
  for (const part of stage.parts) await showAll(stage, part, untilMs);
  lookAtSecondaries(stage);
  for (const part of stage.parts) checkSame(stage, part);
}

/** A clock that was ahead has to pass what it stamped. Nothing else goes on meanwhile: checkpoints are issued seldom, as people would have it. */
async function passStamps({ home, parts, skewed, world }: Stage): Promise<void> {
  const aheadMs = Math.max(0, ...skewed.values());
  if (aheadMs === 0) return;
  const change = { intervalMs: SELDOM_MS };
  // Who cannot be told goes on at its interval.
  for (const { name: session } of parts)
    await home.ask('session.policy', { session, change }).catch((error: unknown) => codeOf(error));
  await world.clock.sleep(aheadMs);
}

/** No fault is left, and every system is served. */
export async function mend(stage: Stage): Promise<void> {
  const { world } = stage;
  stage.disarm();
  world.network.weather.clear();
  for (const address of world.network.listening.keys()) world.network.heal(address);
  for (const site of stage.sites.values()) site.files?.clear();
  for (const name of stage.sites.keys()) await stage.up(name);
}

function checkSame(stage: Stage, part: Part): void {
  for (const { site, remote, volume } of part.members) {
    const own = stage.site(site).contents(volume, VOLUME_BYTES);
    const other = stage.site(remote).contents(volume, VOLUME_BYTES);
    const at = own.findIndex((byte, index) => byte !== other[index]);
    if (at !== -1)
      throw new Violation(
        `${site}:${volume} and ${remote}:${volume} differ at byte ${at} behind the last checkpoint: ${standing(stage, part)}`,
      );
  }
}

/** What a person had stopped, and nothing else. */
async function setGoing(stage: Stage, part: Part): Promise<void> {
  const { template } = stage;
  const { name: session, members, primaries, secondaries } = part;
  for (let tries = 0; ; tries += 1) {
    const left: string[] = [];
    const done = async (what: string, work: () => Promise<unknown>) =>
      work().catch((error: unknown) => left.push(`${what}: ${codeOf(error)} ${(error as Error).message}`));
    const asked = stage.site(secondaries[0] as string);
    const resigned = (name: string) => [...stage.sites.values()].some((one) => isResignedIn(one, session, name));
    for (const name of [...part.resigned, ...primaries]) {
      const system = refOf(template.places, name);
      if (resigned(name)) await done(`join ${name}`, () => asked.ask('session.join', { session, system }));
    }
    await done('policy', () => setInterval(stage, session));
    for (const name of primaries)
      if (sheetOf(stage.site(name), session)?.primary?.state === 'stopped')
        await done(`start ${name}`, () => stage.site(name).ask('session.start', { session }));
    for (const { site, volume } of members)
      if (isSuspendedByHand(stage, site, volume))
        await done(`resync ${volume}`, () =>
          stage.site(site).ask('pair.resync', { pairs: [{ primary: volume }], discard: true }),
        );
    if (left.length === 0) return;
    if (tries > 100) throw new Violation(`what was stopped cannot be set going: ${left.join('; ')}`);
    await stage.world.clock.sleep(200);
  }
}

/** Without an interval nothing would be shown in the end. */
async function setInterval({ home, sites, shape: { intervalMs } }: Stage, session: string): Promise<void> {
  const known = [...sites.values()].flatMap((site) => sheetOf(site, session)?.policy.intervalMs ?? []);
  // An order that was cut short has reached some of them.
  if (known.every((one) => one === intervalMs)) return;
  await home.ask('session.policy', { session, change: { intervalMs } });
}

function isResignedIn(site: Site, session: string, name: string): boolean {
  const { primary: own, secondary } = sheetOf(site, session) ?? {};
  return (
    own?.config.some(({ system, resignedAt }) => system.name === name && resignedAt !== null) === true ||
    secondary?.table.some(
      (row) => (row.primary.name === name || row.secondary.name === name) && row.resigned !== null,
    ) === true
  );
}

function isSuspendedByHand(stage: Stage, site: string, volume: string): boolean {
  const { controller } = stage.site(site);
  if (!controller) throw new Gone(`${site} is down`);
  return [...controller.catalog.pairs.values()].some(
    ({ primary, state }) =>
      controller.catalog.volumes.get(primary)?.name === volume &&
      state.status === 'suspended' &&
      state.reason === 'command',
  );
}

/** Until a checkpoint that was issued after everything is shown by all secondaries, with every stream counting and journalled. */
async function showAll(stage: Stage, part: Part, untilMs: number): Promise<void> {
  const { world } = stage;
  let behind: number | undefined;
  for (;;) {
    const sheets = part.primaries.map((name) => sheetOf(stage.site(name), part.name)?.primary);
    const issued = Math.max(...sheets.map((one) => one?.issued?.number ?? 0));
    // The next one to be issued comes behind the last write.
    behind ??= issued + 1;
    const tables = part.secondaries.map((name) => sheetOf(stage.site(name), part.name)?.secondary);
    const isShown = tables.every((table) => table?.releasing === null && table.resetTo > (behind ?? 0));
    const shown = tables[0]?.resetTo ?? 0;
    const all = (tables[0]?.table ?? []).every(
      ({ enteredAt, resigned }) => enteredAt !== null && enteredAt <= shown && resigned === null,
    );
    const areDuplex = part.members.every(
      ({ site, remote, volume }) =>
        stage.site(site).statusOf(volume) === 'duplex' && stage.site(remote).statusOf(volume) === 'duplex',
    );
    if (isShown && all && areDuplex) return;
    // An order whose answer was lost acts late: a person sees what it did, and sets it going again.
    if (stage.hasUnanswered) await setGoing(stage, part);
    if (world.scheduler.nowMs > untilMs)
      throw new Violation(`it does not come back by itself: ${standing(stage, part)}`);
    await world.clock.sleep(20);
  }
}

function stateOf(stage: Stage, name: string, volume: string): string {
  const { controller } = stage.site(name);
  const half = [...(controller?.catalog.pairs.values() ?? [])].find(
    ({ primary, secondary, remote }) =>
      remote && controller?.catalog.volumes.get(remote.side === 'primary' ? primary : secondary)?.name === volume,
  );
  const state = half?.state;
  return state?.status === 'suspended' ? `suspended (${state.reason}: ${state.message})` : `${state?.status}`;
}

function standing(stage: Stage, { name: session, members, primaries: ours, secondaries: theirs }: Part): string {
  const pairs = members.map(
    ({ site, remote, volume }) => `${volume} ${stateOf(stage, site, volume)}/${stateOf(stage, remote, volume)}`,
  );
  const primaries = ours.map((name) => {
    const table = sheetOf(stage.site(name), session)?.primary;
    return `${name} ${table?.state} issued ${table?.issued?.number} seen ${table?.seen} config ${table?.configTerm}`;
  });
  const secondaries = theirs.map((name) => {
    const table = sheetOf(stage.site(name), session)?.secondary;
    const rows = table?.table.map((row) => `${row.primary.name} ${row.enteredAt}/${row.resigned}`).join(' ');
    return `${name} releasing ${table?.releasing?.number} applied ${table?.applied?.number} reset ${table?.resetTo} table ${table?.tableTerm}: ${rows}`;
  });
  return [session, ...pairs, ...primaries, ...secondaries].join('; ');
}
