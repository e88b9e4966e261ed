/** The size of `l8nt` in a browser, and the check that it contains no server code. */
import { relative, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build, type Metafile } from "esbuild";

const root = resolve(import.meta.dirname, "..");

/** What a page may load at its start. */
export const browserBudgetBytes = 25_000;
/** The same, where the page also narrows, verifies and mints credentials in the public-key form. */
export const publicKeyBudgetBytes = 60_000;

export interface BrowserBundle {
  readonly minifiedBytes: number;
  /** Everything in one file, also what is loaded at the first payment only. */
  readonly gzipBytes: number;
  /** What a page loads at its start, where the bundler splits at dynamic imports. */
  readonly initialGzipBytes: number;
  /** One line for each broken rule; none is what a release needs. */
  readonly faults: readonly string[];
}

/** Parts of the library that a page must never be made to load. */
const serverOnly = /(?:^|\/)(?:src|dist)\/(?:service|node|middleware|mcp|testing)\//;

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

export interface BundleOptions {
  /** What may be loaded at the start. @default browserBudgetBytes */
  readonly budgetBytes?: number | undefined;
  /**
   * Whether `l8nt` is read from its installed package, as users' bundlers read it. The package has
   * the source too, and the condition of this repository would mix both.
   *
   * @default false
   */
  readonly isInstalled?: boolean;
}

/** Bundles and minifies `entry` (default: all of `l8nt`, from its source) for a browser. */
export async function browserBundle(
  entry = "packages/l8nt/src/index.ts",
  { budgetBytes = browserBudgetBytes, isInstalled = false }: BundleOptions = {},
): Promise<BrowserBundle> {
  const options = {
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    conditions: isInstalled ? [] : ["l8nt-source"],
    // Left standing, so that the rule above names who asked for it.
    external: ["node:*"],
    legalComments: "none",
    metafile: true,
    write: false,
    outdir: "out",
    logLevel: "silent",
  } as const satisfies BuildOptions;

  const whole = await build(options);
  const code = whole.outputFiles[0]!.contents;
  const gzipBytes = gzipped(code);
  const faults = bundleFaults(whole.metafile);

  const { metafile, outputFiles } = await build({ ...options, splitting: true });
  const initial = new Set<string>();
  const queue = Object.keys(metafile.outputs).filter(
    (path) => metafile.outputs[path]!.entryPoint === entryOf(whole),
  );
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (initial.has(path)) continue;
    initial.add(path);
    for (const { path: next, kind } of metafile.outputs[path]?.imports ?? [])
      if (kind === "import-statement") queue.push(next);
  }
  let initialGzipBytes = 0;
  for (const { path, contents } of outputFiles)
    if (initial.has(relative(root, path).replaceAll("\\", "/")))
      initialGzipBytes += gzipped(contents);
  if (initialGzipBytes > budgetBytes)
    faults.push(
      `a page loads ${initialGzipBytes} bytes gzipped at start; the limit is ${budgetBytes}`,
    );
  return { minifiedBytes: code.length, gzipBytes, initialGzipBytes, faults };
}

const gzipped = (code: Uint8Array): number => gzipSync(code, { level: 9 }).length;

const entryOf = ({ metafile }: { metafile: Metafile }): string =>
  Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined)!.entryPoint!;

if (import.meta.main) {
  const bundle = await browserBundle();
  for (const fault of bundle.faults) console.error(fault);
  console.log(
    `browser bundle: ${bundle.gzipBytes} bytes gzipped (${bundle.minifiedBytes} minified), ${bundle.initialGzipBytes} of them at start`,
  );
  if (bundle.faults.length > 0) process.exitCode = 1;
}
