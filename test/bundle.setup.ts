import { rm } from 'node:fs/promises';
import { bundle } from '../scripts/bundle.mjs';
import { writeManifest } from '../scripts/manifest.mjs';

/**
 * Builds what the end-to-end tests spawn. Type checking is a step of its own (`npm run check`). Where the source cannot be
 * bundled, yesterday's dist/ goes away: then the tests which spawn it fail, and the others still say what they know.
 */
export default async function setup(): Promise<void> {
  try {
    await bundle();
    await writeManifest();
  } catch (error) {
    await rm(new URL('../dist', import.meta.url), { recursive: true, force: true });
    console.error('dist/ could not be built; every test that runs the program will fail.', error);
  }
}
