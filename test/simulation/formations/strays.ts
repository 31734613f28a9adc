import { WorldStopped } from '../world/world.js';
import type { ScheduleStage } from './schedule-stage.js';

/** The schedule that is running. */
let running: ScheduleStage | undefined;
let isListening = false;

/** Rejections that nobody looks at: those of dead processes are theirs, also after the schedule; any other is a fault of ours. */
export function catchStrays(stage: ScheduleStage): void {
  running = stage;
  if (isListening) return;
  isListening = true;
  process.on('unhandledRejection', (error) => {
    if (!(error instanceof WorldStopped)) running?.fail(error);
  });
}
