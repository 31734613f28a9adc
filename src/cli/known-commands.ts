import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core/config';
import type { KnownCommand } from './completion/candidates.js';
import { PACKAGE } from './package.js';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

/** All commands as the manifest has them, none of them loaded. */
export async function knownCommands(): Promise<readonly KnownCommand[]> {
  const pjson = structuredClone(PACKAGE) as unknown as NonNullable<ConstructorParameters<typeof Config>[0]['pjson']>;
  const config = await Config.load({ root: TOP, pjson });
  return config.commands as unknown as readonly KnownCommand[];
}
