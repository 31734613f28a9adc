import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The end-to-end tests spawn bin/run.js, which runs dist/: it is bundled afresh before every run, so that no test is
    // green because of yesterday's build.
    globalSetup: ['test/bundle.setup.ts'],
    disableConsoleIntercept: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
