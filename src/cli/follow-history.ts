import type { HistoryEvent } from '../core/controller/controller.js';
import { EXIT } from './exit-codes.js';
import { nowMs } from './now.js';
import { outputClosed, print, printJson } from './output.js';
import { historyLine } from './render/history.js';
import type { Outcome } from './toolkit-command.js';
import { rest } from './until.js';

const LOOK_MS = 500;

/** Prints events as they come, until interrupted: a line each, or one JSON object each. */
export async function followEvents(
  look: () => Promise<readonly HistoryEvent[]>,
  options: { readonly signal: AbortSignal; readonly json: boolean },
): Promise<Outcome> {
  const told = new Set<string>();
  while (!options.signal.aborted && !outputClosed()) {
    for (const event of await look()) {
      const key = `${event.system} ${event.id} ${event.phase} ${event.time}`;
      if (told.has(key)) continue;
      told.add(key);
      if (options.json)
        printJson({ schemaVersion: 1, asOf: new Date(nowMs()).toISOString(), events: [event] }, { line: true });
      else print(historyLine(event));
    }
    await rest(LOOK_MS, options.signal);
  }
  return { data: {}, exitCode: EXIT.interrupted };
}
