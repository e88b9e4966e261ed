/**
 * The pages of docs/reference/ that are made from the code. `node scripts/reference.ts` exits 1 if
 * a page differs from what the code says, and `--write` updates the pages.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { caveats } from "./reference/caveats.ts";
import { cli } from "./reference/cli.ts";
import { configuration } from "./reference/configuration.ts";
import { errors } from "./reference/errors.ts";
import { gatewayConfiguration } from "./reference/gateway.ts";
import { http } from "./reference/http.ts";

const FOLDER = "docs/reference";

/** The text of each page, by the name of its file. */
export const referencePages = (root: string): Readonly<Record<string, string>> => ({
  "errors.md": errors(),
  "caveats.md": caveats(),
  "configuration.md": configuration(root),
  "cli.md": cli(),
  "http.md": http(),
  "gateway-configuration.md": gatewayConfiguration(),
});

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const isWriting = process.argv.includes("--write");
  for (const [name, wanted] of Object.entries(referencePages(root))) {
    const path = join(root, FOLDER, name);
    if (isWriting) writeFileSync(path, wanted);
    else if (readOrEmpty(path) !== wanted) {
      console.error(`${FOLDER}/${name} is stale: npm run reference`);
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
