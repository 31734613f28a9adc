import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { BUGS, type PlantedBug } from './bugs.js';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** The code with the bug in it. Throws where the bug's text is not there exactly once. */
export function planted(bug: PlantedBug, code: string): string {
  const pieces = code.split(bug.find);
  if (pieces.length !== 2) {
    throw new Error(`bug ${bug.id}: its text stands ${pieces.length - 1} times in ${bug.file}, not once:\n${bug.find}`);
  }
  return pieces.join(bug.replace);
}

/** The source as it is, for the check that every bug can be planted. */
export function sourceOf(bug: PlantedBug): string {
  return existsSync(`${top}${bug.file}`) ? readFileSync(`${top}${bug.file}`, 'utf8') : '';
}

/** Plants the bug that `COPYSET_PLANT` names while the tests load the sources; the files stay as they are. */
export function plantedBug(id: string | undefined): Plugin[] {
  if (id === undefined || id === '') return [];
  const bug = BUGS.find((candidate) => candidate.id === id);
  if (bug === undefined) throw new Error(`there is no planted bug ${id}`);
  const path = `${top}${bug.file}`;
  return [
    {
      name: 'planted-bug',
      enforce: 'pre',
      transform: (code, module) =>
        module.split('?')[0] === path ? { code: planted(bug, code), map: null } : undefined,
    },
  ];
}
