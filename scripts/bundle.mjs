// Bundles the command line into dist/: one small file per command, shared code in chunks, oclif included. Loading oclif
// from node_modules costs about 40 ms more at every start than loading it bundled (docs/decisions/0003-bundle.md).
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import fastGlob from 'fast-glob';

const root = fileURLToPath(new URL('..', import.meta.url));

/** CommonJS dependencies inside the ES modules of the bundle still ask for `require`. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** What oclif loads at every start although it needs it for help, for a search without a manifest, or never. */
const LOADED_ON_FIRST_USE = [
  'ansi-escapes',
  'clean-stack',
  'cli-spinners',
  'ejs',
  'get-package-type',
  'indent-string',
  'lilconfig',
  'minimatch',
  'semver',
  'string-width',
  'strip-ansi',
  'tinyglobby',
  'widest-line',
  'wordwrap',
  'wrap-ansi',
];

/** Puts a stand-in before such a package: the package itself runs when one of its functions is first asked for. */
const loadOnFirstUse = {
  name: 'load-on-first-use',
  setup(builder) {
    const filter = new RegExp(`^(${LOADED_ON_FIRST_USE.join('|')})$`);
    builder.onResolve({ filter }, async (args) => {
      if (args.namespace === 'first-use' || !args.importer.includes('@oclif')) return undefined;
      const found = await builder.resolve(args.path, {
        kind: args.kind,
        resolveDir: args.resolveDir,
        namespace: 'first-use',
      });
      return { path: found.path, namespace: 'first-use' };
    });
    builder.onLoad({ filter: /.*/, namespace: 'first-use' }, (args) => ({
      contents: standIn(args.path),
      loader: 'js',
      resolveDir: root,
    }));
  },
};

const standIn = (path) => `
let real;
const load = () => (real ??= require(${JSON.stringify(path)}));
module.exports = new Proxy(function () {}, {
  get: (_, key) => (key === '__esModule' ? false : load()[key]),
  apply: (_, self, args) => Reflect.apply(load(), self, args),
});`;

export async function bundle() {
  const commands = await fastGlob('src/commands/**/*.ts', { cwd: root });
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/run.ts', ...commands],
    outbase: 'src',
    outdir: 'dist',
    entryNames: '[dir]/[name]',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // A native addon stays a package of its own; TypeScript is asked for only by a part of oclif that is switched off.
    external: ['@node-rs/crc32', 'typescript'],
    banner: { js: REQUIRE },
    plugins: [loadOnFirstUse],
    logLevel: 'warning',
    write: false,
  });
  await replaceDist(outputFiles);
}

/** Writes only what changed, each file at once: another test run may be starting commands from dist/ at this moment. */
async function replaceDist(files) {
  for (const { path, text } of files) {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue;
    await mkdir(dirname(path), { recursive: true });
    const beside = `${path}.${process.pid}.tmp`;
    await writeFile(beside, text);
    await rename(beside, path);
  }
  const made = new Set(files.map((file) => file.path));
  for (const old of await fastGlob('dist/**/*.js', { cwd: root })) {
    const path = join(root, old);
    if (!made.has(path)) await rm(path, { force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await bundle();
