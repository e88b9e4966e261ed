/**
 * `sigil verify`: would this credential be let in? With the secret, as the authority itself judges.
 */
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
  summary: "whether a credential is genuine, and covers a request",
  usage: '--url URL [--method GET] [--price "10 sat"]',
  help: `Needs the authority's secret (SIGIL_SECRET or --secret-file) and judges signature, payment and caveats. What is
counted (budgets, uses) and what was revoked, only the treasury or the service knows.`,
  flags: {
    url: { value: "URL", help: "what would be requested" },
    method: { value: "METHOD", help: "GET if it is not given" },
    price: { value: '"10 sat"', help: "what it would cost" },
    service: {
      value: "NAME",
      help: "the service's L402 name, where the credential names services",
    },
    capability: { value: "NAME", help: "what the request does there" },
    kind: {
      value: "access|spending",
      help: "which conditions the authority knows; spending knows all",
    },
    ...CREDENTIAL_FLAGS,
    ...SECRET_FLAGS,
  },
  async run(given, terminal) {
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending")
      throw new UsageError("--kind is access or spending.");
    const url = given.text("url");
    if (url === undefined) throw new UsageError("Which request? sigil verify --url URL.");
    const target = targetOfUrl(readMethod(given.text("method") ?? "GET"), readHttpUrl(url));
    if (target === undefined) throw new UsageError("This method and path cannot be requested.");
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
      // Never a BudgetError: nothing has run out, and waiting does not help.
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
        : [`counted elsewhere, not judged here: ${counted.join(", ")}`]),
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

/** @throws UsageError for a method in lower case, which no server knows */
function readMethod(typed: string): string {
  const upper = typed.toUpperCase();
  if (typed === upper) return typed;
  const meant = METHODS.includes(upper) ? `: did you mean ${upper}?` : ".";
  throw new UsageError(`Methods are upper case${meant}`);
}

/**
 * The budgets that are smaller than one price, whatever was spent of them, and a missing budget: no
 * ledger is needed to refuse.
 */
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
