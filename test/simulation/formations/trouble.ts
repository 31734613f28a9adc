import { CRASH_STEPS } from '../../../src/core/controller/controller.js';
import type { Rng } from '../world/world.js';
import { KEEPS, processTroubles, spanOf, type Trouble } from './process-troubles.js';
import type { Stage } from './stage.js';
import { originsOf } from './topology.js';

/** Steps that a schedule can die at. */
export const STEPS: readonly string[] = [
  ...CRASH_STEPS.filter((step) => /^(formation|group|send|receive|aside|half|save|region|split)\./.test(step)),
  'designation.fenced',
  'designation.settled',
  'designation.done',
];

const STEPS_OF_THREE: readonly string[] = [...STEPS, ...CRASH_STEPS.filter((step) => step.startsWith('mirror.'))];

const PICKS = ['any', 'any', 'primary', 'remote', 'master'] as const;

function siteOf(stage: Stage, rng: Rng): string {
  const { primaries, remotes, master, members } = stage.shape;
  const pick = rng.pick(PICKS);
  if (pick === 'master') return master;
  if (pick === 'primary') return rng.pick([...primaries, ...originsOf(members)]);
  return rng.pick(pick === 'remote' ? remotes : [...stage.sites.keys()]);
}

export const TROUBLES: readonly Trouble<Stage>[] = [
  {
    name: 'kill',
    strike: (stage, rng) => stage.end(siteOf(stage, rng), spanOf(rng), (site) => site.kill()),
  },
  {
    name: 'power',
    strike: (stage, rng) =>
      stage.end(siteOf(stage, rng), spanOf(rng), (site) => site.losePower(rng.fork(), rng.pick(KEEPS))),
  },
  {
    name: 'crash at a step',
    strike: (stage, rng) => {
      const steps = originsOf(stage.shape.members).length > 0 ? STEPS_OF_THREE : STEPS;
      stage.dieAtStep(siteOf(stage, rng), rng.pick(steps), 1 + rng.below(3), spanOf(rng));
    },
  },
  ...processTroubles<Stage>(siteOf),
  {
    name: 'weather',
    strike: (stage, rng) => {
      const { weather } = stage.world.network;
      const lateMs = rng.pick([10, 100, 3_000]);
      weather.chances = {
        lost: rng.pick([0, 0, 0.02, 0.1]),
        late: rng.pick([0, 0.2, 0.5]),
        lateMs,
        repeated: rng.pick([0, 0.2]),
      };
      stage.after(spanOf(rng) * 3, () => weather.clear());
    },
  },
  {
    name: 'partition',
    strike: (stage, rng) => {
      const [one, other] = [siteOf(stage, rng), siteOf(stage, rng)];
      stage.world.network.weather.part(one, other);
      stage.after(spanOf(rng), () => stage.world.network.weather.join(one, other));
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
  {
    name: 'backup full',
    strike: (stage, rng) => {
      const { files } = stage.site(rng.pick(stage.shape.remotes));
      files?.plan({
        call: 'write',
        nth: 1 + rng.below(3),
        fault: 'no-space',
        path: '-backup',
        sticky: rng.chance(0.7),
      });
      stage.after(spanOf(rng), () => files?.clear());
    },
  },
  {
    name: 'save area full',
    strike: (stage, rng) => {
      const { files } = stage.site(rng.pick(stage.shape.primaries));
      files?.plan({ call: 'write', nth: 1 + rng.below(3), fault: 'no-space', path: '/save/', sticky: rng.chance(0.7) });
      stage.after(spanOf(rng), () => files?.clear());
    },
  },
  { name: 'moment', strike: (stage, rng) => stage.takeMoment(rng) },
];
