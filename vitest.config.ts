import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Only `npm run test:node20` runs the tests on an older Node. Everything else by mistake.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24 && process.env.SIGIL_NODE20 === undefined)
  throw new Error(
    `The tests run on Node 24, this is ${process.version}. Run them through npm: npm test`,
  );

/** What every project has. */
const common = {
  // Resolves the packages to their TypeScript, so that no build comes first.
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
};
const setupFiles = ["scripts/canary-setup.ts"];
const never = ["**/node_modules/**", "**/fixtures/**"];
/** Tests that start processes, servers or frameworks. */
const heavy = { setupFiles, testTimeout: 120_000, hookTimeout: 120_000 };

/** Unit tests that take seconds, wait, or open servers: `npm run test:quick` leaves them out. */
const slow = [
  // It counts calls of a module that it replaces, so it needs modules of its own.
  "packages/l8nt/src/l402/revocation-cache.law.test.ts",
  "scripts/**",
  "packages/sigil/**",
  "packages/l8nt/src/{middleware,node,wallets}/**",
  "packages/l8nt/src/l402/tampering.property.test.ts",
  "packages/l8nt/src/receipt/export.property.test.ts",
  "packages/l8nt/src/stores/sqlite*.test.ts",
];
const quick = process.env.SIGIL_QUICK !== undefined;
const onNode20 = process.env.SIGIL_NODE20 !== undefined;
/** What `npm test` leaves to `npm run test:all`: minutes of crashes, days, tutorials. */
const long = [
  "test/crash/**/*.test.ts",
  "test/simulation/**/*.test.ts",
  "test/links/table.test.ts",
  "test/e2e/demo.test.ts",
  "test/docs/tutorials.test.ts",
];
/** Folders whose tests need more than the root install; the ones with lnd have a command. */
const apart = [
  ...["frameworks", "lnd", "net", "peers", "postgres", "proxies", "runtimes", "vendors"],
];

/**
 * `unit` lives beside its source, everything else under `test/`. scripts/test.ts says which command
 * runs which projects.
 */
export default defineConfig({
  test: {
    // Many tests wait for another process: on two cores, one worker would leave both idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        ...common,
        test: {
          name: "unit",
          // The program and the scripts need Node 24.
          include: onNode20
            ? ["packages/l8nt/src/**/*.test.ts"]
            : ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: quick ? [...never, ...slow] : never,
          // Loading the modules again for each file is a third of the time.
          isolate: !quick,
          setupFiles,
          testTimeout: 60_000,
        },
      },
      {
        ...common,
        test: {
          ...heavy,
          name: "e2e",
          include: ["test/**/*.test.ts"],
          exclude: [...never, ...long, ...apart.map((folder) => `test/${folder}/**`)],
        },
      },
      {
        ...common,
        test: { ...heavy, name: "long", include: long, exclude: never, testTimeout: 900_000 },
      },
      // The setup of a project installs its folder. It runs only if one of the project's tests
      // does.
      ...["frameworks", "peers", "runtimes", "vendors"].map((folder) => ({
        ...common,
        test: {
          ...heavy,
          name: folder,
          include: [`test/${folder}/**/*.test.ts`],
          exclude: never,
          globalSetup: [`test/${folder}/setup.ts`],
        },
      })),
      {
        ...common,
        test: {
          ...heavy,
          name: "net",
          include: ["test/net/**/*.test.ts"],
          exclude: never,
          // Makes one small internet for all of them, so one file runs after the other.
          globalSetup: ["test/net/setup.ts"],
          fileParallelism: false,
        },
      },
      {
        ...common,
        test: {
          ...heavy,
          name: "proxies",
          testTimeout: 20_000,
          include: ["test/proxies/**/*.test.ts"],
          exclude: never,
        },
      },
      {
        ...common,
        test: {
          ...heavy,
          name: "postgres",
          include: ["test/postgres/**/*.test.ts"],
          exclude: never,
          // Starts one server for all of them.
          globalSetup: ["test/postgres/support/setup.ts"],
        },
      },
    ],
  },
});
