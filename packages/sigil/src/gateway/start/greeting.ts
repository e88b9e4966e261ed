/** What the gateway prints when it listens: where it is, and the key for an agent. */
import type { Service } from "../service.ts";
import { USUAL } from "./usual.ts";

export function greeting(services: readonly Service[], location: string, key: string): string {
  const lines = services.flatMap(({ preset, prefix }) => {
    const { baseUrl, basePath, keys, agentKey = keys[0] } = USUAL[preset.name]!;
    return [`  ${baseUrl}=${location}${prefix}${basePath}`, `  ${agentKey}=${key}`];
  });
  return `The gateway listens at ${location}. Give an agent

${lines.join("\n")}

and hand weaker keys to its helpers with \`sigil delegate --key-form --agent NAME\`.
`;
}
