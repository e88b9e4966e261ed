/** What the gateway prints when it listens: where it is, and the key for an agent. */
import { WELL_KNOWN_PATH } from "l8nt/service";
import type { Preset } from "../presets/preset.ts";
import { USUAL } from "./usual.ts";

/** What of a service is told. */
export interface Greeted {
  readonly name: string;
  readonly preset: Pick<Preset, "name">;
  readonly prefix: string;
  /** Undefined if it sells nothing. */
  readonly seller?: object | undefined;
}

export interface Greeting {
  readonly location: string;
  readonly key: string;
  /** About the key of the last start. */
  readonly notice?: string | undefined;
  readonly pid: number;
}

export function greeting(
  services: readonly Greeted[],
  { location, key, notice, pid }: Greeting,
): string {
  const shops = services
    .filter(({ seller }) => seller !== undefined)
    .map(({ prefix }) => location + prefix + WELL_KNOWN_PATH);
  const selling =
    shops.length === 0
      ? ""
      : ` It sells calls to anybody with a Lightning wallet, as\n${shops.join(" and\n")} says.`;
  return `The gateway listens at ${location}. Its process is ${pid}.${selling} Give an agent

${settingsOf(services, location, key).join("\n")}

and hand weaker keys to its helpers with \`sigil delegate --key-form --agent NAME\`.
${notice === undefined ? "" : `\n${notice}\n`}`;
}

/** With several services the one key has a name, so that it is not there for each of them. */
function settingsOf(
  services: readonly Greeted[],
  location: string,
  key: string,
): readonly string[] {
  const [only] = services;
  if (only !== undefined && services.length === 1)
    return linesOf(only, location, key).map((line) => `  ${line}`);
  return [
    `  AGENT_API_KEY=${key}`,
    "",
    "which is the key for each of these, and of those that it uses",
    ...services.flatMap((one) => [
      "",
      `  # ${one.name}`,
      ...linesOf(one, location, "$AGENT_API_KEY").map((line) => `  ${line}`),
    ]),
  ];
}

/** Variables that an SDK of the vendor reads, or else the line of code that it needs. */
function linesOf({ preset, prefix }: Greeted, location: string, key: string): readonly string[] {
  const { keys, baseUrl, basePath, code } = USUAL[preset.name]!;
  const url = location + prefix + basePath;
  const [variable] = keys;
  if (baseUrl !== undefined) return [`${baseUrl}=${url}`, `${variable}=${key}`];
  if (code === undefined) return [`the base URL  ${url}`, `the API key   ${key}`];
  const name = variable ?? AGENT_KEY;
  const line =
    code(new URL(url), `process.env.${name}`) ??
    `(${url}: its SDK takes no path, so give the service prefix: "" in a configuration)`;
  return [`${name}=${key}`, line];
}

/** Of a vendor that takes no key itself. */
const AGENT_KEY = "AGENT_API_KEY";
