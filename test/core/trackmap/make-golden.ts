/** Writes fixtures/format-1; run by hand once, when a format is born: `npx tsx test/core/trackmap/make-golden.ts`. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { GOLDEN_FOLDER, makeGolden } from './golden.js';

mkdirSync(GOLDEN_FOLDER, { recursive: true });
for (const [name, bytes] of await makeGolden()) {
  const path = new URL(name, GOLDEN_FOLDER);
  if (existsSync(path)) throw new Error(`${path.pathname} is there; golden files are never made anew`);
  writeFileSync(path, bytes);
}
