/** What `l8nt` weighs in a browser, and whether anything came along that belongs on a server. */
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";

const root = resolve(import.meta.dirname, "..");

export const browserBudgetBytes = 40_000;

export interface BrowserBundle {
  readonly minifiedBytes: number;
  readonly gzipBytes: number;
  /** One line for each broken rule; none is what a release needs. */
  readonly faults: readonly string[];
}

/** Parts of the library that a page must never be made to load. */
const serverOnly = /(?:^|\/)(?:src|dist)\/(?:service|middleware|testing)\//;

/** The rules on a bundle: no server code, nothing of Node's, no dynamic way to it either. */
export function bundleFaults(metafile: Metafile): string[] {
  const faults: string[] = [];
  for (const [path, input] of Object.entries(metafile.inputs)) {
    if (serverOnly.test(path)) faults.push(`${path} is in the browser bundle`);
    for (const imported of input.imports)
      if (imported.external || imported.path.startsWith("node:"))
        faults.push(`${path} still imports "${imported.path}" in the browser bundle`);
  }
  return faults;
}

/** Bundles and minifies `entry` (default: all of `l8nt`, from its source) for a browser. */
export async function browserBundle(entry = "packages/l8nt/src/index.ts"): Promise<BrowserBundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    conditions: ["l8nt-source"],
    // Left standing, so that the rule below names who asked for it.
    external: ["node:*"],
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const code = result.outputFiles[0]!.contents;
  const gzipBytes = gzipSync(code, { level: 9 }).length;
  const faults = bundleFaults(result.metafile);
  if (gzipBytes > browserBudgetBytes)
    faults.push(`the browser bundle is ${gzipBytes} bytes gzipped; the limit is ${browserBudgetBytes}`);
  return { minifiedBytes: code.length, gzipBytes, faults };
}

if (import.meta.main) {
  const bundle = await browserBundle();
  for (const fault of bundle.faults) console.error(fault);
  console.log(`browser bundle: ${bundle.gzipBytes} bytes gzipped, ${bundle.minifiedBytes} minified`);
  if (bundle.faults.length > 0) process.exitCode = 1;
}
