/**
 * Which tools may be called: named ones, all but named ones, or those that a credential names as
 * capabilities.
 */
import { type Credential, explain, type Refusal } from "l8nt";
import { targetAt } from "l8nt/l402";
import { printable } from "../secrecy.ts";

export interface ToolListOptions {
  /** Undefined lets everything through that is not denied; an empty list nothing. */
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
  /** Its caveats, where there is one, for the service of this name. */
  readonly held: { readonly credential: Credential; readonly service: string } | undefined;
}

/** A call over stdio has no URL, so what a credential says of URLs says nothing here. */
const NOWHERE = targetAt("POST", { scheme: "https", host: "stdio.invalid", port: 443 }, "/")!;

export class ToolList {
  readonly #options: ToolListOptions;

  constructor(options: ToolListOptions) {
    this.#options = options;
  }

  /** Why this tool may not be called now; undefined where it may. */
  refusal(tool: string, now: number): string | undefined {
    const { allow, deny, held } = this.#options;
    if (deny.includes(tool)) return "this tool is denied here";
    if (allow !== undefined && !allow.includes(tool))
      return "this tool is not among those allowed here";
    if (held === undefined) return undefined;
    const { credential, service } = held;
    const refusals = credential.chain
      .refusals({ now, target: NOWHERE, service, capability: tool })
      .filter(({ code }) => code !== "ERR_ENDPOINT");
    return refusals.length === 0 ? undefined : refusals.map(reason).join("; ");
  }
}

const reason = (refusal: Refusal): string => printable(explain(refusal));
