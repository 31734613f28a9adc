import { defineConfig } from 'vitest/config';
import { plantedBug } from './test/planted/plugin.js';

export default defineConfig({
  plugins: plantedBug(process.env.COPYSET_PLANT),
  test: {
    include: ['test/**/*.test.ts'],
    // The end-to-end tests spawn bin/run.js, which runs dist/: it is bundled afresh before every run, so that no test is
    // green because of yesterday's build.
    globalSetup: process.env.COPYSET_SOURCES_ONLY ? [] : ['test/bundle.setup.ts'],
    disableConsoleIntercept: true,
    // What a dead process of the simulated world had under way ends nowhere, as it should.
    onUnhandledError: (error) => error.name !== 'WorldStopped',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real processes share a noisy machine with whatever else runs there. A simulated test fails again, whatever its seed did.
    retry: process.env.CI ? 1 : 0,
  },
});
