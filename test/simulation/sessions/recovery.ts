import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import type { Wanted } from '../../../src/core/sequence/sequence.js';
import type { SessionRecoveryAnswer } from '../../../src/core/session/session.js';
import { codeOf } from '../formations/schedule-stage.js';
import { Site, Violation } from '../formations/site.js';
import { refOf, VOLUME_BYTES } from '../formations/topology.js';
import { Rng } from '../world/world.js';
import type { Part } from './part.js';
import { checkPrefix, isWithdrawn } from './shown.js';
import { type Moment, type Stage, sheetOf } from './stage.js';
import { worldOn } from './topology.js';

/** The primaries are dead at this moment; the secondaries alone are recovered, in a world of their own. */
export async function checkMoment(stage: Stage, moment: Moment): Promise<void> {
  const rng = new Rng(moment.seed, 13);
  const { power } = moment;
  const world = worldOn(power === undefined ? moment.disk : moment.disk.afterPowerLoss(rng, power), 1 + moment.seed);
  const { secondaries, primaries } = stage.shape;
  const folder = world.disk.root.names.get('sys');
  if (rng.chance(0.5) && folder?.kind === 'folder') for (const name of primaries) folder.names.delete(name);
  const sites = new Map(
    secondaries.map((name) => [name, new Site(world, stage.template.places.get(name) as Site['place'])]),
  );
  const trouble = rng.unit();
  const struck = rng.pick(secondaries);
  if (trouble < 0.4) (sites.get(struck) as Site).dieAtCall = 1 + rng.below(60);
  else if (trouble < 0.65) (sites.get(struck) as Site).dieAtStep(rng.pick(RECOVERY_STEPS), 1 + rng.below(2));
  const work = async () => {
    for (const part of stage.parts) await recoverAndCheck(stage, part, sites, moment.issued, rng);
  };
  await world.run(work());
}

/** Steps of the one that recovers, and of those that it asks. */
const RECOVERY_STEPS = CRASH_STEPS.filter((step) => /^(recovery|session|half)\./.test(step));

export async function recoverAndCheck(
  stage: Stage,
  part: Part,
  all: ReadonlyMap<string, Site>,
  issued: ReadonlyMap<string, number>,
  rng: Rng,
  mayChoose = stage.isWide,
): Promise<SessionRecoveryAnswer> {
  const sites = part.secondaries.map((name) => all.get(name) as Site);
  for (const site of sites) await site.up();
  const tables = sites.map((site) => sheetOf(site, part.name)?.secondary);
  const before = Math.max(0, ...tables.map((table) => table?.applied?.number ?? 0));
  const isBegun = tables.some((table) => table?.recovered);
  const wanted = mayChoose && !isBegun && rng.chance(0.3) ? wantedOf(part, before, rng) : undefined;
  const { answer: first, to } = await recover(stage, part, sites, rng, wanted);
  if (to && isBehind(part, first, to))
    throw new Violation(`checkpoint ${first.number} is recovered, and ${JSON.stringify(to)} was asked for`);
  if (first.case === 'mixed') return checkMixed(stage, part, sites, first);
  const most = issued.get(part.name) ?? 0;
  checkShown(part, sites, first, before, most);
  const counted = part.members.filter(countedIn(part, sites, first.number ?? 0));
  const held = contentsOf(counted, all);
  const { answer: again } = await recover(stage, part, sites, rng);
  // Where there is nothing to recover to nothing is fenced, and what was on its way then may arrive yet.
  if (first.case === 'none') return again;
  if (again.number !== first.number)
    throw new Violation(`recovered again, it says ${again.case} ${again.number} after ${first.case} ${first.number}`);
  checkShown(part, sites, again, before, most);
  // A resign that comes late makes fewer pairs count; what is there stays as it is.
  if (contentsOf(counted, all) !== held) throw new Violation('recovering again changed the contents');
  return again;
}

/** The pairs that count at a checkpoint, by the table that the secondaries have. */
function countedIn(part: Part, sites: readonly Site[], number: number) {
  const rows = sites[0] ? (sheetOf(sites[0], part.name)?.secondary?.table ?? []) : [];
  return ({ site, remote }: Part['members'][number]) =>
    rows.some(
      (row) =>
        row.primary.name === site &&
        row.secondary.name === remote &&
        row.resigned === null &&
        row.enteredAt !== null &&
        row.enteredAt <= number,
    );
}

/** What the secondaries hold, to be compared. */
function contentsOf(members: Part['members'], all: ReadonlyMap<string, Site>): string {
  return members
    .map(({ remote, volume }) => Buffer.from(all.get(remote)?.contents(volume, VOLUME_BYTES) ?? []).toString('latin1'))
    .join('\n');
}

/** An earlier checkpoint than the last that may be held. */
function wantedOf({ cuts }: Part, before: number, rng: Rng): Wanted {
  if (rng.chance(0.5)) return { by: 'number', number: before + 1 + rng.below(3) };
  const times = [...cuts.keys()].map((key) => key.split(' ')[1] as string);
  return { by: 'time', time: times.length === 0 ? '0' : rng.pick(times) };
}

function isBehind(part: Part, { number }: SessionRecoveryAnswer, to: Wanted): boolean {
  if (to.by === 'number') return (number ?? 0) > to.number;
  const time = [...part.cuts.keys()].find((key) => key.startsWith(`${number} `))?.split(' ')[1];
  return time !== undefined && BigInt(time) > BigInt(to.time);
}

/** As a person does: again, until it is through; without the earlier one where that cannot be. */
async function recover(
  stage: Stage,
  part: Part,
  sites: readonly Site[],
  rng: Rng,
  wanted?: Wanted,
): Promise<{ readonly answer: SessionRecoveryAnswer; readonly to: Wanted | undefined }> {
  const at = sites.map(({ name }) => refOf(stage.template.places, name));
  const codes: string[] = [];
  const session = part.name;
  let to = wanted;
  for (let tries = 0; tries < 40; tries += 1) {
    for (const site of sites) await site.up();
    try {
      const { output } = await rng.pick(sites).ask('session.recover', to ? { session, at, to } : { session, at });
      // Looked at afterwards, by processes that live.
      for (const site of sites) site.process?.beforeCall(undefined);
      for (const site of sites) await site.up();
      return { answer: output, to };
    } catch (error) {
      codes.push(`${codeOf(error)}: ${error instanceof Error ? error.message : ''}`);
      if (codeOf(error) === 'no-checkpoint') to = undefined;
      await (sites[0] as Site).world.clock.sleep(50);
    }
  }
  throw new Violation(`the secondaries cannot be recovered: ${codes.slice(-3).join('; ')}`);
}

/** Differences were coming back to a secondary that nothing keeps. */
function checkMixed(
  { shape }: Stage,
  part: Part,
  sites: readonly Site[],
  answer: SessionRecoveryAnswer,
): SessionRecoveryAnswer {
  const isMix = part.members.some((member) => {
    const site = sites.find(({ name }) => name === member.remote);
    return site && isWithdrawn(site, member);
  });
  if (shape.backup || !isMix) throw new Violation(`the secondaries are said to be a mix: ${answer.verdict}`);
  return answer;
}

function checkShown(
  part: Part,
  sites: readonly Site[],
  answer: SessionRecoveryAnswer,
  before: number,
  issued: number,
): number {
  const what = `${answer.case} ${answer.number}`;
  const tables = sites.map((site) => sheetOf(site, part.name)?.secondary);
  const rows = tables[0]?.table ?? [];
  const number = answer.number;
  if (number === null) {
    if (rows.every(({ resigned, enteredAt }) => resigned !== null || enteredAt === null)) return 0;
    throw new Violation(`no checkpoint is recovered, and ${before} was applied: ${answer.verdict}`);
  }
  if (number < before) throw new Violation(`checkpoint ${number} is recovered, and ${before} was applied`);
  const checkpoint = tables.find((table) => table?.recovered)?.recovered?.checkpoint ?? { number, time: '' };
  const counts = countedIn(part, sites, number);
  const count = checkPrefix(part, new Map(sites.map((site) => [site.name, site])), counts, checkpoint, what);
  if (count > issued) throw new Violation(`${what} shows write ${count}, and ${issued} were issued`);
  return count;
}
