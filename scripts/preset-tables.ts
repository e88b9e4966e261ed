/**
 * The tables of docs/guides/presets/ that say what a preset of the gateway knows, from the preset.
 * `node scripts/preset-tables.ts` exits 1 if a page differs, and `--write` updates them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PRESETS } from "../packages/sigil/src/gateway/presets/index.ts";
import type {
  CredentialPlace,
  KeyPlace,
  Preset,
  PresetRoute,
} from "../packages/sigil/src/gateway/presets/preset.ts";
import { withParts } from "./marked-parts.ts";
import { code, table } from "./reference/markdown.ts";

const FOLDER = "docs/guides/presets";

const METERS: Readonly<Record<string, string>> = {
  free: "nothing",
  flat: "a flat price that the owner gives",
};

const counted = ({ meter }: PresetRoute): string =>
  typeof meter === "string" ? METERS[meter]! : "its usage, at the prices of its model";

const routes = ({ routes: rows }: Preset): string =>
  table(
    ["request", "capability", "what is charged"],
    rows.map((row) => [
      code(row.method === "*" ? `any method ${row.path}` : `${row.method} ${row.path}`),
      code(row.capability),
      counted(row),
    ]),
  );

function keyPlace(place: KeyPlace): string {
  switch (place.kind) {
    case "bearer":
      return code("Authorization: Bearer …");
    case "basic":
      return `${code("Authorization: Basic …")}, as the name of the user`;
    case "header":
      return code(`${place.name}: …`);
    case "query":
      return code(`?${place.name}=…`);
  }
}

function credentialPlace(place: CredentialPlace): string {
  if (place === "bearer") return code("Authorization: Bearer …");
  if (place === "basic-user") return `${code("Authorization: Basic …")}, as the name of the user`;
  if ("header" in place) return code(`${place.header}: …`);
  if ("query" in place) return code(`?${place.query}=…`);
  return `the subprotocol ${code(place.subprotocol)} of a WebSocket`;
}

const refusedField = (field: NonNullable<Preset["fieldsRefused"]>[number]): string =>
  field.matches === undefined
    ? code(field.name)
    : `${code(field.name)} with a value like ${code(field.matches.source)}`;

const facts = (preset: Preset): string =>
  table(
    ["", ""],
    [
      ["API", preset.origin === undefined ? code("--upstream URL") : code(preset.origin)],
      ["an agent's key is read from", preset.credentialPlaces.map(credentialPlace).join(", ")],
      ["the vendor's key is sent as", keyPlace(preset.keyPlace)],
      ["errors have the form of", preset.dialect.name],
      [
        "header fields that are refused",
        preset.fieldsRefused?.map(refusedField).join(", ") ?? "none",
      ],
    ],
  );

/** The page of a preset with its tables as the preset has them. */
export const presetPage = (page: string, preset: Preset): string =>
  withParts(page, { facts: facts(preset), routes: routes(preset) });

if (import.meta.main) {
  const folder = join(resolve(import.meta.dirname, ".."), FOLDER);
  for (const preset of PRESETS.values()) {
    const path = join(folder, `${preset.name}.md`);
    const page = readFileSync(path, "utf8");
    const wanted = presetPage(page, preset);
    if (process.argv.includes("--write")) writeFileSync(path, wanted);
    else if (page !== wanted) {
      console.error(`${FOLDER}/${preset.name}.md is stale: npm run reference`);
      process.exitCode = 1;
    }
  }
}
