/**
 * Runs a set of the tests, and searches everything that they print for credentials (the canary).
 * `node scripts/test.ts SET [ARGUMENTS]`: vitest gets the arguments. The last line is
 * `N passed, N failed`.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Folder, install } from "./folders.ts";
import { canary, type Part, printParts, runLogged } from "./logged.ts";
import { type Command, node20Command } from "./node20.ts";

const root = resolve(import.meta.dirname, "..");

/** The projects of vitest.config.ts that need more than the root install. */
const folderOf: Readonly<Record<string, Folder>> = {
  runtimes: "runtimes",
  frameworks: "frameworks",
  net: "net",
  peers: "peers",
  postgres: "peers",
  vendors: "vendors",
};
interface TestSet {
  readonly projects: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whether the library's unit tests run on Node 20 as well. */
  readonly node20?: true;
  /** Why this machine cannot run it, which is no failure. */
  readonly whyNot?: () => Promise<string | undefined>;
}

const sets: Readonly<Record<string, TestSet>> = {
  quick: { projects: ["unit"], env: { SIGIL_QUICK: "1", SIGIL_LAW_RUNS: "500" } },
  main: { projects: ["unit", "e2e"] },
  all: {
    projects: [
      ...["unit", "e2e", "long", "proxies"],
      ...Object.keys(folderOf).filter((name) => name !== "net"),
    ],
    node20: true,
  },
  node20: { projects: [], node20: true },
  long: { projects: ["long"] },
  runtimes: { projects: ["runtimes"] },
  frameworks: { projects: ["frameworks"] },
  peers: { projects: ["peers", "postgres"] },
  vendors: { projects: ["vendors"] },
  proxies: { projects: ["proxies"] },
  net: {
    projects: ["net"],
    whyNot: async () => (await import("../test/net/support/possible.ts")).whyNot(),
  },
};

// One folder a run: two people may test one tree.
const output = join(root, ".cache/test", String(process.pid));

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/** The environment without what a test run around this one has set. */
function cleanEnv(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (/^(?:VITEST|NODE_ENV$|TEST$|SIGIL_TEST_OUTPUT$)/.test(name)) delete env[name];
  return env;
}

/** Runs one vitest and reads its report. */
async function run(name: string, { file, args, env }: Command): Promise<Part> {
  const report = join(output, `${name}.json`);
  const log = join(output, `${name}.log`);
  const childOutput = join(output, `${name}-children`);
  mkdirSync(childOutput, { recursive: true });
  console.log(`\n── ${name}`);
  const reporting = [
    "--allowOnly=false",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const status = await runLogged(
    {
      file,
      args: [...args, ...reporting],
      env: {
        ...env,
        SIGIL_TEST_OUTPUT: childOutput,
        ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}),
      },
    },
    { log, cwd: root },
  );

  let counted: Report = {
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
  };
  try {
    counted = JSON.parse(readFileSync(report, "utf8")) as Report;
  } catch {
    console.error(`${name}: vitest wrote no report`);
  }
  // A file that does not load has no test that could fail, and an unhandled error belongs to none.
  const failed = Math.max(counted.numFailedTests, status === 0 ? 0 : 1);
  return {
    name,
    passed: counted.numPassedTests,
    failed,
    skipped: counted.numPendingTests + counted.numTodoTests,
  };
}

if (Number(process.versions.node.split(".")[0]) < 24)
  throw new Error(
    `The tests run on Node 24, this is ${process.version}. Run them through npm: npm test`,
  );

const [name = "main", ...args] = process.argv.slice(2);
const set = sets[name];
if (set === undefined)
  throw new Error(`there is no set of tests "${name}"; sets: ${Object.keys(sets).join(", ")}`);
const whyNot = await set.whyNot?.();
if (whyNot !== undefined) {
  console.error(`*** NOT RUN: ${name}: ${whyNot} ***`);
  console.log("\n0 passed, 0 failed");
  process.exit();
}
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });

const parts: Part[] = [];
/** Installs what a part needs. Without it the part does not run, which is a failure in CI alone. */
function isReady(part: string, folder: Folder | undefined): boolean {
  if (folder === undefined || install(folder)) return true;
  console.error(`*** NOT RUN: ${part} ***`);
  parts.push({ name: `${part}, NOT RUN`, passed: 0, failed: process.env.CI ? 1 : 0, skipped: 0 });
  return false;
}

/** `npm test -- FILTER` looks for the filter in every project, installing only what it needs. */
const everywhere = name === "main" && args.length > 0;
const ready = everywhere
  ? set.projects
  : set.projects.filter((project) => isReady(project, folderOf[project]));
if (ready.length > 0)
  parts.push(
    await run(name, {
      file: process.execPath,
      args: [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        ...(everywhere ? [] : ready.map((project) => `--project=${project}`)),
        ...args,
      ],
      env: { ...cleanEnv(), ...set.env },
    }),
  );
if (set.node20 && isReady("node20", "runtimes"))
  parts.push(await run("node20", node20Command(name === "node20" ? args : [])));
parts.push(canary(output, root));

if (printParts(parts)) rmSync(output, { recursive: true, force: true });
else process.exitCode = 1;
