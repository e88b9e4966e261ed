/**
 * The pages of docs/reference/ and the modules of the Python package that are made from the code.
 * `node scripts/reference.ts` exits 1 if one differs from what the code says, and `--write` updates
 * them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pythonCodes } from "./python/codes.ts";
import { pythonTables } from "./python/tables.ts";
import { pythonTypes } from "./python/types.ts";
import { caveats } from "./reference/caveats.ts";
import { cli } from "./reference/cli.ts";
import { configuration } from "./reference/configuration.ts";
import { errors } from "./reference/errors.ts";
import { gatewayConfiguration } from "./reference/gateway.ts";
import { http } from "./reference/http.ts";

const FOLDER = "docs/reference";
const PYTHON = "clients/python/src/l8nt";

/** The text of each page, by the name of its file. */
export const referencePages = (root: string): Readonly<Record<string, string>> => ({
  "errors.md": errors(),
  "caveats.md": caveats(),
  "configuration.md": configuration(root),
  "cli.md": cli(),
  "http.md": http(),
  "gateway-configuration.md": gatewayConfiguration(),
});

/** The text of each generated Python module, by its path. */
export const pythonModules = (): Readonly<Record<string, string>> => ({
  [`${PYTHON}/_codes.py`]: pythonCodes(),
  [`${PYTHON}/_tables.py`]: pythonTables(),
  [`${PYTHON}/wire/_types.py`]: pythonTypes(),
});

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const isWriting = process.argv.includes("--write");
  const pages = Object.entries(referencePages(root)).map(
    ([name, text]) => [`${FOLDER}/${name}`, text] as const,
  );
  for (const [name, wanted] of [...pages, ...Object.entries(pythonModules())]) {
    const path = join(root, name);
    if (isWriting) writeFileSync(path, wanted);
    else if (readOrEmpty(path) !== wanted) {
      console.error(`${name} is stale: npm run reference`);
      process.exitCode = 1;
    }
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
