// Writes oclif.manifest.json: what help and dispatch know of every command without loading it. It is made from the
// bundle, so bundle first. With --check it only says whether the committed file is fresh.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Plugin } from '@oclif/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = new URL('../oclif.manifest.json', import.meta.url);

async function makeManifest() {
  const plugin = new Plugin({
    root,
    isRoot: true,
    ignoreManifest: true,
    errorOnManifestCreate: true,
    respectNoCacheDefault: true,
  });
  await plugin.load();
  const commands = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ ...plugin.manifest, commands }, null, 2)}\n`;
}

/** Returns whether the file was fresh before. */
export async function writeManifest({ check = false } = {}) {
  const [made, old] = await Promise.all([makeManifest(), readFile(file, 'utf8').catch(() => '')]);
  if (made !== old && !check) await writeFile(file, made);
  return made === old;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const check = process.argv.includes('--check');
  const fresh = await writeManifest({ check });
  if (check && !fresh) {
    console.error('oclif.manifest.json is stale: run `npm run build` and commit it.');
    process.exitCode = 1;
  }
}
