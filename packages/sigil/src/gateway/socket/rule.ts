/** Which paths of a service are open to WebSockets, and what those cost. */
import type { Amount } from "l8nt/invoice";
import type { Target } from "../core/request.ts";
import { modelInQuery } from "../model-in-query.ts";
import { matchRoute } from "../presets/match.ts";
import { RequestRefused } from "../presets/refused.ts";

export interface SocketRule {
  /** As in `PresetRoute`. */
  readonly path: string;
  readonly capability: string;
  /** Whether the query's `model` is the one that the messages use. */
  readonly model?: "query" | undefined;
  /** Charged for each connection, beside its minutes. In the unit of `perMinute`. */
  readonly perConnection: Amount | undefined;
  /** Charged for each minute that has begun. */
  readonly perMinute: Amount;
  readonly idleMs: number;
  readonly totalMs: number;
}

export interface SocketMatch {
  readonly rule: SocketRule;
  readonly capability: string;
  /**
   * From the path, or from the query. Undefined denies credentials that name models. To read it
   * throws RequestRefused if the query has no one reading of its model.
   */
  readonly model: string | undefined;
}

/** The first rule for a path. */
export function matchSocket(
  rules: readonly SocketRule[],
  { path, query }: Target,
): SocketMatch | undefined {
  for (const rule of rules) {
    const { capability } = rule;
    const route = { path: rule.path, capability, method: "GET", meter: "flat" } as const;
    const match = matchRoute({ routes: [route] }, "GET", path);
    if (match === undefined) continue;
    return {
      rule,
      capability: match.capability,
      get model() {
        return rule.model === "query" ? modelIn(query, match.model) : match.model;
      },
    };
  }
  return undefined;
}

/** The model that the query names once, and as every reader reads it. @throws RequestRefused */
function modelIn(query: string, ofPath: string | undefined): string | undefined {
  const named = modelInQuery(query);
  if (named === undefined) return ofPath;
  if (named === "unclear")
    throw new RequestRefused(
      "bad_request",
      "The query must have the parameter model once, with one name.",
    );
  if (ofPath !== undefined && ofPath !== named.name)
    throw new RequestRefused(
      "model_mismatch",
      "The query names another model than the path. Name one.",
    );
  return named.name;
}
