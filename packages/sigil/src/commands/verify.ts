/** `sigil verify`: judges a credential for a request, with the authority's secret. */
import { DeniedError, type Refusal, TokenError } from "l8nt";
import { limitWords, uncountedSpend } from "l8nt/caveats";
import { type Amount, formatAmount, readAmountOption } from "l8nt/invoice";
import { type Access, HmacVerifier, RevocationList, targetOfUrl, type Verified } from "l8nt/l402";
import { command } from "../command.ts";
import { EXIT, exitCodeOf, UsageError } from "../exit.ts";
import {
  CREDENTIAL_FLAGS,
  credentialText,
  oneCredential,
  SECRET_FLAGS,
  secretText,
} from "../input.ts";
import { fromScope } from "../scope-flags.ts";
import { readHttpUrl } from "../service-url.ts";
import { distance } from "../words.ts";

export const verify = command({
  name: "verify",
  summary: "check that a credential is genuine, and covers a request",
  usage: '--url URL [--method GET] [--price "10 sat"]',
  help: `Needs the authority's secret, from SIGIL_SECRET or --secret-file. Judges the signature, the
payment and the caveats. Only the treasury or the service knows what is left of budgets and uses,
and what was revoked.`,
  flags: {
    url: { value: "URL", help: "the URL of the request" },
    method: { value: "METHOD", help: "the method of the request (default: GET)" },
    price: { value: '"10 sat"', help: "the price of the request" },
    service: {
      value: "NAME",
      help: "the service's L402 name, if the credential names services",
    },
    capability: { value: "NAME", help: "the capability that the request needs" },
    kind: {
      value: "access|spending",
      help: "which conditions the authority knows: spending (default) knows all",
    },
    ...CREDENTIAL_FLAGS,
    ...SECRET_FLAGS,
  },
  async run(given, terminal) {
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending")
      throw new UsageError("--kind must be access or spending.");
    const url = given.text("url");
    if (url === undefined)
      throw new UsageError("Missing --url URL: the request that the credential should cover.");
    const target = targetOfUrl(readMethod(given.text("method") ?? "GET"), readHttpUrl(url));
    if (target === undefined)
      throw new UsageError("--method and --url are not a request that HTTP allows.");
    const price = given.has("price")
      ? fromScope(() => readAmountOption(given.text("price"), "--price"))
      : undefined;
    const service = given.text("service");
    const capability = given.text("capability");
    const access: Access = {
      now: Date.now() / 1000,
      target,
      ...(price !== undefined && { price }),
      ...(service !== undefined && { service }),
      ...(capability !== undefined && { capability }),
    };
    const secret = await secretText(given, terminal);
    const credential = oneCredential(await credentialText(given, terminal, { pipe: true }));
    const verifier = fromScope(
      () => new HmacVerifier({ secret, kind, revocations: new RevocationList() }),
    );
    let verified: Verified;
    try {
      verified = verifier.authenticate(credential);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      terminal.fail(error, { granted: false, genuine: false });
      return exitCodeOf(error);
    }
    const [first, ...others] = [...verified.judge(access), ...neverPossible(verified, price, kind)];
    if (first !== undefined) {
      // Not a BudgetError, which means that a budget ran out.
      const error = new DeniedError([first, ...others]);
      terminal.fail(error, { granted: false, genuine: true });
      return exitCodeOf(error);
    }
    const { lineage, node, validUntil, limits } = verified;
    const counted = [...new Set(limits.map(({ condition }) => condition))];
    const who = lineage.length === 0 ? "the root" : lineage.join(" → ");
    const lines = [
      `granted to ${who}${validUntil === undefined ? "" : `, which ends ${distance(validUntil - access.now)}`}`,
      ...(counted.length === 0
        ? []
        : [`not judged, because only the treasury or service counts: ${counted.join(", ")}`]),
    ];
    terminal.answer(`${lines.join("\n")}\n`, {
      granted: true,
      genuine: true,
      lineage,
      node: node.id,
      validUntil: validUntil ?? null,
      limits: limits.map(({ condition, max, windowSeconds }) => ({
        condition,
        max,
        ...(windowSeconds !== undefined && { windowSeconds }),
      })),
    });
    return EXIT.ok;
  },
});

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Reads a method. @throws UsageError for lower case: methods are case-sensitive */
function readMethod(typed: string): string {
  const upper = typed.toUpperCase();
  if (typed === upper) return typed;
  const meant = METHODS.includes(upper) ? ` Did you mean ${upper}?` : "";
  throw new UsageError(`--method must be in upper case.${meant}`);
}

/** Refusals that need no ledger: a budget smaller than one price, or no budget in its unit. */
function neverPossible(
  { chain }: Verified,
  price: Amount | undefined,
  kind: "access" | "spending",
): readonly Refusal[] {
  if (price === undefined) return [];
  const uncounted = uncountedSpend(chain, price, kind);
  const tooSmall = chain.limits
    .filter(
      ({ kind: counts, unit, max }) =>
        counts === "spend" && unit === price.unit && max < price.value,
    )
    .map(
      ({ condition, max, node: { id, agent } }): Refusal => ({
        code: "ERR_BUDGET",
        condition,
        have: limitWords(condition, max),
        need: `${formatAmount(price)}, which is never possible`,
        ...(id !== undefined && { node: { id, ...(agent !== undefined && { agent }) } }),
      }),
    );
  return uncounted === undefined ? tooSmall : [uncounted];
}
