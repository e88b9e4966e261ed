/** What the gateway prints when it listens: where it is, and the key for an agent. */
import { WELL_KNOWN_PATH } from "l8nt/service";
import type { Service } from "../service.ts";
import { USUAL } from "./usual.ts";

export function greeting(services: readonly Service[], location: string, key: string): string {
  const lines = services.flatMap(({ preset, prefix }) => {
    const { baseUrl, basePath, keys, agentKey = keys[0] } = USUAL[preset.name]!;
    return [`  ${baseUrl}=${location}${prefix}${basePath}`, `  ${agentKey}=${key}`];
  });
  const sold = services.filter(({ seller }) => seller !== undefined);
  const shops = sold.map(({ prefix }) => location + prefix + WELL_KNOWN_PATH);
  const selling =
    sold.length === 0
      ? ""
      : ` It sells calls to anybody with a Lightning wallet, as\n${shops.join(" and\n")} says.`;
  return `The gateway listens at ${location}.${selling} Give an agent

${lines.join("\n")}

and hand weaker keys to its helpers with \`sigil delegate --key-form --agent NAME\`.
`;
}
