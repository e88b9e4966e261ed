/**
 * Installs the folders that have a lock file of their own, before something in them runs. They hold
 * what is too heavy for the root install: frameworks, other implementations, runtimes, the site.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const folders = ["frameworks", "net", "package", "peers", "runtimes", "vendors"] as const;
/** A folder of tests, or the folder of the documentation. */
export type Folder = (typeof folders)[number] | "docs";

/** Relative to the root. */
const pathOf = (folder: Folder): string => (folder === "docs" ? folder : join("test", folder));

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const repository = resolve(import.meta.dirname, "..");

/** Written after `npm ci` succeeds, so that an interrupted install counts as none. */
const markIn = (path: string): string => join(path, "node_modules/.installed-for");

/** Identifies the lock file that an install was made from. */
const lockIn = (path: string): string =>
  createHash("sha256")
    .update(readFileSync(join(path, "package-lock.json")))
    .digest("hex");

export function isInstalled(folder: Folder, root: string = repository): boolean {
  const path = join(root, pathOf(folder));
  try {
    return readFileSync(markIn(path), "utf8") === lockIn(path);
  } catch {
    return false;
  }
}

/**
 * Installs a folder if its lock file changed since the last time. Returns false, with a message, if
 * that fails; a machine without a network needs no install once it had one.
 */
export function install(folder: Folder, root: string = repository): boolean {
  const path = join(root, pathOf(folder));
  if (!isInstalled(folder, root)) {
    console.log(`${pathOf(folder)}: running npm ci, once for each change of its lock file`);
    // In a script, npm takes the folder of the script for the project.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(?:package|lifecycle|config_local)/.test(name),
      ),
    );
    const { status } = spawnSync("npm", ["ci", "--prefer-offline", "--loglevel=error"], {
      cwd: path,
      env,
      stdio: ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
    });
    if (status !== 0) {
      console.error(`${pathOf(folder)}: npm ci failed, see above. It needs the registry once.`);
      return false;
    }
    // npm makes no node_modules for a lock file without packages.
    mkdirSync(dirname(markIn(path)), { recursive: true });
    writeFileSync(markIn(path), lockIn(path));
  }
  if (folder === "frameworks") linkFrameworks(root);
  return true;
}

/** @throws Error if the folder is not installed and cannot be. */
export function need(folder: Folder): void {
  if (!install(folder)) throw new Error(`${pathOf(folder)} is not installed: npm ci failed in it`);
}

/**
 * Links the frameworks into the root's node_modules, because the adapters and the examples import
 * them from outside their folder. An install in the root removes the links.
 */
function linkFrameworks(root: string): void {
  const frameworks = join(root, "test/frameworks");
  const owned = dependenciesOf(root);
  for (const name of Object.keys(dependenciesOf(frameworks))) {
    if (name in owned) continue;
    const link = join(root, "node_modules", name);
    const found = lstatSync(link, { throwIfNoEntry: false });
    if (found?.isDirectory())
      console.error(`node_modules/${name} is from an older install: run npm ci in the root`);
    if (found !== undefined) continue;
    mkdirSync(dirname(link), { recursive: true });
    const target = join(frameworks, "node_modules", name);
    symlinkSync(
      process.platform === "win32" ? target : relative(dirname(link), target),
      link,
      "junction",
    );
  }
}

function dependenciesOf(folder: string): Readonly<Record<string, string>> {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as Manifest;
  return { ...dependencies, ...devDependencies };
}
