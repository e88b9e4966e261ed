import { defineConfig } from "vitest/config";

/**
 * Apart from the other tests: these frameworks are installed beside them, not with everything else.
 * `npm run test:frameworks`.
 */
export default defineConfig({
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
  test: {
    name: "frameworks",
    root: import.meta.dirname,
    include: ["*.test.ts"],
    setupFiles: ["../../scripts/canary-setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
