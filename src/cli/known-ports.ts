import { failure, type ToolkitError } from '../core/foundation/foundation.js';
import { quoted } from '../core/volume/volume.js';
import { readSystems } from './listed.js';
import type { Toolkit } from './open-toolkit.js';

/** Throws `port-not-found` where no system below the roots, or meant by the patterns, has such a port: nothing would ever be listed. */
export async function demandPort(toolkit: Toolkit, patterns: readonly string[], port: string | undefined) {
  if (port === undefined) return;
  for (const where of patterns.length === 0 ? [[]] : [patterns, []]) {
    const { rows } = await readSystems(
      toolkit,
      where,
      async (reader) => (await reader.request('port.list')).output.ports,
    );
    if (rows.some(({ name }) => name === port)) return;
  }
  throw portNotFound(port);
}

export function portNotFound(port: string): ToolkitError {
  return failure('port-not-found', `There is no port ${quoted(port)}.`, 'copyset port list shows the ports.');
}
