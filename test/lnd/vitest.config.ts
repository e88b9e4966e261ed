import { defineConfig } from "vitest/config";

/** Apart from the other tests: lnd takes Go and some minutes to build. `npm run test:lnd`. */
export default defineConfig({
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
  test: {
    name: "lnd",
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: ["support/setup.ts"],
    setupFiles: ["../../scripts/canary-setup.ts"],
    // One network for all of them, and nobody else's payments in the way.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
