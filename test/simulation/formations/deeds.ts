import type { Rng } from '../world/world.js';
import { checkInstant } from './recovery.js';
import { codeOf } from './schedule-stage.js';
import { Violation } from './site.js';
import type { Stage } from './stage.js';
import { GROUP, originsOf, refOf, type Shape, VOLUME_BYTES } from './topology.js';

/** Something that a person does with the group while things go wrong. */
export interface Deed {
  readonly name: string;
  run(stage: Stage, rng: Rng): Promise<void>;
}

const DEEDS: readonly Deed[] = [
  { name: 'cg split', run: splitGroup },
  { name: 'cg master', run: otherMaster },
  { name: 'cg practice', run: practice },
];

const DEEDS_OF_THREE: readonly Deed[] = [
  ...DEEDS,
  { name: 'pair split of an origin', run: splitOrigin },
  { name: 'pair suspend of an origin', run: suspendOrigin },
];

/** What people may do with a group of this shape. */
export function deedsOf({ members }: Shape): readonly Deed[] {
  return originsOf(members).length > 0 ? DEEDS_OF_THREE : DEEDS;
}

/** The hosts go on at the origin alone for a while, then the pair follows again by its differences. */
async function splitOrigin(stage: Stage, rng: Rng): Promise<void> {
  await leaveOrigin(stage, rng, 'pair.split');
}

async function suspendOrigin(stage: Stage, rng: Rng): Promise<void> {
  await leaveOrigin(stage, rng, 'pair.suspend');
}

async function leaveOrigin(stage: Stage, rng: Rng, code: 'pair.split' | 'pair.suspend'): Promise<void> {
  const { origin, volume } = rng.pick(stage.shape.members.filter((member) => member.origin !== undefined));
  if (origin === undefined) return;
  const pairs = [{ primary: volume }];
  const said = await stage
    .site(origin)
    .ask(code, { pairs })
    .then(() => 'done', codeOf);
  stage.outcomes.push(`${code}:${said}`);
  await stage.world.clock.sleep(rng.unit() * 200);
  // Also when all is mended meanwhile: nobody else brings back what a person stopped.
  await stage
    .site(origin)
    .ask('pair.resync', { pairs, discard: true })
    .catch((error: unknown) => codeOf(error));
}

/**
 * Splits the group, looks at what its secondaries show, and lets them follow again. Where another split was under way meanwhile some pairs
 * may be of the one instant and some of the other, as both were told.
 */
async function splitGroup(stage: Stage, rng: Rng): Promise<void> {
  const { writer, splits } = stage;
  const least = writer.completed;
  const isAlone = splits.running === 0;
  splits.running += 1;
  splits.begun += 1;
  const { begun } = splits;
  let most: number | undefined;
  try {
    const { output } = await stage.master.ask('cg.split', { group: GROUP });
    // Pairs that an earlier split left as they were show its instant.
    const rows = output.parts.flatMap(({ answer }) => answer.pairs);
    if (rows.every(({ outcome }) => outcome === 'done')) most = writer.issued;
  } catch (error) {
    stage.outcomes.push(`split:${codeOf(error)}`);
  }
  await stage.world.clock.sleep(rng.unit() * 200);
  if (most !== undefined && isAlone && splits.begun === begun) checkSplit(stage, least, most);
  await followAgain(stage);
  splits.running -= 1;
}

/** Only where every pair is split and copied: what is under way, or was suspended, shows nothing yet. */
function checkSplit({ shape, sites, writer, outcomes }: Stage, least: number, most: number): void {
  const found = shape.members.map(({ site, remote, volume }) => {
    const halves = [sites.get(site)?.statusOf(volume), sites.get(remote)?.statusOf(volume)];
    return halves.every((status) => status === 'split') ? sites.get(remote)?.contents(volume, VOLUME_BYTES) : undefined;
  });
  if (found.includes(undefined)) return;
  outcomes.push('split');
  const prefix = writer.prefixOf(found);
  if ('wrong' in prefix) throw new Violation(`the secondaries of a split show no prefix: ${prefix.wrong}`);
  if (prefix.count < least || prefix.count > most)
    throw new Violation(`a split shows write ${prefix.count}, and was made between ${least} and ${most}`);
}

/** At every member, as far as it can be reached. What is left is done when all is mended; after a recovery it would undo that. */
async function followAgain(stage: Stage): Promise<void> {
  for (const { site, volume } of stage.shape.members) {
    if (stage.atPeace) return;
    await stage
      .site(site)
      .ask('pair.resync', { pairs: [{ primary: volume }], discard: true })
      .catch((error: unknown) => codeOf(error));
  }
}

/** Another system is made the master, perhaps while the old one cannot be reached and goes on as if nothing had happened. */
async function otherMaster(stage: Stage, rng: Rng): Promise<void> {
  const target = rng.pick([...stage.sites.keys()]);
  const former = stage.masterName;
  const { weather } = stage.world.network;
  if (rng.chance(0.5)) {
    weather.part(former, target);
    stage.after(rng.pick([100, 2_000, 20_000]) * rng.unit(), () => weather.join(former, target));
  }
  for (let tries = 1 + rng.below(3); tries > 0 && !stage.atPeace; tries -= 1) {
    stage.masters.add(target);
    stage.masterName = target;
    if (await makeMaster(stage, target)) return;
    await stage.world.clock.sleep(rng.unit() * 100);
  }
}

/** Whether the system is the group's master now. */
export async function makeMaster(stage: Stage, target: string): Promise<boolean> {
  const { places, groupId: id } = stage.template;
  const systems = [...places.keys()].map((name) => refOf(places, name));
  try {
    const asked = stage.site(target).ask('cg.master', { group: GROUP, id, systems });
    stage.orders.add(asked);
    const { output } = await asked.finally(() => stage.orders.delete(asked));
    stage.outcomes.push(`master:${target}:${output.outcome}`);
    return true;
  } catch (error) {
    stage.outcomes.push(`master:${target}:${codeOf(error)}`);
    return false;
  }
}

/** Orders drill copies, looks at them later, and perhaps drops them. */
async function practice(stage: Stage, rng: Rng): Promise<void> {
  await order(stage, false);
  await stage.world.clock.sleep(rng.unit() * 500);
  if (!stage.atPeace) await checkDrills(stage);
  if (!stage.atPeace && rng.chance(0.5)) await order(stage, true);
}

async function order(stage: Stage, drop: boolean): Promise<void> {
  try {
    const { output } = await stage.master.ask('cg.practice', { group: GROUP, to: 'auto', drop });
    stage.outcomes.push(`practice:${output.outcome}`);
  } catch (error) {
    stage.outcomes.push(`practice:${codeOf(error)}`);
  }
}

/** Whole drills are all of one group, and show its instant. */
export async function checkDrills(stage: Stage): Promise<void> {
  const { shape, template } = stage;
  const drills = new Map<number, { readonly name: string; readonly sequence: number | null; readonly lost: boolean }>();
  for (const remote of shape.remotes) {
    const input = {
      group: template.groupId,
      term: Number.MAX_SAFE_INTEGER,
      order: 'show' as const,
      to: 'auto' as const,
    };
    try {
      const { output } = await stage.site(remote).ask('group.practice', input);
      for (const { relationshipId, volume, sequence, lost } of output.drills)
        drills.set(relationshipId, { name: volume.name, sequence, lost });
    } catch (error) {
      codeOf(error);
      return;
    }
  }
  const made = shape.members.map((_, index) => drills.get(index + 1));
  const [first] = made;
  if (!first || made.some((drill) => drill?.sequence === null || drill?.sequence === undefined || drill.lost)) return;
  if (made.some((drill) => drill?.sequence !== first.sequence)) return;
  if (shape.remotes.some((name) => !stage.site(name).isUp)) return;
  // What an earlier history held is shown by drills that were made then.
  if (stage.writer.hasBegunAgain && !stage.instants.has(first.sequence ?? 0)) return;
  const found = shape.members.map(({ remote }, index) =>
    stage.site(remote).contents(made[index]?.name ?? '', VOLUME_BYTES),
  );
  stage.outcomes.push(`drill:${first.sequence}`);
  const prefix = stage.writer.prefixOf(found);
  if ('wrong' in prefix) throw new Violation(`the drills of group ${first.sequence} show no prefix: ${prefix.wrong}`);
  checkInstant(stage, first.sequence ?? 0, prefix.count, `the drill of group ${first.sequence}`);
}
