/** What changes from one price file to another, for `sigil gateway prices diff`. */
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { readPriceFile } from "./file.ts";

type Written = Readonly<Record<string, unknown>>;

/**
 * One line for each model that is new, gone or changed, and for each of its keys that changed.
 * Empty if nothing did.
 *
 * @throws UsageError if one of them is no price file
 */
export function difference(before: string, after: string): string {
  const [old, young] = [modelsOf(before, "the old file"), modelsOf(after, "the new file")];
  const lines: string[] = [];
  for (const name of [...new Set([...old.keys(), ...young.keys()])].sort()) {
    const [was, is] = [old.get(name), young.get(name)];
    if (was === undefined) lines.push(`+ ${name}: ${written(is)}`);
    else if (is === undefined) lines.push(`- ${name}: no longer listed, so denied`);
    else lines.push(...changes(name, was, is));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function modelsOf(text: string, name: string): ReadonlyMap<string, unknown> {
  readPriceFile(text, name);
  const { vendors } = parse(text, { schema: "failsafe" }) as { vendors: Record<string, Written> };
  return new Map(
    Object.entries(vendors).flatMap(([vendor, models]) =>
      Object.entries(models).map(([model, entry]) => [`${vendor} ${model}`, entry] as const),
    ),
  );
}

function changes(name: string, was: unknown, is: unknown): readonly string[] {
  if (isDeepStrictEqual(was, is)) return [];
  if (typeof was === "string" || typeof is === "string")
    return [`~ ${name}: ${written(was)} -> ${written(is)}`];
  const [old, young] = [was as Written, is as Written];
  return [...new Set([...Object.keys(old), ...Object.keys(young)])]
    .filter((key) => !isDeepStrictEqual(old[key], young[key]))
    .map((key) => `~ ${name} ${key}: ${written(old[key])} -> ${written(young[key])}`);
}

const written = (value: unknown): string =>
  value === undefined
    ? "none"
    : stringify(value, { schema: "failsafe", collectionStyle: "flow", lineWidth: 0 }).trim();
