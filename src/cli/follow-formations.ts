import type { SystemClient } from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import type { FormationAnswer } from '../core/group/group.js';
import { groupOutcome } from './group-outcomes.js';
import { nowMs } from './now.js';
import { print, printJson } from './output.js';
import { copierOf } from './pair-command.js';
import { formationText } from './render/formations.js';
import { formatTime } from './render/times.js';
import type { Outcome } from './toolkit-command.js';

/**
 * `cg start --continuous`: the group runs, durably. Where a server or copier owns the master it forms there and this command ends;
 * else it forms here, in the foreground, and each formation is told until the group is stopped or somebody interrupts.
 */
export async function followFormations(
  client: SystemClient,
  group: string,
  { signal, quiet, json }: { readonly signal: AbortSignal; readonly quiet: boolean; readonly json: boolean },
): Promise<Outcome> {
  const started = (await client.request('cg.run', { group })).output;
  const owner = await copierOf(client);
  if (owner) return groupOutcome(started, 'runs', [`${owner.purpose} (pid ${owner.pid}) forms it.`]);
  const tell = (answer: FormationAnswer): void => {
    const now = nowMs();
    if (quiet) return;
    if (json) printJson({ schemaVersion: 1, asOf: new Date(now).toISOString(), ...answer }, { line: true });
    else print(`${formatTime(now)}  ${formationText(answer)}`);
  };
  const onProgress = ({ formation }: { readonly formation?: FormationAnswer | undefined }): void => {
    if (formation) tell(formation);
  };
  try {
    const ended = (await client.request('cg.follow', { group }, { signal, onProgress })).output;
    return groupOutcome({ group: ended.group, outcome: 'done' }, 'is no longer formed here');
  } catch (error) {
    if (!signal.aborted && !isToolkitError(error, 'interrupted')) throw error;
    const note = `Group ${group} keeps running: whoever owns its master forms it. copyset cg stop ${group} ends that.`;
    return { data: {}, notes: [note] };
  }
}
