/**
 * `sigil gateway prices diff|update`: a price file made of @pydantic/genai-prices, from a folder or
 * a file that the owner names. Nothing is fetched.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EXIT, UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { filled } from "../../wrap.ts";
import { wrongVerb } from "../../wrong-verb.ts";
import type { Given } from "../start/flags.ts";
import { difference } from "./difference.ts";
import { factsOfFile } from "./facts.ts";
import { readPriceFile } from "./file.ts";
import { pinned } from "./pinned.ts";
import { pinnedPrices } from "./pinned-prices.ts";
import { PROVIDERS } from "./source.ts";
import { PriceTable } from "./table.ts";

const USAGE = "sigil gateway prices diff|update --from FOLDER|FILE --date DATE --prices FILE";

export async function prices(
  verb: string | undefined,
  given: Given,
  terminal: Terminal,
): Promise<number> {
  if (verb !== "diff" && verb !== "update") throw wrongVerb(verb, ["diff", "update"], USAGE);
  const file = given.text("prices");
  if (verb === "update" && file === undefined)
    throw new UsageError(
      "Missing --prices FILE: the file to write, which sigil gateway --prices FILE reads.",
    );
  const from = given.text("from");
  if (from === undefined)
    throw new UsageError(
      "Missing --from: a folder that has @pydantic/genai-prices, such as node_modules/@pydantic/genai-prices, or a file with its data as JSON.",
    );
  const date = given.text("date");
  if (date === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(Date.parse(date)))
    throw new UsageError(
      'Missing --date: the day on which these prices were published, such as "2026-11-29".',
    );
  const before = oldPrices(file);
  readPriceFile(before, file === undefined ? "prices.yaml" : "--prices");
  const { catalogue, source } = await sourceAt(from);
  const { text, leftOut } = pinned({ catalogue, source, date, facts: factsOfFile(before) });
  PriceTable.read(text, { name: "the new file" });
  const changes = difference(before, text);
  if (verb === "update") writeFileSync(file!, text);
  const end =
    verb === "update"
      ? `Written. Start the gateway with --prices ${file} to use it.\n`
      : "Nothing was written. sigil gateway prices update writes it.\n";
  const shown = `Prices of ${source}, published ${date}:\n\n${changes === "" ? "No price changes.\n" : changes}
${leftOut.length} models are left out, and so denied, because their prices cannot be counted.\n${end}`;
  const { columns } = terminal;
  terminal.answer(columns === undefined ? shown : filled(shown, columns), {
    source,
    date,
    changes: changes.split("\n").filter((line) => line !== ""),
    leftOut,
    ...(verb === "update" && { written: file }),
  });
  return EXIT.ok;
}

/** What the new prices are compared with: the owner's file, or the one of the program. */
function oldPrices(file: string | undefined): string {
  if (file === undefined) return pinnedPrices();
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return pinnedPrices();
    throw new UsageError("The file of --prices cannot be read.");
  }
}

async function sourceAt(
  path: string,
): Promise<{ readonly catalogue: string; readonly source: string }> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder === undefined) throw new UsageError("There is no folder or file at --from.");
  if (!isFolder) return { catalogue: readFileSync(path, "utf8"), source: basename(path) };
  try {
    const { name, version, module } = JSON.parse(
      readFileSync(join(path, "package.json"), "utf8"),
    ) as Readonly<Record<string, string>>;
    if (name !== "@pydantic/genai-prices") throw new Error("another package");
    const { findProvider } = (await import(pathToFileURL(resolve(path, module!)).href)) as {
      findProvider(options: { readonly providerId: string }): unknown;
    };
    const catalogue = JSON.stringify(PROVIDERS.map((providerId) => findProvider({ providerId })));
    return { catalogue, source: `${name} ${version}` };
  } catch (cause) {
    throw new UsageError(
      "The folder of --from is not the package @pydantic/genai-prices. Install it with npm and name its folder: node_modules/@pydantic/genai-prices.",
      { cause },
    );
  }
}
