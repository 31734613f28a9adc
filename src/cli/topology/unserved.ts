import { parseAddress } from '../../core/volume/volume.js';
import type { Toolkit } from '../open-toolkit.js';
import { isServing } from '../pair-command.js';
import type { DesiredTopology } from './desired.js';

/** Groups and sessions that are started go on by themselves only where somebody serves their systems. */
export async function unservedNotes(toolkit: Toolkit, desired: DesiredTopology): Promise<string[]> {
  const idle: string[] = [];
  for (const name of [...systemsAtWork(desired)].sort()) {
    const place = await toolkit.find(name);
    const { controller } = await toolkit.read(
      place,
      async (reader) => (await reader.request('system.show')).output.system,
    );
    if (!isServing(controller)) idle.push(name);
  }
  if (idle.length === 0) return [];
  return [
    `Nobody serves ${idle.join(', ')}: what is started there goes on with "copyset serve ${idle.join(' ')}" or copier run.`,
  ];
}

function systemsAtWork({ groups, sessions, pairs }: DesiredTopology): ReadonlySet<string> {
  const started = sessions.filter((session) => session.started).map(({ name }) => name);
  const streams = pairs.filter(({ session }) => session !== undefined && started.includes(session));
  const running = groups.filter((group) => group.started);
  return new Set([
    ...running.flatMap(({ master, members }) => [
      master,
      ...members.map(({ primary }) => parseAddress(primary).system),
    ]),
    ...streams.flatMap(({ primary, secondary }) => [parseAddress(primary).system, parseAddress(secondary).system]),
  ]);
}
