/**
 * Writes packages/sigil/prices.yaml from the data of `@pydantic/genai-prices`.
 *
 *     node --conditions=l8nt-source scripts/prices.ts [--date 2026-09-23] \
 *       [--map FILE --mapVersion 1.110.2]
 *
 * `--date` is the day on which that version of the package was published. `--map` is LiteLLM's
 * model_prices_and_context_window.json, for limits and service tiers; without it the file keeps
 * those that it has. Without `--date` it prints what it would change, and exits 1 if that is
 * anything.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findProvider } from "@pydantic/genai-prices";
import { difference } from "../packages/sigil/src/gateway/prices/difference.ts";
import { factsOfFile, factsOfMap } from "../packages/sigil/src/gateway/prices/facts.ts";
import { readPriceFile } from "../packages/sigil/src/gateway/prices/file.ts";
import { pinned } from "../packages/sigil/src/gateway/prices/pinned.ts";
import { PINNED_PRICES } from "../packages/sigil/src/gateway/prices/pinned-prices.ts";
import { PROVIDERS } from "../packages/sigil/src/gateway/prices/source.ts";
import { PriceTable } from "../packages/sigil/src/gateway/prices/table.ts";

const root = resolve(import.meta.dirname, "..");
/** The package's own data, which it gives provider by provider. */
export const catalogue = (): string =>
  JSON.stringify(PROVIDERS.map((providerId) => findProvider({ providerId })));

/** Which version is installed. */
export const version = (): string =>
  (
    JSON.parse(
      readFileSync(join(root, "node_modules/@pydantic/genai-prices/package.json"), "utf8"),
    ) as { version: string }
  ).version;

if (import.meta.main) {
  const { date, map, mapVersion } = parseArgs({
    options: {
      date: { type: "string" },
      map: { type: "string" },
      mapVersion: { type: "string" },
    },
  }).values;
  const current = read(PINNED_PRICES);
  const known = current === "" ? undefined : readPriceFile(current, "prices.yaml");
  const facts =
    mapVersion === undefined
      ? known?.source?.split("; ")[1]
      : `limits and tiers of LiteLLM ${mapVersion}`;
  const { text, leftOut } = pinned({
    catalogue: catalogue(),
    source: [`@pydantic/genai-prices ${version()}`, facts].filter(Boolean).join("; "),
    date: date ?? known?.date ?? "",
    ...(map !== undefined
      ? { facts: factsOfMap(readFileSync(map, "utf8")) }
      : current !== "" && { facts: factsOfFile(current) }),
  });
  PriceTable.read(text);
  if (date !== undefined) {
    writeFileSync(PINNED_PRICES, text);
    for (const line of leftOut) console.log(`left out: ${line}`);
  } else if (text !== current) {
    console.log(difference(current, text));
    process.exitCode = 1;
  }
}

function read(path: URL): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
