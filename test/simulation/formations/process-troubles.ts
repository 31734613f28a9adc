import { type Keep, type Rng, WorldStopped } from '../world/world.js';
import type { ScheduleStage } from './schedule-stage.js';

/** One thing that goes wrong, or that a person does, at a moment of a schedule. */
export interface Trouble<Stage> {
  readonly name: string;
  strike(stage: Stage, rng: Rng): void;
}

/** What a loss of power may leave of what was not flushed. */
export const KEEPS: readonly Keep[] = ['none', 'all', 'random'];

export function spanOf(rng: Rng): number {
  return rng.pick([5, 40, 200, 1_500]) * (0.5 + rng.unit());
}

/** What happens to the process of a system wherever it is. */
export function processTroubles<Stage extends ScheduleStage>(
  siteOf: (stage: Stage, rng: Rng) => string,
): readonly Trouble<Stage>[] {
  return [
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
        process?.hangUntil(stage.world.scheduler.nowMs + spanOf(rng));
      },
    },
  ];
}
