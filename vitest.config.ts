import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { plantedBug } from './test/planted/plugin.js';

/** These measure time on the real clock, or take the machine to its limits: beside another file they would say something else. */
const ALONE = [
  'test/core/trackmap/map-file.test.ts',
  'test/e2e/hosts-*.test.ts',
  'test/e2e/{bad-input-mounts,cli-signals,image-huge,nbd-clients,output-taken,process-serving,remote-kill,session-order,sync-pair}.test.ts',
  'test/e2e/postgres*.test.ts',
  'test/platform/{lockfile-owners,wakefulness}.test.ts',
  'test/simulation/world/world.test.ts',
];

const plugins = plantedBug(process.env.COPYSET_PLANT);

const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Real processes share a noisy machine with whatever else runs there. A simulated test fails again, whatever its seed did.
  retry: process.env.CI || process.env.COPYSET_TEST_RETRY ? 1 : 0,
};

export default defineConfig({
  plugins,
  test: {
    // The end-to-end tests spawn bin/run.js, which runs dist/: it is bundled afresh before every run, so that no test is
    // green because of yesterday's build. Here, and not in what the projects share, it is done once.
    globalSetup: process.env.COPYSET_SOURCES_ONLY ? [] : ['test/bundle.setup.ts'],
    disableConsoleIntercept: true,
    // What a dead process of the simulated world had under way ends nowhere, as it should.
    onUnhandledError: (error) => error.name !== 'WorldStopped',
    projects: [
      {
        plugins,
        test: {
          ...common,
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          // Every test has folders and sockets of its own. Vitest by itself would leave one of two processors idle.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      { plugins, test: { ...common, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
