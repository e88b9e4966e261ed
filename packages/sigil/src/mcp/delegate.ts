/**
 * The tool `delegate`: makes a narrower credential for a sub-agent. The model refers to it by name
 * and never sees it.
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
        `Made the agent ${agent}. Use fetch and budget with as: "${agent}" to act as this agent.`,
        ...(path === undefined
          ? []
          : [`Other processes of this user can read its credential from ${path}`]),
        ...warningsAbout(parent!, child!, Date.now() / 1000).map((warning) => `Note: ${warning}`),
      ].join("\n"),
    );
  } catch (error) {
    return refused(error);
  }
}
