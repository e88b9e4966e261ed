/** Reads a configuration: the text of a file, or what flags were read to. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { UsageError } from "../../exit.ts";
import { config, DEFAULT_FOLDER, type GatewayConfig } from "./config.ts";
import { DECIDE_FOLDER, decide } from "./decide.ts";
import { type Issue, issuesOf, messageOf, pathText, sentence } from "./issues.ts";
import { type Fault, readYaml } from "./yaml.ts";

/** @throws UsageError that names each line and key that is wrong, and shows no value */
export function readConfigFile(path: string): GatewayConfig {
  return withPathsFrom(dirname(resolve(path)), readFileAs(config, path));
}

/** @throws UsageError that names each line and key that is wrong, and shows no value */
export const readFileAs = <S extends z.ZodType>(schema: S, path: string): z.output<S> =>
  readTextAs(schema, textOf(path), basename(path));

/**
 * The folder of a gateway by its file, whatever else is wrong in it: an owner who stops everything
 * may be in the middle of editing it.
 */
export function folderInFile(path: string): string {
  const text = textOf(path);
  const { value } = readYaml(text);
  const { dir: named } = Object(value) as { readonly dir?: unknown };
  const [, , line] = /^dir:[ \t]*(["']?)([^"'#\n]+?)\1[ \t]*(?:#.*)?$/m.exec(text) ?? [];
  const folder = typeof named === "string" ? named : line;
  const usual = isOfDecide(text) ? DECIDE_FOLDER : DEFAULT_FOLDER;
  return resolve(dirname(resolve(path)), folder ?? usual);
}

/** Whether a file is one of `sigil gateway decide`, which alone says what asks. */
const isOfDecide = (text: string): boolean => /^proxy:/m.test(text);

/** Where the books are of a gateway or a decision service. @throws UsageError */
export function booksInFile(path: string): {
  readonly dir: string;
  readonly store?: string | undefined;
} {
  if (!isOfDecide(textOf(path))) return readConfigFile(path);
  const { dir, store } = readFileAs(decide, path);
  return { dir: resolve(dirname(resolve(path)), dir), store };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new UsageError("The file of --config cannot be read.");
  }
}

/** @param name of the file, in messages */
export const readConfigText = (text: string, name: string): GatewayConfig =>
  readTextAs(config, text, name);

function readTextAs<S extends z.ZodType>(schema: S, text: string, name: string): z.output<S> {
  const { value, faults, lineOf } = readYaml(text);
  if (faults.length > 0) throw wrong(name, faults);
  const checked = checkAs(schema, value);
  if ("config" in checked) return checked.config;
  throw wrong(
    name,
    checked.issues.map((issue) => ({ ...issue, line: lineOf(issue.path) })),
  );
}

type Checked<Config> = { readonly config: Config } | { readonly issues: readonly Issue[] };

/** The configuration of a value that has the form of the file, or what is wrong with it. */
export const check = (value: unknown): Checked<GatewayConfig> => checkAs(config, value);

function checkAs<S extends z.ZodType>(schema: S, value: unknown): Checked<z.output<S>> {
  const result = schema.safeParse(value, { error: messageOf });
  return result.success
    ? { config: result.data }
    : { issues: issuesOf(result.error, (path) => keysAt(schema, path)) };
}

function wrong(name: string, faults: readonly Fault[]): UsageError {
  const lines = [...faults]
    .sort((a, b) => a.line - b.line)
    .map(({ path, line, message }) => {
      const subject = path.length === 0 ? "it" : pathText(path);
      return `${name}:${line}: ${sentence(`${subject} ${message}`)}`;
    });
  return new UsageError(lines.join("\n"));
}

/** The keys that a schema has at a path. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  const inner = within(schema);
  const [first, ...rest] = path;
  if (inner instanceof z.ZodObject)
    return first === undefined
      ? Object.keys(inner.shape)
      : keysAt((inner.shape as Record<PropertyKey, unknown>)[first], rest);
  if (first === undefined) return [];
  if (inner instanceof z.ZodRecord) return keysAt(inner.valueType, rest);
  return inner instanceof z.ZodArray ? keysAt(inner.element, rest) : [];
}

function within(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return within(schema.in);
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
    ? within(schema.unwrap())
    : schema;
}

/** With paths of files that are relative to a folder. */
function withPathsFrom(folder: string, read: GatewayConfig): GatewayConfig {
  const from = (path: string) => resolve(folder, path);
  const { listen, prices } = read;
  const { tlsCert, tlsKey } = listen;
  return {
    ...read,
    dir: from(read.dir),
    listen: {
      ...listen,
      ...(tlsCert !== undefined && { tlsCert: from(tlsCert) }),
      ...(tlsKey !== undefined && { tlsKey: from(tlsKey) }),
    },
    prices: { ...prices, ...(prices.file !== undefined && { file: from(prices.file) }) },
  };
}
