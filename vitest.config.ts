import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// The one run on an older Node is `npm run test:node20`, which says so. Any other would be a suite
// that nobody meant to run.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24 && process.env.SIGIL_NODE20 === undefined)
  throw new Error(
    `The tests run on Node 24, this is ${process.version}. Run them through npm: npm test`,
  );

// `l8nt-source` resolves the packages to their TypeScript, so no build comes first.
const fromSource = {
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
};

/** Two kinds of test, one command: `unit` lives beside its source, `e2e` under `test/`. */
export default defineConfig({
  test: {
    // Many tests wait for a clock or another process: on two cores, one worker would leave both
    // idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        ...fromSource,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/fixtures/**"],
          setupFiles: ["scripts/canary-setup.ts"],
          testTimeout: 60_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: "e2e",
          include: ["test/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "**/fixtures/**",
            "test/frameworks/**",
            "test/postgres/**",
            "test/lnd/**",
          ],
          setupFiles: ["scripts/canary-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: "postgres",
          include: ["test/postgres/**/*.test.ts"],
          // One server for all of them; none where none of them is run.
          globalSetup: ["test/postgres/support/setup.ts"],
          setupFiles: ["scripts/canary-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
