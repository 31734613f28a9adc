import type { SystemClient } from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import type { ApplyAnswer } from '../core/session/session.js';
import { nowMs } from './now.js';
import { print, printJson } from './output.js';
import { applyText } from './render/session-deeds.js';
import { formatTime } from './render/times.js';
import { applyOutcome } from './session-outcomes.js';
import type { Outcome } from './toolkit-command.js';

/** `checkpoint apply --follow`: each checkpoint that the secondaries come to is told, until somebody interrupts. */
export async function followApplying(
  client: SystemClient,
  input: { readonly session: string; readonly instant?: boolean | undefined },
  { signal, quiet, json }: { readonly signal: AbortSignal; readonly quiet: boolean; readonly json: boolean },
): Promise<Outcome> {
  const tell = (answer: ApplyAnswer): void => {
    const now = nowMs();
    if (quiet) return;
    if (json) printJson({ schemaVersion: 1, asOf: new Date(now).toISOString(), ...answer }, { line: true });
    else print(`${formatTime(now)}  ${applyText(answer)}`);
  };
  const onProgress = ({ applied }: { readonly applied?: ApplyAnswer | undefined }): void => {
    if (applied) tell(applied);
  };
  try {
    const ended = await client.request('session.apply', { ...input, follow: true }, { signal, onProgress });
    return applyOutcome(ended.output);
  } catch (error) {
    if (!signal.aborted && !isToolkitError(error, 'interrupted')) throw error;
    return { data: {} };
  }
}
