/**
 * The tool `delegate`: a narrower credential for a sub-agent, which the model gets by name and
 * never sees.
 */
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Scope } from "l8nt";
import { warningsAbout } from "../warnings.ts";
import type { Agents } from "./agents.ts";
import { refused, said } from "./answer.ts";

export type DelegateOrder = { readonly [Key in keyof Scope]: Scope[Key] | undefined } & {
  readonly agent: string;
  readonly from?: string | undefined;
};

export function delegateTool(agents: Agents, { from, ...wanted }: DelegateOrder): CallToolResult {
  try {
    const { agent } = wanted;
    const given = Object.fromEntries(
      Object.entries(wanted).filter(([, value]) => value !== undefined),
    ) as Scope;
    const path = agents.delegate({ ...given, agent }, from);
    const [parent, child] = [from, agent].map((name) => agents.find(name).credentials[0]);
    return said(
      [
        `There is an agent ${agent} now. Its requests are made with fetch and as: "${agent}"; its budget is shown by budget.`,
        ...(path === undefined
          ? []
          : [`Its credential, for another process of this user, is in ${path}`]),
        ...warningsAbout(parent!, child!, Date.now() / 1000).map((warning) => `Note: ${warning}`),
      ].join("\n"),
    );
  } catch (error) {
    return refused(error);
  }
}
