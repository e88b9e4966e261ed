import { defineConfig } from "vitest/config";

/** Three kinds of test, one command. `l8nt-source` resolves the packages to their TypeScript, so no build comes first. */
export default defineConfig({
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
  },
});
