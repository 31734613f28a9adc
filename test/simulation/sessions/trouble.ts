import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import { codeOf } from '../formations/stage.js';
import { refOf } from '../formations/topology.js';
import { type Keep, type Rng, WorldStopped } from '../world/world.js';
import type { Stage } from './stage.js';
import { SESSION } from './topology.js';

/** One thing that goes wrong, or that a person does, at a moment of a schedule. */
export interface Trouble {
  readonly name: string;
  strike(stage: Stage, rng: Rng): void;
}

/** Steps that a schedule can die at. */
const STEPS: readonly string[] = CRASH_STEPS.filter((step) =>
  /^(session|journal|checkpoint|stream|send|receive|half|save|region)\./.test(step),
);
const KEEPS: readonly Keep[] = ['none', 'all', 'random'];

function spanOf(rng: Rng): number {
  return rng.pick([5, 40, 200, 1_500]) * (0.5 + rng.unit());
}

function siteOf({ shape }: Stage, rng: Rng): string {
  return rng.pick(rng.chance(0.5) ? shape.primaries : shape.secondaries);
}

export const TROUBLES: readonly Trouble[] = [
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
  {
    name: 'crash at a store call',
    strike: (stage, rng) => {
      const name = siteOf(stage, rng);
      const { process } = stage.site(name);
      if (!process) return;
      const last = process.calls + 1 + rng.below(120);
      process.beforeCall(({ number }) => {
        if (number >= last) throw new WorldStopped(`stopped before store call ${number}`);
      });
      process.onEnd(() => stage.startAgain(name, spanOf(rng)));
    },
  },
  {
    name: 'crash while it comes up',
    strike: (stage, rng) => {
      const name = siteOf(stage, rng);
      stage.site(name).dieAtCall = 1 + rng.below(30);
      stage.end(name, spanOf(rng), (site) => site.kill());
    },
  },
  {
    name: 'hang',
    strike: (stage, rng) => {
      const { process } = stage.site(siteOf(stage, rng));
      if (process) process.hangsUntilMs = stage.world.scheduler.nowMs + spanOf(rng);
    },
  },
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

/** In the order of a common clock the primaries are on one host. */
function losePower(stage: Stage, rng: Rng): void {
  const { shape, world } = stage;
  const struck = siteOf(stage, rng);
  const isHost = shape.order === 'clock' && shape.primaries.includes(struck);
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

async function order(stage: Stage, what: string, asked: Promise<unknown>): Promise<void> {
  stage.orders.add(asked);
  const outcome = await asked.then(
    () => what,
    (error: unknown) => `${what}:${codeOf(error)}`,
  );
  stage.orders.delete(asked);
  stage.outcomes.push(outcome);
}

async function suspend(stage: Stage, rng: Rng): Promise<void> {
  const { site, volume } = rng.pick(stage.shape.members);
  const input = { pairs: [{ primary: volume }] };
  await order(stage, 'suspend', stage.site(site).ask('pair.suspend', input));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'resync', stage.site(site).ask('pair.resync', { ...input, discard: true }));
}

async function stop(stage: Stage, rng: Rng): Promise<void> {
  await order(stage, 'stop', stage.home.ask('session.stop', { session: SESSION }));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'start', stage.home.ask('session.start', { session: SESSION }));
}

async function resign(stage: Stage, rng: Rng): Promise<void> {
  const { shape, template } = stage;
  const system = refOf(template.places, rng.pick(shape.primaries));
  const input = { session: SESSION, system };
  await order(stage, 'resign', stage.site(rng.pick(shape.secondaries)).ask('session.resign', input));
  await stage.world.clock.sleep(spanOf(rng));
  if (stage.atPeace || rng.chance(0.2)) return;
  await order(stage, 'join', stage.site(rng.pick(shape.secondaries)).ask('session.join', input));
}
