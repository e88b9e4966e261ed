import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Folder, install, isInstalled } from "./folders.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "sigil-folders-")));
  write("package.json", { name: "root", version: "1.0.0", private: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: object): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), JSON.stringify(content));
}

/** A folder with one package, which comes from the disk, so that no registry is asked. */
function folder(name: Folder, version: string, locked = "1.0.0"): void {
  const dependencies = { local: "file:local" };
  write(`test/${name}/local/package.json`, { name: "local", version: "1.0.0" });
  write(`test/${name}/package.json`, { name, version, dependencies });
  write(`test/${name}/package-lock.json`, {
    name,
    version,
    lockfileVersion: 3,
    packages: {
      "": { name, version, dependencies },
      local: { version: locked },
      "node_modules/local": { resolved: "local", link: true },
    },
  });
}

const mark = (name: Folder): string => join(root, `test/${name}/node_modules/.probe`);

describe("a folder with a lock file of its own", () => {
  test("is installed once, and again only after its lock file changed", () => {
    folder("peers", "1.0.0");
    expect(isInstalled("peers", root)).toBe(false);
    expect(install("peers", root)).toBe(true);
    expect(isInstalled("peers", root)).toBe(true);
    expect(existsSync(join(root, "test/peers/node_modules/local"))).toBe(true);

    // npm ci deletes what it finds in node_modules.
    writeFileSync(mark("peers"), "");
    expect(install("peers", root)).toBe(true);
    expect(existsSync(mark("peers"))).toBe(true);

    folder("peers", "1.0.1");
    expect(isInstalled("peers", root)).toBe(false);
    expect(install("peers", root)).toBe(true);
    expect(existsSync(mark("peers"))).toBe(false);
  });

  test("counts as not installed if npm ci fails", () => {
    folder("peers", "1.0.0");
    write("test/peers/package-lock.json", { name: "peers", lockfileVersion: 3, packages: {} });
    expect(install("peers", root)).toBe(false);
    expect(isInstalled("peers", root)).toBe(false);
  });

  test("of frameworks is linked into the root, and again after an install there", () => {
    folder("frameworks", "1.0.0");
    const link = join(root, "node_modules/local");
    for (const _ of ["once", "again"]) {
      expect(install("frameworks", root)).toBe(true);
      expect(realpathSync(link)).toBe(join(root, "test/frameworks/local"));
      expect(JSON.parse(readFileSync(join(link, "package.json"), "utf8")).name).toBe("local");
      rmSync(join(root, "node_modules"), { recursive: true });
    }
  });

  test("of frameworks leaves out of the links what the root has by itself", () => {
    folder("frameworks", "1.0.0");
    write("package.json", { name: "root", devDependencies: { local: "1.0.0" } });
    expect(install("frameworks", root)).toBe(true);
    expect(existsSync(join(root, "node_modules/local"))).toBe(false);
  });
});
