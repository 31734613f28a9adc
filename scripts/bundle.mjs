// Bundles the command line into dist/cli/: program.cjs holds every command and oclif, start.cjs compiles it with the code that
// an earlier run left behind and starts it (docs/decisions/0003-bundle.md, 0040-compiled-code-is-kept.md). The library's door and its
// types go to dist/library/.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import fastGlob from 'fast-glob';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What oclif loads at every start although it needs it for help, for a search without a manifest, or never. */
const LOADED_ON_FIRST_USE = [
  'ansi-escapes',
  'ansis',
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
  'supports-color',
  'tinyglobby',
  'widest-line',
  'wordwrap',
  'wrap-ansi',
  'node:child_process',
  'node:fs/promises',
  'node:perf_hooks',
  'node:readline',
];

/** Files of their own, because hardly a command needs them: the program is read whole at every start. */
const APART = ['cli-progress', 'yaml'];

/** Where a package reaches for another that it does not use here, but that costs milliseconds to load. */
const STAND_INS = [
  {
    // It prints nothing without DEBUG, and brings the terminal and the network with it.
    package: 'debug',
    of: '@oclif',
    contents: (path) => `
const quiet = () => Object.assign(() => {}, { enabled: false, extend: quiet });
module.exports = process.env.DEBUG ? require(${JSON.stringify(path)}) : quiet;`,
  },
  {
    // It tells whether this is Linux on Windows, and brings what is needed there.
    package: 'wsl-utils',
    of: '@oclif',
    contents: (path) => `
const isWsl = /microsoft/i.test(require('node:os').release());
module.exports = isWsl ? require(${JSON.stringify(path)}) : { isWsl };`,
  },
  {
    // The default of an option that we give ourselves (docs/decisions/0011-owner-record-in-a-link.md).
    package: 'graceful-fs',
    of: 'proper-lockfile',
    contents: () => `module.exports = require('node:fs');`,
  },
  {
    // It calls the library back when the process ends, to remove locks that we let stay.
    package: 'signal-exit',
    of: 'proper-lockfile',
    contents: () => 'module.exports = () => () => {};',
  },
];

/** Puts a stand-in before such a package, and notes in `apart` where the packages lie that become files of their own. */
const standIns = (apart) => ({
  name: 'stand-ins',
  setup(builder) {
    const resolve = (args) =>
      builder.resolve(args.path, { kind: args.kind, resolveDir: args.resolveDir, namespace: 'stand-in' });
    builder.onResolve({ filter: exactly(LOADED_ON_FIRST_USE) }, async (args) => {
      if (args.namespace === 'stand-in' || !args.importer.includes('@oclif')) return undefined;
      const { path } = await resolve(args);
      const isBuiltIn = path.startsWith('node:');
      if (!isBuiltIn) apart.set(args.path, path);
      return { path, namespace: 'stand-in', pluginData: onFirstUse(isBuiltIn ? path : fileOf(args.path)) };
    });
    builder.onResolve({ filter: exactly(APART) }, async (args) => {
      if (args.namespace === 'stand-in') return undefined;
      apart.set(args.path, (await resolve(args)).path);
      return { path: fileOf(args.path), external: true };
    });
    for (const { package: name, of, contents } of STAND_INS) {
      builder.onResolve({ filter: exactly([name]) }, async (args) => {
        if (args.namespace === 'stand-in' || !args.importer.includes(of)) return undefined;
        const { path } = await resolve(args);
        return { path, namespace: 'stand-in', pluginData: contents(path) };
      });
    }
    builder.onLoad({ filter: /.*/, namespace: 'stand-in' }, (args) => ({
      contents: args.pluginData,
      loader: 'js',
      resolveDir: root,
    }));
  },
});

/** Where such a package lies, as program.cjs asks for it. */
const fileOf = (name) => `./packages/${name}.cjs`;

const exactly = (names) => new RegExp(`^(${names.join('|')})$`);

const onFirstUse = (path) => `
let real;
const load = () => (real ??= require(${JSON.stringify(path)}));
module.exports = new Proxy(function () {}, {
  get: (_, key) => (key === '__esModule' ? false : load()[key]),
  apply: (_, self, args) => Reflect.apply(load(), self, args),
});`;

/** As the runtime wraps every CommonJS file. Here the bundler does it: text of this size is better not copied at each start. */
const WRAPPER = ['(function(exports,require,module,__filename,__dirname){"use strict";', '})'];

export async function bundle() {
  const files = (await fastGlob('src/commands/**/*.ts', { cwd: root })).sort();
  const ids = files.map((file) => file.slice('src/commands/'.length, -'.ts'.length).replaceAll('/', ':'));
  const apart = new Map();
  const program = await script('program', programOf(files, ids), {
    plugins: [standIns(apart)],
    define: { 'import.meta.url': '__fileUrl' },
    banner: { js: `${WRAPPER[0]}const __fileUrl = require('node:url').pathToFileURL(__filename).href;` },
    footer: { js: WRAPPER[1] },
  });
  const start = await script('start', startOf(ids), { banner: { js: '"use strict";' } });
  const packages = [...apart].map(([name, path]) =>
    script(`packages/${name}`, `module.exports = require('${path}');`, {}),
  );
  await replaceDist([withHash(program), start, ...(await Promise.all(packages)), library(), ...(await types())]);
}

/** What programs import; a test compares it with what the source exports. */
const LIBRARY = [
  'CopysetError',
  'ERROR_CODES',
  'applyTopology',
  'createSystem',
  'deleteSystem',
  'exportTopology',
  'isCopysetError',
  'openSystem',
];

/** The library's code lies in program.cjs beside the commands, which share the core with it; no oclif is run for it. */
const library = () => ({
  path: join(root, 'dist/library/copyset.js'),
  text: `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const file = fileURLToPath(new URL('../cli/program.cjs', import.meta.url));
const module = { exports: {} };
const program = new Script(readFileSync(file, 'latin1'), { filename: file }).runInThisContext();
program(module.exports, createRequire(file), module, file, dirname(file));
export const { ${LIBRARY.join(', ')} } = module.exports.library;
`,
});

/** The modules of the library that its users see, each by itself: what they say needs nothing else. */
const TYPED = ['api', 'copyset', 'errors'];

async function types() {
  const { default: ts } = await import('typescript');
  const declared = await Promise.all(
    TYPED.map(async (name) => {
      const fileName = join(root, `src/library/${name}.ts`);
      const { outputText, diagnostics } = ts.transpileDeclaration(await readFile(fileName, 'utf8'), { fileName });
      if (diagnostics?.length) throw new Error(ts.formatDiagnostics(diagnostics, formatHost));
      return { path: join(root, `dist/library/${name}.d.ts`), text: outputText };
    }),
  );
  return [...declared, { path: join(root, 'dist/library/error-codes.d.ts'), text: await errorCodes() }];
}

const formatHost = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };

/** The codes are a list of the core; its users get it written out. */
async function errorCodes() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/library/error-codes.ts'],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
    logLevel: 'error',
  });
  const module = { exports: {} };
  new Function('module', 'exports', outputFiles[0].text)(module, module.exports);
  const codes = module.exports.ERROR_CODES.map((code) => `'${code}'`).join(' | ');
  return `/** Every code that an error of copyset can have; docs/reference/errors.md says what each means. */
export declare const ERROR_CODES: readonly ErrorCode[];
export type ErrorCode = ${codes};
`;
}

/** Each command is run when it is first asked for. */
const programOf = (files, ids) => `
exports.main = (...args) => require('./src/cli/run.ts').main(...args);
Object.defineProperty(exports, 'library', { get: () => require('./src/library/copyset.ts') });
exports.commands = {
${files.map((file, i) => `  get '${ids[i]}'() { return require('./${file}').default; },`).join('\n')}
};`;

const startOf = (ids) => `
const { join } = require('node:path');
const { compileProgram } = require('./src/platform/compile-program.ts');
const program = (argv) => compileProgram(join(__dirname, 'program.cjs'), ${JSON.stringify(ids)}, argv);
exports.start = (argv) => {
  const { main, commands } = program(argv);
  return main(argv, { commands });
};
// For oclif, which makes the manifest of them.
Object.defineProperty(exports, 'commands', { enumerable: true, get: () => program([]).commands });`;

async function script(name, contents, options) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, sourcefile: `${name}.js` },
    outfile: `dist/cli/${name}.cjs`,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // start.cjs reads the other script as Latin-1, which is quicker and the same for ASCII.
    charset: 'ascii',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // A native addon stays a package of its own; TypeScript is asked for only by a part of oclif that is switched off.
    external: ['@node-rs/crc32', 'typescript', './packages/*'],
    // A script that is compiled by hand has no loader of ES modules; what stays outside is CommonJS or built in.
    supported: { 'dynamic-import': false },
    logLevel: 'error',
    write: false,
    ...options,
  });
  return outputFiles[0];
}

/** The hash names what was compiled from this file. */
function withHash({ path, text }) {
  return { path, text: `/*${createHash('sha256').update(text).digest('hex').slice(0, 16)}*/${text}` };
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
  for (const old of await fastGlob('dist/**/*.{js,cjs}', { cwd: root })) {
    const path = join(root, old);
    if (!made.has(path)) await rm(path, { force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await bundle();
