import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** What this process and all its children that have ended used of a processor. On a machine with other work this tells more than the time. */
export function processorSeconds(): number {
  const [user = 0, system = 0, usersOfChildren = 0, systemOfChildren = 0] = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return (user + system + usersOfChildren + systemOfChildren) / TICKS_PER_SECOND;
}
