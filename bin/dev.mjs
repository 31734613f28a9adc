#!/usr/bin/env node
// Runs the command line from source: commands are found in src/commands, and the manifest and dist/ are left alone.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../src/cli/run.ts');
await main(process.argv.slice(2), { fromSource: true });
