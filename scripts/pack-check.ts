/**
 * Tries the packages as a user gets them: built, packed, looked over (publint, attw), installed
 * into an empty project, run there on Node 20 and 24, type-checked there, and weighed as a browser
 * bundle. `npm run pack-check`; ends with `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { browserBundle } from "./browser-bundle.ts";
import { firstAnswer } from "./first-answer.ts";
import { need } from "./folders.ts";
import { aliasesOf, exportedSources, type Manifest, readTree, unreachable } from "./layers.ts";
import { node20Binary } from "./node20.ts";

const root = resolve(import.meta.dirname, "..");
const tsc = join(root, "node_modules/.bin/tsc");
/** A program that looks over packages, from test/package. */
const judge = (name: string) => join(root, "test/package/node_modules/.bin", name);

/**
 * Outside the repository, npm must not take it for the project: it looks at these before the
 * folder.
 */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:package|lifecycle|config_local)/.test(name),
  ),
);

/** Stdout of a command that ends well; throws with what it said otherwise. */
function run(cwd: string, file: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    env,
    encoding: "utf8",
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${[file, ...args].join(" ")}: exit ${status}\n${stdout}${stderr}`.trim());
  return stdout;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs a folder, and returns the tarball and its content. */
function pack(folder: string, to: string): { tarball: string; files: readonly string[] } {
  const answer = JSON.parse(run(root, "npm", "pack", folder, "--json", "--pack-destination", to)) as
    | Packed[]
    | Record<string, Packed>;
  const [packed] = Object.values(answer) as Packed[];
  return { tarball: join(to, packed!.filename), files: packed!.files.map(({ path }) => path) };
}

/** From the registry; without one, with the dependencies that this repository has installed. */
function install(project: string, tarballs: readonly string[]): string {
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
  try {
    run(project, "npm", "install", ...flags, ...tarballs);
    return "from the registry";
  } catch {
    const own = ["@noble/curves", "@noble/hashes", "@scure/base"].map(
      (name) => pack(join(root, "node_modules", name), project).tarball,
    );
    run(project, "npm", "install", "--offline", ...flags, ...own, ...tarballs);
    return "offline, with this repository's dependencies";
  }
}

const strays =
  /\.(?:test|bench|spec)\.|(?:^|\/)(?:fixtures|__tests__|test)\/|\.tsbuildinfo$|(?:^|\/)\.env/;

let passed = 0;
let failed = 0;

async function step(name: string, body: () => string | Promise<string>): Promise<void> {
  try {
    const detail = await body();
    passed++;
    console.log(`ok      ${name}${detail === "" ? "" : `: ${detail}`}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}`);
    console.error((error as Error).message);
  }
}

need("package");
const work = mkdtempSync(join(tmpdir(), "l8nt-pack-"));
try {
  await step("both packages build", () =>
    run(root, process.execPath, "scripts/build.ts").trim().replaceAll("\n", "; "),
  );

  const library = pack(join(root, "packages/l8nt"), work);
  const program = pack(join(root, "packages/sigil"), work);

  for (const [name, { tarball, files }] of Object.entries({ l8nt: library, sigil: program })) {
    await step(`${name}: nothing but the product is in the tarball`, () => {
      const found = files.filter((path) => strays.test(path));
      if (found.length > 0) throw new Error(`in the tarball: ${found.join(", ")}`);
      return `${files.length} files`;
    });
    await step(`${name}: publint`, () => {
      run(root, judge("publint"), "run", tarball, "--strict");
      return "";
    });
  }
  const suite = pack(join(root, "conformance"), work);
  await step("l8nt-conformance: the cases, the runner, and nothing else", () => {
    const folders = /^(?:cases\/[a-z-]+\.json|src\/(?:[a-z]+\/)?[a-z]+\.js)$/;
    const named = ["LICENSE", "README.md", "package.json", "cases.schema.json"];
    const found = suite.files.filter((path) => !folders.test(path) && !named.includes(path));
    if (found.length > 0) throw new Error(`in the tarball: ${found.join(", ")}`);
    const missing = named.filter((path) => !suite.files.includes(path));
    if (missing.length > 0) throw new Error(`not in the tarball: ${missing.join(", ")}`);
    return `${suite.files.length} files`;
  });
  await step("l8nt-conformance: publint", () => {
    run(root, judge("publint"), "run", suite.tarball, "--strict");
    return "";
  });
  await step("l8nt-conformance: it runs where it is installed", () => {
    const project = mkdtempSync(join(work, "suite-"));
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true }));
    const flags = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    run(project, "npm", "install", ...flags, suite.tarball);
    const bin = join(project, "node_modules/.bin/l8nt-conformance");
    run(project, process.execPath, bin, "--help");
    const count = 'import("l8nt-conformance").then((its) => console.log(its.readCases().length))';
    return `${run(project, process.execPath, "-e", count).trim()} cases`;
  });
  await step("l8nt: no declaration or module names a .ts file", () => {
    const dist = join(root, "packages/l8nt/dist");
    for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
      if (!/\.(?:js|d\.ts)$/.test(file)) continue;
      const found = /(?:from |import\()"\.[^"]*\.ts"/.exec(readFileSync(join(dist, file), "utf8"));
      if (found !== null) throw new Error(`${file}: ${found[0]}`);
    }
    return "";
  });
  await step("l8nt: a subpath leads to every file of its source", () => {
    const manifest = JSON.parse(
      readFileSync(join(root, "packages/l8nt/package.json"), "utf8"),
    ) as Manifest;
    const tree = readTree(join(root, "packages/l8nt/src"));
    const lost = unreachable(tree, exportedSources(manifest), aliasesOf(manifest));
    if (lost.length > 0) throw new Error(`no subpath leads to ${lost.join(", ")}`);
    return "";
  });
  await step("l8nt: attw, ESM only", () => {
    run(
      root,
      judge("attw"),
      library.tarball,
      "--profile",
      "esm-only",
      "--no-emoji",
      "--no-color",
      "--format",
      "ascii",
    );
    return "";
  });

  const project = mkdtempSync(join(work, "project-"));
  writeFileSync(
    join(project, "package.json"),
    '{ "name": "user", "private": true, "type": "module" }\n',
  );
  for (const file of readdirSync(join(root, "test/package/project")))
    copyFileSync(join(root, "test/package/project", file), join(project, file));
  await step("they install into an empty project", () =>
    install(project, [library.tarball, program.tarball]),
  );
  await step("the program runs on Node 20", () =>
    run(project, node20Binary(), "program.mjs").trim(),
  );
  await step("the program runs on Node 24", () =>
    run(project, process.execPath, "program.mjs").trim(),
  );
  await step("the README's lines compile against the declarations", () => {
    run(project, tsc, "-p", ".");
    return "";
  });
  await step("the command `sigil` starts", () => {
    const command = join(project, "node_modules/.bin/sigil");
    if (!existsSync(command)) throw new Error("the package brings no command `sigil`");
    return run(project, process.execPath, command, "--version").trim();
  });

  await step(
    "three commands lead from an empty folder to the first answer of a gateway",
    async () => {
      const folder = mkdtempSync(join(work, "first-"));
      // In place of their names, until they are published.
      const packages = [library, program].map(({ tarball }) => tarball).join(" ");
      const { commands, seconds } = await firstAnswer(
        folder,
        `npm install --no-audit --no-fund ${packages}`,
        "npx sigil",
        env,
      );
      const parts = seconds.map((one) => `${one.toFixed(1)} s`).join(" + ");
      return `${commands.length} commands, ${parts}`;
    },
  );

  await step("l8nt: a browser loads it as installed", async () => {
    const { gzipBytes, initialGzipBytes, faults } = await browserBundle(
      join(project, "node_modules/l8nt/dist/index.js"),
      { isInstalled: true },
    );
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return `${initialGzipBytes} bytes gzipped at start, ${gzipBytes} in all`;
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}

console.log(`\n${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
