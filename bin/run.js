#!/usr/bin/env node
// CommonJS, by the package.json beside it: the loader of ES modules alone costs milliseconds at every start.
require('../dist/cli/start.cjs').start(process.argv.slice(2));
