/** Decides which tools may be called: by --allow, by --deny, and by a credential's capabilities. */
import { type Credential, explain, type Refusal } from "l8nt";
import { targetAt } from "l8nt/l402";
import { printable } from "../secrecy.ts";

export interface ToolListOptions {
  /** Undefined allows all tools that `deny` does not name; an empty list allows none. */
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
  /** Credential whose capabilities of this service are the allowed tools. */
  readonly held: { readonly credential: Credential; readonly service: string } | undefined;
}

/** Stand-in target: a call over stdio has no URL, so refusals for an endpoint are ignored. */
const NOWHERE = targetAt("POST", { scheme: "https", host: "stdio.invalid", port: 443 }, "/")!;

export class ToolList {
  readonly #options: ToolListOptions;

  constructor(options: ToolListOptions) {
    this.#options = options;
  }

  /** Returns why this tool may not be called now; undefined if it may. */
  refusal(tool: string, now: number): string | undefined {
    const { allow, deny, held } = this.#options;
    if (deny.includes(tool)) return "--deny names this tool";
    if (allow !== undefined && !allow.includes(tool)) return "--allow does not name this tool";
    if (held === undefined) return undefined;
    const { credential, service } = held;
    const refusals = credential.chain
      .refusals({ now, target: NOWHERE, service, capability: tool })
      .filter(({ code }) => code !== "ERR_ENDPOINT");
    return refusals.length === 0 ? undefined : refusals.map(reason).join("; ");
  }
}

const reason = (refusal: Refusal): string => printable(explain(refusal));
