import { type Checkpoint, sameCheckpoint } from '../../../src/core/sequence/sequence.js';
import { judgeSession } from '../../../src/core/session/session.js';
import { agree, changeConfig, comeBack, degrade, issue, losePower, send, write } from './model-primary.js';
import { apply, applyUpTo, changeTable, reportOf, round } from './model-secondary.js';
import { Broken, hold, type Pair, type Primary, type Rules, type Secondary, type System } from './model-words.js';
import { type Counts, World } from './model-world.js';

export type { Rules } from './model-words.js';

const EVENTS = 600;

/** One schedule by its seed. Throws `Broken` where a promise did not hold. */
export function play(seed: number, rules: Partial<Rules> = {}): Counts {
  const world = new World(seed, rules);
  try {
    for (let event = 0; event < EVENTS; event++) {
      world.tick();
      happen(world);
      check(world);
    }
    recover(world);
  } catch (error) {
    if (error instanceof Broken) error.message = `seed ${seed}: ${error.message}`;
    throw error;
  }
  return world.counts;
}

/** What begins, and how often out of so many. */
const BEGINNINGS: readonly (readonly [number, (world: World) => void])[] = [
  [36, (world) => write(world, world.chance.one(world.pairs))],
  [16, (world) => beginOf(world, 'send')],
  [12, (world) => beginOf(world, 'round')],
  [8, (world) => beginOf(world, 'issue')],
  [8, (world) => beginOf(world, 'comeBack')],
  [10, (world) => beginOf(world, 'apply')],
  [3, (world) => beginOf(world, 'agree')],
  [3, (world) => world.late.splice(world.chance.below(world.late.length + 1), 1)[0]?.()],
];
const ORDINARY = BEGINNINGS.reduce((sum, [often]) => sum + often, 0);

function happen(world: World): void {
  const { chance } = world;
  if (chance.below(20) < 16 && world.running.length > 0) {
    stepOne(world);
    return;
  }
  for (const one of [...world.primaries, ...world.secondaries]) if (!one.up && chance.in(10)) one.up = true;
  let draw = chance.below(ORDINARY + world.troubles);
  for (const [often, begin] of BEGINNINGS) {
    if (draw < often) {
      begin(world);
      return;
    }
    draw -= often;
  }
  trouble(world);
}

function stepOne(world: World): void {
  const index = world.chance.below(world.running.length);
  const process = world.running[index];
  if (process?.steps.next().done) world.running.splice(world.running.indexOf(process), 1);
}

function beginOf(world: World, what: 'send' | 'round' | 'issue' | 'comeBack' | 'apply' | 'agree'): void {
  const { chance } = world;
  const primary = chance.one(world.primaries);
  const secondary = chance.one(world.secondaries);
  const stream = chance.one(primary.streams);
  const pair = chance.one(world.pairs);
  if (what === 'send') world.start(primary, `send ${stream.to.ref.name}`, send(world, stream, primary));
  if (what === 'round') for (const one of world.secondaries) world.start(one, 'round', round(world, one));
  if (what === 'issue') for (const one of world.primaries) world.start(one, 'issue', issue(world, one));
  if (what === 'apply') world.start(secondary, 'apply', apply(secondary));
  if (what === 'agree') for (const one of world.primaries) world.start(one, 'agree', agree(world, one));
  if (what === 'comeBack') world.start(pair.primary, `back ${pair.id}`, comeBack(world, pair));
}

const TROUBLES: readonly (readonly [number, (world: World) => void])[] = [
  [9, (world) => crash(world, world.chance.one([...world.primaries, ...world.secondaries]))],
  [6, (world) => degradeOne(world, world.chance.one(world.pairs))],
  [1, reboot],
  [2, (world) => skew(world, world.chance.one(world.primaries))],
  [4, (world) => leaveOrJoin(world, world.chance.one(world.secondaries), world.chance.one(world.secondaries))],
  [2, (world) => leaveOrJoinPrimary(world, world.chance.one(world.primaries), world.chance.one(world.primaries))],
];

function trouble(world: World): void {
  let draw = world.chance.below(TROUBLES.reduce((sum, [often]) => sum + often, 0));
  for (const [often, begin] of TROUBLES) {
    if (draw < often) {
      begin(world);
      return;
    }
    draw -= often;
  }
}

function degradeOne(world: World, pair: Pair): void {
  if (pair.mode === 'journalled') degrade(world, pair);
}

/** The host of all primaries starts anew. */
function reboot(world: World): void {
  world.counts.reboots++;
  for (const one of world.primaries) losePower(world, one);
  world.reboot();
}

function skew({ chance }: World, primary: Primary): void {
  primary.skew = primary.skew === 0n ? BigInt(chance.in(2) ? 100_000 : -100_000) : 0n;
}

function leaveOrJoinPrimary(world: World, helper: Primary, victim: Primary): void {
  if (helper === victim) return;
  const gone = helper.table.config.some((row) => row.system.id === victim.ref.id && row.resignedAt !== null);
  world.start(helper, 'config', changeConfig(world, helper, victim, gone ? 'join' : 'resign'));
}

/** A system resigns itself only where no update is in progress; a person names any other. */
function leaveOrJoin(world: World, helper: Secondary, victim: Secondary): void {
  const rows = newest(world).rows.filter(({ secondary }) => secondary.id === victim.ref.id);
  const gone = rows.some(({ resigned }) => resigned !== null);
  if (!gone && world.chance.in(2)) return;
  if (!gone && helper === victim && victim.releasing !== null) return;
  world.start(helper, 'table', changeTable(world, helper, victim.ref, gone ? 'join' : 'resign'));
}

function crash(world: World, system: System): void {
  world.counts.crashes++;
  world.stop(system);
  system.up = false;
  if (system.kind === 'primary') {
    if (world.chance.in(2)) losePower(world, system);
    return;
  }
  system.busy = null;
  for (const stream of system.streams) stream.withdrawing = null;
}

function newest(world: World) {
  return world.secondaries.reduce((best, { active }) => (active.term > best.term ? active : best), {
    term: -1,
    rows: [],
  } as Secondary['active']);
}

/** The pairs of a secondary that show its checkpoint: of rows that count at it, once their base is whole there. */
function shownPairs(world: World, { ref, applied, entered }: Secondary): readonly Pair[] {
  if (applied === null) return [];
  const rows = newest(world).rows.filter((row) => row.secondary.id === ref.id && row.resigned === null);
  const counts = new Set(
    rows.filter(({ enteredAt }) => enteredAt !== null && enteredAt <= applied.number).map(({ primary }) => primary.id),
  );
  return world.pairs.filter(
    (pair) => pair.secondary.ref === ref && counts.has(pair.primary.ref.id) && entered.has(pair.id),
  );
}

/** What hosts may read at all secondaries is what the primaries showed at one moment, and every system shows the same checkpoint. */
function check(world: World): void {
  showOneMoment(
    world,
    world.secondaries.filter(({ releasing }) => releasing === null),
  );
}

function showOneMoment(world: World, systems: readonly Secondary[]): void {
  let [from, to] = [0, world.writes];
  let shown: Checkpoint | null = null;
  for (const system of systems) {
    for (const pair of shownPairs(world, system)) {
      shown ??= system.applied;
      hold(
        shown !== null && system.applied !== null && sameCheckpoint(shown, system.applied),
        'two secondaries show different checkpoints',
      );
      const content = system.backups.get(pair.id) ?? system.content.get(pair.id) ?? [];
      for (const [block, value] of content.entries()) {
        hold(value !== 0, `${pair.id} shows a block ${block} that was never copied`);
        from = Math.max(from, value);
        to = Math.min(to, (world.nextWrite.get(value) ?? world.writes + 1) - 1);
      }
    }
  }
  hold(from <= to, `write ${from} is shown without write ${to + 1}, which was before it`);
}

/** The primaries are lost: what the secondaries make of it shows one moment, not before anything that was shown. */
function recover(world: World): void {
  for (const secondary of world.secondaries) crash(world, secondary);
  const { rows } = newest(world);
  for (const secondary of world.secondaries) secondary.active = newest(world);
  const reports = world.secondaries.map(reportOf);
  const judged = judgeSession({ rows, reports });
  hold(judged.case !== 'disagree' && judged.case !== 'mixed', judged.verdict);
  const { target } = judged;
  if (target === null) return;
  const recovered = world.secondaries.filter(({ ref }) =>
    judged.systems.some(({ id, action }) => id === ref.id && action !== 'left-out'),
  );
  for (const secondary of recovered) {
    const action = judged.systems.find(({ id }) => id === secondary.ref.id)?.action;
    hold(secondary.resetTo <= target.number, 'a recovery goes back behind what hosts have read');
    if (action === 'restore') restore(world, secondary);
    else if (action !== 'keep') for (const _ of applyUpTo(secondary, target));
    hold(
      secondary.applied !== null && sameCheckpoint(secondary.applied, target),
      'a recovery did not bring a system to its checkpoint',
    );
  }
  showOneMoment(world, recovered);
}

function restore(world: World, secondary: Secondary): void {
  world.counts.restores++;
  for (const [pair, content] of secondary.backups) secondary.content.set(pair, content);
  secondary.backups.clear();
}
