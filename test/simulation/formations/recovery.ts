import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import type { RecoveryAnswer } from '../../../src/core/group/group.js';
import { Rng, type World } from '../world/world.js';
import { codeOf } from './schedule-stage.js';
import { Site, Violation } from './site.js';
import type { Moment, Stage } from './stage.js';
import { GROUP, nearOf, refOf, VOLUME_BYTES, worldOn } from './topology.js';

/** The primaries are dead at this moment; the remotes alone are recovered, in a world of their own. */
export async function checkMoment(stage: Stage, moment: Moment): Promise<void> {
  const rng = new Rng(moment.seed, 13);
  const { power } = moment;
  const disk = power === undefined ? moment.disk : moment.disk.afterPowerLoss(rng, power);
  const world = worldOn(disk, 1 + moment.seed);
  const { remotes } = stage.shape;
  // Where their files are gone as well, nobody can read what the master decided.
  const folder = world.disk.root.names.get('sys');
  if (rng.chance(0.5) && folder?.kind === 'folder') for (const name of nearOf(stage.shape)) folder.names.delete(name);
  const sites = remotes.map((name) => new Site(world, stage.template.places.get(name) as Site['place']));
  const trouble = rng.unit();
  if (trouble < 0.4) (rng.pick(sites) as Site).dieAtCall = 1 + rng.below(60);
  else if (trouble < 0.65) (rng.pick(sites) as Site).dieAtStep(rng.pick(RECOVERY_STEPS), 1 + rng.below(2));
  await world.run(recoverAndCheck(stage, world, sites, moment, rng));
}

/** Steps of the one that recovers, and of those that it asks. */
const RECOVERY_STEPS = CRASH_STEPS.filter((step) => /^(recovery|group|half)\./.test(step));

export interface Bounds {
  readonly formed: number;
  readonly issued: number;
}

export async function recoverAndCheck(
  stage: Stage,
  world: World,
  sites: readonly Site[],
  bounds: Bounds,
  rng: Rng,
): Promise<RecoveryAnswer> {
  const first = await recover(stage, world, sites, rng);
  const shown = checkShown(stage, sites, first, bounds);
  const again = await recover(stage, world, sites, rng);
  // Where there is nothing to recover to nothing is fenced, and what was on its way then may arrive yet.
  const isFinal = first.case !== 'none';
  if (isFinal && again.case !== first.case && again.sequence !== first.sequence)
    throw new Violation(
      `recovered again, it says ${again.case} ${again.sequence} after ${first.case} ${first.sequence}`,
    );
  if (checkShown(stage, sites, again, bounds) !== shown && isFinal)
    throw new Violation('recovering again changed the contents');
  return again;
}

/** As a person does: again, until it is through. */
async function recover(stage: Stage, world: World, sites: readonly Site[], rng: Rng): Promise<RecoveryAnswer> {
  const at = sites.map(({ name }) => refOf(stage.template.places, name));
  const codes: string[] = [];
  for (let tries = 0; tries < 40; tries += 1) {
    for (const site of sites) await site.up();
    try {
      const { output } = await rng.pick(sites).ask('cg.recover', { group: GROUP, at, without: [] });
      // Looked at afterwards, by processes that live.
      for (const site of sites) site.process?.beforeCall(undefined);
      for (const site of sites) await site.up();
      return output;
    } catch (error) {
      codes.push(`${codeOf(error)}: ${error instanceof Error ? error.message : ''}`);
      await world.clock.sleep(50);
    }
  }
  throw new Violation(`the remotes cannot be recovered: ${codes.slice(-3).join('; ')}`);
}

/** The remote volumes show one prefix, of the group that the recovery names, and answers which. */
function checkShown(stage: Stage, sites: readonly Site[], answer: RecoveryAnswer, { formed, issued }: Bounds): number {
  const { members } = stage.shape;
  if (answer.case === 'disagree') throw new Violation(`the remotes disagree: ${answer.verdict}`);
  if (answer.sequence === null) {
    if (formed > 0) throw new Violation(`no group is found, and ${formed} was formed: ${answer.verdict}`);
    return 0;
  }
  if (answer.sequence < formed) throw new Violation(`group ${answer.sequence} is recovered, and ${formed} was formed`);
  // A running group forms without a member that was never copied whole; it is left out here as well.
  const isLeftOut = (index: number) =>
    answer.members.some(({ relationshipId, action }) => relationshipId === index + 1 && action === 'left-out');
  const found = members.map(({ remote, volume }, index) =>
    isLeftOut(index) ? undefined : (sites.find(({ name }) => name === remote) as Site).contents(volume, VOLUME_BYTES),
  );
  const prefix = stage.writer.prefixOf(found);
  const what = `${answer.case} ${answer.sequence}`;
  if ('wrong' in prefix) throw new Violation(`the remotes show no prefix after ${what}: ${prefix.wrong}`);
  if (!found.includes(undefined)) checkInstant(stage, answer.sequence, prefix.count, what);
  if (prefix.count > issued) throw new Violation(`${what} shows write ${prefix.count}, and ${issued} were issued`);
  return prefix.count;
}

export function checkInstant(stage: Stage, sequence: number, count: number, what: string): void {
  const instant = stage.instants.get(sequence);
  if (!instant) return;
  const allSeen = stage.shape.primaries.every((name) => instant.seenAt.has(name));
  if (count >= instant.least && (count <= instant.most || !allSeen)) return;
  throw new Violation(`${what} shows write ${count}, and was frozen between ${instant.least} and ${instant.most}`);
}
