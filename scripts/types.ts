/**
 * Type-checks what the root's tsconfig.json leaves out because it needs test/frameworks, test/net,
 * test/peers or test/vendors: the adapters, the examples and those tests. Part of `npm run check`;
 * a folder that is not installed is left out, and checked by `npm run test:all` or
 * `npm run test:net`.
 */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { type Folder, install, isInstalled } from "./folders.ts";

const root = resolve(import.meta.dirname, "..");

/** What tsc reports of an installed folder; an empty text if all types fit. */
export function typeFaults(folder: Folder): string {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [tsc, "--noEmit", "-p", join("test", folder)],
    { cwd: root, encoding: "utf8" },
  );
  return status === 0 ? "" : `${stdout}${stderr}`;
}

if (import.meta.main)
  for (const folder of ["frameworks", "net", "peers", "vendors"] as const) {
    if (!isInstalled(folder)) {
      console.log(`test/${folder} is not installed, so its types were not checked`);
      continue;
    }
    install(folder);
    const faults = typeFaults(folder);
    process.stderr.write(faults);
    if (faults !== "") process.exitCode = 1;
  }
