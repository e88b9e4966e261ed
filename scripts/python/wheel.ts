/** Builds the wheel and the sdist of the Python package, and says what is wrong with them. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";

/** The largest that a wheel may be: tests or data in it would be noticed. */
const MAX_WHEEL_BYTES = 500_000;

export interface Built {
  readonly wheel: string;
  readonly faults: readonly string[];
}

/** Prints the names of the files in an archive that Python can read. */
const NAMES = `
import sys, tarfile, zipfile
path = sys.argv[1]
names = zipfile.ZipFile(path).namelist() if path.endswith(".whl") else tarfile.open(path).getnames()
print("\\n".join(names))
`;

/**
 * Builds into a folder: the sdist from the sources, and the wheel from the sdist, as pip would.
 *
 * @throws Error if either cannot be built
 */
export function buildPackage(root: string, environment: Environment, folder: string): Built {
  const source = join(root, "clients/python");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  hatchling(environment, source, "sdist", folder);
  const sdist = only(folder, ".tar.gz");
  const { status } = spawnSync(
    environment.python,
    ["-W", "ignore", "-m", "tarfile", "-e", sdist, folder],
    {
      stdio: ["ignore", 2, 2],
    },
  );
  if (status !== 0) throw new Error(`${sdist} cannot be unpacked`);
  hatchling(environment, sdist.replace(/\.tar\.gz$/, ""), "wheel", folder);
  const wheel = only(folder, ".whl");
  const faults = [
    ...versionFaults(root, wheel),
    ...missing(source, namesIn(environment, wheel), (path) => path),
    ...missing(source, namesIn(environment, sdist), (path) => `src/${path}`),
  ];
  const { size } = statSync(wheel);
  if (size > MAX_WHEEL_BYTES)
    faults.push(`the wheel has ${size} bytes; at most ${MAX_WHEEL_BYTES} are allowed`);
  return { wheel, faults };
}

function hatchling({ python }: Environment, cwd: string, target: string, folder: string): void {
  const args = ["-m", "hatchling", "build", "--target", target, "--directory", folder];
  // A fixed date, so that the same sources make the same archives.
  const env = { ...process.env, SOURCE_DATE_EPOCH: "1577836800" };
  const { status } = spawnSync(python, args, { cwd, env, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`hatchling could not build the ${target}, see above`);
}

function only(folder: string, ending: string): string {
  const found = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (found.length !== 1) throw new Error(`${found.length} files with ${ending} in ${folder}`);
  return join(folder, found[0]!);
}

const namesIn = ({ python }: Environment, archive: string): readonly string[] =>
  spawnSync(python, ["-c", NAMES, archive], { encoding: "utf8" }).stdout.split("\n");

/** Every file of the package must be in the archive. */
function missing(
  source: string,
  names: readonly string[],
  placeOf: (path: string) => string,
): string[] {
  const package_ = join(source, "src");
  return readdirSync(package_, { recursive: true, encoding: "utf8" })
    .filter((path) => !path.includes("__pycache__"))
    .filter((path) => statSync(join(package_, path)).isFile())
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !names.some((name) => name === path || name.endsWith(`/${placeOf(path)}`)))
    .map((path) => `${path} is not in every archive`);
}

/** The package has the version of the library. */
function versionFaults(root: string, wheel: string): string[] {
  const { version } = JSON.parse(
    readFileSync(join(root, "packages/l8nt/package.json"), "utf8"),
  ) as { readonly version: string };
  return wheel.includes(`l8nt-${version}-`)
    ? []
    : [`clients/python/pyproject.toml must have the version of packages/l8nt, ${version}`];
}
