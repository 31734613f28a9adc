import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import type { SessionRecoveryAnswer } from '../../../src/core/session/session.js';
import { Site, Violation } from '../formations/site.js';
import { codeOf } from '../formations/stage.js';
import { refOf } from '../formations/topology.js';
import { Rng, type World } from '../world/world.js';
import { checkPrefix, isWithdrawn } from './shown.js';
import { type Moment, type Stage, sheetOf } from './stage.js';
import { SESSION, worldOn } from './topology.js';

/** The primaries are dead at this moment; the secondaries alone are recovered, in a world of their own. */
export async function checkMoment(stage: Stage, moment: Moment): Promise<void> {
  const rng = new Rng(moment.seed, 13);
  const { power } = moment;
  const world = worldOn(power === undefined ? moment.disk : moment.disk.afterPowerLoss(rng, power), 1 + moment.seed);
  const { secondaries, primaries } = stage.shape;
  const folder = world.disk.root.names.get('sys');
  if (rng.chance(0.5) && folder?.kind === 'folder') for (const name of primaries) folder.names.delete(name);
  const sites = secondaries.map((name) => new Site(world, stage.template.places.get(name) as Site['place']));
  const trouble = rng.unit();
  if (trouble < 0.4) (rng.pick(sites) as Site).dieAtCall = 1 + rng.below(60);
  else if (trouble < 0.65) (rng.pick(sites) as Site).dieAtStep(rng.pick(RECOVERY_STEPS), 1 + rng.below(2));
  await world.run(recoverAndCheck(stage, world, sites, moment, rng));
}

/** Steps of the one that recovers, and of those that it asks. */
const RECOVERY_STEPS = CRASH_STEPS.filter((step) => /^(recovery|session|half)\./.test(step));

export async function recoverAndCheck(
  stage: Stage,
  world: World,
  sites: readonly Site[],
  { issued }: Pick<Moment, 'issued'>,
  rng: Rng,
): Promise<SessionRecoveryAnswer> {
  for (const site of sites) await site.up();
  const before = Math.max(0, ...sites.map((site) => sheetOf(site)?.secondary?.applied?.number ?? 0));
  const first = await recover(stage, world, sites, rng);
  if (first.case === 'mixed') return checkMixed(stage, sites, first);
  const shown = checkShown(stage, sites, first, before, issued);
  const again = await recover(stage, world, sites, rng);
  if (again.number !== first.number)
    throw new Violation(`recovered again, it says ${again.case} ${again.number} after ${first.case} ${first.number}`);
  if (checkShown(stage, sites, again, before, issued) !== shown)
    throw new Violation('recovering again changed the contents');
  return again;
}

/** As a person does: again, until it is through. */
async function recover(stage: Stage, world: World, sites: readonly Site[], rng: Rng): Promise<SessionRecoveryAnswer> {
  const at = sites.map(({ name }) => refOf(stage.template.places, name));
  const codes: string[] = [];
  for (let tries = 0; tries < 40; tries += 1) {
    for (const site of sites) await site.up();
    try {
      const { output } = await rng.pick(sites).ask('session.recover', { session: SESSION, at });
      // Looked at afterwards, by processes that live.
      for (const site of sites) site.process?.beforeCall(undefined);
      for (const site of sites) await site.up();
      return output;
    } catch (error) {
      codes.push(`${codeOf(error)}: ${error instanceof Error ? error.message : ''}`);
      await world.clock.sleep(50);
    }
  }
  throw new Violation(`the secondaries cannot be recovered: ${codes.slice(-3).join('; ')}`);
}

/** Differences were coming back to a secondary that nothing keeps. */
function checkMixed({ shape }: Stage, sites: readonly Site[], answer: SessionRecoveryAnswer): SessionRecoveryAnswer {
  const isMix = shape.members.some((member) => {
    const site = sites.find(({ name }) => name === member.remote);
    return site && isWithdrawn(site, member);
  });
  if (shape.backup || !isMix) throw new Violation(`the secondaries are said to be a mix: ${answer.verdict}`);
  return answer;
}

function checkShown(
  stage: Stage,
  sites: readonly Site[],
  answer: SessionRecoveryAnswer,
  before: number,
  issued: number,
): number {
  const what = `${answer.case} ${answer.number}`;
  const tables = sites.map((site) => sheetOf(site)?.secondary);
  const rows = tables[0]?.table ?? [];
  const number = answer.number;
  if (number === null) {
    if (rows.every(({ resigned, enteredAt }) => resigned !== null || enteredAt === null)) return 0;
    throw new Violation(`no checkpoint is recovered, and ${before} was applied: ${answer.verdict}`);
  }
  if (number < before) throw new Violation(`checkpoint ${number} is recovered, and ${before} was applied`);
  const checkpoint = tables.find((table) => table?.recovered)?.recovered?.checkpoint ?? { number, time: '' };
  const counts = ({ site, remote }: Stage['shape']['members'][number]) =>
    rows.some(
      (row) =>
        row.primary.name === site &&
        row.secondary.name === remote &&
        row.resigned === null &&
        row.enteredAt !== null &&
        row.enteredAt <= number,
    );
  const count = checkPrefix(stage, new Map(sites.map((site) => [site.name, site])), counts, checkpoint, what);
  if (count > issued) throw new Violation(`${what} shows write ${count}, and ${issued} were issued`);
  return count;
}
