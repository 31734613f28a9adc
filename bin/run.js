#!/usr/bin/env node
// CommonJS, by the package.json beside it: the loader of ES modules alone costs milliseconds at every start.
let program;
try {
  program = require('../dist/cli/start.cjs');
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
  console.error('copyset: this checkout has not been built yet. Build it with: npm ci && npm run build');
  process.exit(1);
}
program.start(process.argv.slice(2));
