import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import { KEEPS, processTroubles, spanOf, type Trouble } from '../formations/process-troubles.js';
import { codeOf } from '../formations/schedule-stage.js';
import { refOf } from '../formations/topology.js';
import type { Rng } from '../world/world.js';
import type { Part } from './part.js';
import { type Stage, sheetOf } from './stage.js';

/** Steps that a schedule can die at. */
const STEPS: readonly string[] = CRASH_STEPS.filter((step) =>
  /^(session|journal|checkpoint|stream|send|receive|half|save|region)\./.test(step),
);

function siteOf({ shape }: Stage, rng: Rng): string {
  return rng.pick(rng.chance(0.5) ? shape.primaries : shape.secondaries);
}

export const TROUBLES: readonly Trouble<Stage>[] = [
  { name: 'kill', strike: (stage, rng) => stage.end(siteOf(stage, rng), spanOf(rng), (site) => site.kill()) },
  { name: 'power', strike: losePower },
  {
    name: 'crash at a step',
    strike: (stage, rng) => stage.dieAtStep(siteOf(stage, rng), rng.pick(STEPS), 1 + rng.below(3), spanOf(rng)),
  },
  {
    name: 'crash at a step',
    strike: (stage, rng) => stage.dieAtStep(siteOf(stage, rng), rng.pick(STEPS), 1 + rng.below(3), spanOf(rng)),
  },
  ...processTroubles<Stage>(siteOf),
  {
    name: 'weather',
    strike: (stage, rng) => {
      const { weather } = stage.world.network;
      weather.chances = {
        lost: rng.pick([0, 0, 0.02, 0.1]),
        late: rng.pick([0, 0.2, 0.5]),
        lateMs: rng.pick([10, 100, 3_000]),
        repeated: rng.pick([0, 0.2]),
      };
      stage.after(spanOf(rng) * 3, () => weather.clear());
    },
  },
  {
    name: 'partition',
    strike: (stage, rng) => {
      const { weather } = stage.world.network;
      const [one, other] = [rng.pick(stage.shape.secondaries), siteOf(stage, rng)];
      weather.part(one, other);
      stage.after(spanOf(rng), () => weather.join(one, other));
    },
  },
  {
    name: 'cut',
    strike: (stage, rng) => {
      const { network } = stage.world;
      const address = [...network.listening.keys()].find((path) => path.includes(`/${siteOf(stage, rng)}/`));
      if (address === undefined) return;
      network.cut(address);
      stage.after(rng.chance(0.5) ? 0 : spanOf(rng), () => network.heal(address));
    },
  },
  { name: 'journal without room', strike: (stage, rng) => noSpace(stage, rng, siteOf(stage, rng), '/journals/') },
  {
    name: 'backup without room',
    strike: (stage, rng) => noSpace(stage, rng, rng.pick(stage.shape.secondaries), '-backup'),
  },
  { name: 'moment', strike: (stage, rng) => stage.takeMoment(rng) },
  { name: 'moment', strike: (stage, rng) => stage.takeMoment(rng) },
  { name: 'suspend', strike: (stage, rng) => stage.beside(suspend(stage, rng)) },
  { name: 'stop', strike: (stage, rng) => stage.beside(stop(stage, rng)) },
  { name: 'resign', strike: (stage, rng) => stage.beside(resign(stage, rng)) },
];

/** What later schedules do as well. */
export const WIDE_TROUBLES: readonly Trouble<Stage>[] = [
  ...TROUBLES,
  { name: 'skewed clock', strike: (stage, rng) => stage.beside(skew(stage, rng)) },
  { name: 'apply to', strike: (stage, rng) => stage.beside(applyTo(stage, rng)) },
  { name: 'resign of a secondary', strike: (stage, rng) => stage.beside(resignSecondary(stage, rng)) },
  { name: 'new interval', strike: (stage, rng) => stage.beside(changePolicy(stage, rng)) },
  { name: 'mark', strike: (stage, rng) => stage.beside(mark(stage, rng)) },
];

/** In the order of a common clock the primaries are on one host. */
function losePower(stage: Stage, rng: Rng): void {
  const { shape, world } = stage;
  const struck = siteOf(stage, rng);
  const isHost = shape.sessions.some((one) => one.order === 'clock') && shape.primaries.includes(struck);
  const bootId = world.nextBootId();
  const keep = rng.pick(KEEPS);
  const downMs = spanOf(rng);
  for (const name of isHost ? shape.primaries : [struck])
    stage.end(name, downMs, (site) => site.losePower(rng.fork(), keep, bootId));
}

function noSpace(stage: Stage, rng: Rng, name: string, path: string): void {
  const { files } = stage.site(name);
  files?.plan({ call: 'write', nth: 1 + rng.below(3), fault: 'no-space', path, sticky: rng.chance(0.7) });
  stage.after(spanOf(rng), () => files?.clear());
}

/** What was asked may have gone on to others, and nobody knows whether they carry it out. */
const UNANSWERED: ReadonlySet<string> = new Set(['gone', 'link-lost']);

async function order(stage: Stage, what: string, asked: Promise<unknown>): Promise<void> {
  stage.orders.add(asked);
  const outcome = await asked.then(
    () => what,
    (error: unknown) => {
      const code = codeOf(error);
      stage.hasUnanswered ||= UNANSWERED.has(code);
      return `${what}:${code}`;
    },
  );
  stage.orders.delete(asked);
  stage.outcomes.push(outcome);
}

async function suspend(stage: Stage, rng: Rng): Promise<void> {
  const { site, volume } = rng.pick(partOf(stage, rng).members);
  const input = { pairs: [{ primary: volume }] };
  await order(stage, 'suspend', stage.site(site).ask('pair.suspend', input));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'resync', stage.site(site).ask('pair.resync', { ...input, discard: true }));
}

async function stop(stage: Stage, rng: Rng): Promise<void> {
  const { name: session } = partOf(stage, rng);
  await order(stage, 'stop', stage.home.ask('session.stop', { session }));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'start', stage.home.ask('session.start', { session }));
}

async function resign(stage: Stage, rng: Rng): Promise<void> {
  const part = partOf(stage, rng);
  const system = refOf(stage.template.places, rng.pick(part.primaries));
  await resignAndJoin(stage, rng, part, system);
}

async function resignSecondary(stage: Stage, rng: Rng): Promise<void> {
  const part = partOf(stage, rng);
  const name = rng.pick(part.secondaries);
  part.resigned.add(name);
  await resignAndJoin(stage, rng, part, refOf(stage.template.places, name));
}

async function resignAndJoin(
  stage: Stage,
  rng: Rng,
  { name: session, secondaries }: Part,
  system: ReturnType<typeof refOf>,
): Promise<void> {
  const input = { session, system };
  await order(stage, 'resign', stage.site(rng.pick(secondaries)).ask('session.resign', input));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'join', stage.site(rng.pick(secondaries)).ask('session.join', input));
}

/** Farther than any exchange takes: one that lies within cannot be told from a slow answer. */
const SKEWS_MS = [-60_000, -12_000, 12_000];

/** The clock of a system goes wrong, and right again. */
async function skew(stage: Stage, rng: Rng): Promise<void> {
  const name = rng.pick(stage.shape.primaries);
  const fault = { kind: 'clock-skew', byMs: rng.pick(SKEWS_MS) } as const;
  stage.skewed.set(name, Math.max(fault.byMs, stage.skewed.get(name) ?? 0));
  await order(stage, 'skew', stage.site(name).ask('fault.set', fault));
  await stage.world.clock.sleep(spanOf(rng));
  if (!stage.atPeace) await order(stage, 'clock', stage.site(name).ask('fault.clear', {}));
}

/** A person brings the secondaries to an earlier checkpoint than the last. */
async function applyTo(stage: Stage, rng: Rng): Promise<void> {
  const { name: session, secondaries, cuts } = partOf(stage, rng);
  const site = stage.site(rng.pick(secondaries));
  const applied = sheetOf(site, session)?.secondary?.applied?.number ?? 0;
  const times = [...cuts.keys()].map((key) => key.split(' ')[1] as string);
  const byTime = times.length > 0 && rng.chance(0.5);
  const to = byTime
    ? ({ by: 'time', time: rng.pick(times) } as const)
    : ({ by: 'number', number: applied + rng.below(3) } as const);
  await order(stage, 'apply', site.ask('session.apply', { session, to }));
}

async function changePolicy(stage: Stage, rng: Rng): Promise<void> {
  const { name: session } = partOf(stage, rng);
  const change = { intervalMs: rng.pick([0, 10, 50]) };
  await order(stage, 'policy', stage.home.ask('session.policy', { session, change }));
  await stage.world.clock.sleep(spanOf(rng));
  const back = { intervalMs: stage.shape.intervalMs };
  if (!stage.atPeace) await order(stage, 'policy', stage.home.ask('session.policy', { session, change: back }));
}

async function mark(stage: Stage, rng: Rng): Promise<void> {
  const { name: session, primaries } = partOf(stage, rng);
  await order(stage, 'mark', stage.site(rng.pick(primaries)).ask('session.mark', { session }));
}

/** Of one session nothing is drawn. */
function partOf({ parts }: Stage, rng: Rng): Part {
  return parts.length === 1 ? (parts[0] as Part) : rng.pick(parts);
}
