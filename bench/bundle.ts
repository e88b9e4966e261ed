/** The size of the client in a browser. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  browserBudgetBytes,
  browserBundle,
  publicKeyBudgetBytes,
} from "../scripts/browser-bundle.ts";
import { atMost, type Figure, plain } from "./figure.ts";

export async function bundle(): Promise<Figure[]> {
  const { gzipBytes, initialGzipBytes, faults } = await browserBundle();
  const withPublicKey = await publicKeyBytes();
  const serverCode = faults.filter((fault) => !fault.includes("gzipped"));
  return [
    atMost(
      "client entry as a page loads it, minified and gzipped",
      initialGzipBytes,
      "bytes",
      browserBudgetBytes,
      "-",
    ),
    atMost(
      "client entry with all of l8nt/biscuit as a page loads it",
      withPublicKey,
      "bytes",
      publicKeyBudgetBytes,
      "-",
    ),
    plain(
      "client entry in one file, with all that is loaded at the first payment",
      gzipBytes,
      "bytes",
      "-",
    ),
    atMost("server code in it", serverCode.length, "lines", 0, "the bundle's own list of inputs"),
  ];
}

async function publicKeyBytes(): Promise<number> {
  // Inside the repository, so that `l8nt` is found.
  const folder = mkdtempSync(join(import.meta.dirname, "../.cache/bundle-"));
  try {
    const entry = join(folder, "entry.js");
    writeFileSync(entry, 'export * from "l8nt"; export * from "l8nt/biscuit";');
    return (await browserBundle(entry, { budgetBytes: publicKeyBudgetBytes })).initialGzipBytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
