/**
 * Tests the Python package as its users install it: builds the wheel, installs it in environments
 * of its own, and runs ruff, pyright and pytest there; then the core's tests with every other
 * Python of this machine, and each framework's with that framework.
 * `node scripts/python/test.ts [ENVIRONMENT] [-- PYTEST ARGUMENTS]`, such as `core`, `core-3.12` or
 * `langchain`. The last line is `N passed, N failed`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { canary, type Part, printParts, runLogged } from "../logged.ts";
import { Environment } from "./environment.ts";
import { type Interpreter, mainInterpreter, otherInterpreters } from "./interpreters.ts";
import { countReport } from "./reports.ts";
import { type Built, buildPackage } from "./wheel.ts";

const root = resolve(import.meta.dirname, "../..");
const source = join(root, "clients/python");
const requirements = join(source, "requirements");
const cache = join(root, ".cache/python");
const output = join(root, ".cache/test", `python-${process.pid}`);

/** Frameworks that send what they did to their makers are told not to. */
const QUIET = {
  ANONYMIZED_TELEMETRY: "false",
  CREWAI_DISABLE_TELEMETRY: "true",
  CREWAI_DISABLE_TRACKING: "true",
  CREWAI_TRACING_ENABLED: "false",
  DO_NOT_TRACK: "1",
  OTEL_SDK_DISABLED: "true",
};

/** This Node first on the path, and nothing of a person's own settings. */
function cleanEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...QUIET, PYTHONDONTWRITEBYTECODE: "1" };
  for (const name of Object.keys(env))
    if (/^(?:SIGIL_|PYTHONPATH$|PYTHONHOME$|VIRTUAL_ENV$)/.test(name)) delete env[name];
  env.PATH = `${dirname(process.execPath)}${delimiter}${env.PATH ?? ""}`;
  return env;
}

const env = cleanEnv();
const parts: Part[] = [];
const note = (name: string, passed: number, failed: number, skipped = 0) =>
  void parts.push({ name, passed, failed, skipped });

/** What could not be installed is a failure in CI, and a message by hand. */
function notRun(name: string, why: string): void {
  console.error(`*** NOT RUN: python: ${name}: ${why} ***`);
  if (process.env.CI) note(`${name}, NOT RUN`, 0, 1);
}

/** Runs a check of the sources, which passes or fails as a whole. */
async function check(name: string, file: string, args: readonly string[]): Promise<void> {
  console.log(`\n── ${name}`);
  const log = join(output, `${name.replaceAll(" ", "-")}.log`);
  const status = await runLogged({ file, args, env }, { log, cwd: source });
  note(name, status === 0 ? 1 : 0, status === 0 ? 0 : 1);
}

async function pytest(environment: Environment, args: readonly string[]): Promise<void> {
  const { name, python } = environment;
  console.log(`\n── pytest, ${name}`);
  const report = join(output, `${name}.xml`);
  // Without `src`: what is tested is what was installed.
  const options = ["-q", "-o", "pythonpath=.", `--junitxml=${report}`];
  const status = await runLogged(
    { file: python, args: ["-m", "pytest", ...options, ...args], env },
    { log: join(output, `${name}.log`), cwd: source },
  );
  const counted = existsSync(report) ? countReport(readFileSync(report, "utf8")) : undefined;
  const { passed = 0, failed = 0, skipped = 0 } = counted ?? {};
  note(`pytest, ${name}`, passed, Math.max(failed, status === 0 ? 0 : 1), skipped);
}

/** The environment of a lock with the wheel in it. */
function ready(interpreter: Interpreter, lock: string, wheel: string): Environment | undefined {
  const made = Environment.make(cache, interpreter, join(requirements, `${lock}.txt`));
  if (made?.installWheel(wheel)) return made;
  notRun(
    `${lock}-3.${interpreter.minor}`,
    "its packages cannot be installed, see above; that needs the registry once",
  );
  return undefined;
}

/** Builds with the packages of the core's environment. */
function build(builder: Environment): Built {
  console.log("\n── wheel and sdist");
  const built = buildPackage(root, builder, join(cache, `dist-${process.pid}`));
  for (const fault of built.faults) console.error(fault);
  note("wheel and sdist", built.faults.length === 0 ? 1 : 0, built.faults.length);
  return built;
}

/**
 * CrewAI keeps event loops of its own until the process ends. Their transports would fail the whole
 * run after its last test.
 */
const LEFT_OPEN: Readonly<Record<string, readonly string[]>> = {
  crewai: ["-W", "ignore::pytest.PytestUnraisableExceptionWarning"],
};

/** The names of the frameworks: each has a lock file. */
const frameworks = readdirSync(requirements)
  .filter((file) => file.endsWith(".in") && file !== "base.in" && file !== "core.in")
  .map((file) => file.slice(0, -".in".length));

/**
 * pyproject.toml leaves the adapters out, because the core's environment lacks their frameworks: a
 * project of its own checks the one of this environment, as strictly.
 */
function pyrightProject(module: string): string {
  const path = join(output, `pyright-${module}.json`);
  const adapter = ["", ".py"].map((end) => join(source, "src/l8nt", module + end)).find(existsSync);
  const project = {
    include: [relative(output, adapter ?? join(source, "src/l8nt", module))],
    exclude: [],
    typeCheckingMode: "strict",
    pythonVersion: "3.10",
    reportPrivateUsage: "error",
    reportMissingTypeStubs: "none",
  };
  writeFileSync(path, JSON.stringify(project));
  return path;
}

async function testFramework(main: Interpreter, name: string, wheel: string): Promise<void> {
  const environment = ready(main, name, wheel);
  if (environment === undefined) return;
  const module = name.replaceAll("-", "_");
  await check(`pyright, ${name}`, environment.program("pyright"), [
    ...["--project", pyrightProject(module), "--pythonpath", environment.python],
  ]);
  const files = readdirSync(join(source, "tests/frameworks"))
    .filter((file) => new RegExp(`^test_${module}(?:_tutorial)?\\.py$`).test(file))
    .map((file) => `tests/frameworks/${file}`);
  await pytest(environment, [...(LEFT_OPEN[name] ?? []), ...files, ...pytestArguments]);
}

/**
 * What depends little on the version of Python and takes long: comparisons with TypeScript, pages,
 * real servers, and the many ways in which a link breaks.
 */
const ONCE = [
  ...["contract", "differential", "docs", "fuzz"],
  ...["answers", "broken_links", "deliveries", "lost_orders"].map(
    (name) => `client/test_${name}.py`,
  ),
  ...["laws", "mounts", "reading", "servers"].map((name) => `service/test_${name}.py`),
].map((name) => `--ignore=tests/${name}`);

async function testCore(environment: Environment, left: readonly string[] = []): Promise<void> {
  const all = ["tests", "--ignore=tests/frameworks", ...left];
  await pytest(environment, pytestArguments.length > 0 ? pytestArguments : all);
}

async function checkSources(environment: Environment): Promise<void> {
  await check("ruff check", environment.program("ruff"), ["check", "--no-cache", "."]);
  await check("ruff format", environment.program("ruff"), ["format", "--no-cache", "--check", "."]);
  await check("pyright", environment.program("pyright"), ["--pythonpath", environment.python]);
}

async function run(main: Interpreter, wanted: string | undefined): Promise<void> {
  const core = Environment.make(cache, main, join(requirements, "core.txt"));
  if (core === undefined)
    return notRun(
      "core",
      "its packages cannot be installed, see above; that needs the registry once",
    );
  const { wheel } = build(core);
  if (!core.installWheel(wheel)) throw new Error("the wheel cannot be installed, see above");
  const isWanted = (name: string) =>
    wanted === undefined || wanted === name || wanted === name.replace(/-3\.\d+$/, "");
  if (isWanted(core.name)) {
    await checkSources(core);
    await testCore(core);
  }
  for (const interpreter of otherInterpreters(main)) {
    if (!isWanted(`core-3.${interpreter.minor}`)) continue;
    const environment = ready(interpreter, "core", wheel);
    if (environment !== undefined) await testCore(environment, ONCE);
  }
  for (const name of frameworks.filter(isWanted)) await testFramework(main, name, wheel);
  rmSync(dirname(wheel), { recursive: true, force: true });
}

const separator = process.argv.indexOf("--");
const given = process.argv.slice(2, separator === -1 ? undefined : separator);
const pytestArguments = separator === -1 ? [] : process.argv.slice(separator + 1);
const main = mainInterpreter();
if (typeof main === "string") {
  console.error(`*** NOT RUN: python: ${main} ***`);
  console.log("\n0 passed, 0 failed");
} else {
  mkdirSync(output, { recursive: true });
  await run(main, given[0]);
  parts.push(canary(output, root));
  if (printParts(parts)) rmSync(output, { recursive: true, force: true });
  else process.exitCode = 1;
}
