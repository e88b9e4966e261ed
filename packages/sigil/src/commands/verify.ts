/** `sigil verify`: judges a credential for a request, with a secret or the issuer's public keys. */
import { type Credential, DeniedError, type Refusal, TokenError } from "l8nt";
import { BiscuitVerifier, issuedOf } from "l8nt/biscuit";
import { limitWords, uncountedSpend } from "l8nt/caveats";
import { type Amount, formatAmount, readAmountOption } from "l8nt/invoice";
import {
  type Access,
  HmacVerifier,
  RevocationList,
  targetOfUrl,
  type Verified,
  type Verifier,
} from "l8nt/l402";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, exitCodeOf, UsageError } from "../exit.ts";
import {
  CREDENTIAL_FLAGS,
  credentialText,
  oneCredential,
  SECRET_FLAGS,
  secretText,
} from "../input.ts";
import { namesKeys, TRUST_FLAGS, trustedKeys } from "../keys/trusted-keys.ts";
import { fromScope } from "../scope-flags.ts";
import { readHttpUrl } from "../service-url.ts";
import type { Terminal } from "../terminal.ts";
import { distance } from "../words.ts";

const FLAGS = {
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
    help: "macaroon: which conditions the authority knows; spending (default) knows all",
  },
  ledger: {
    value: "URL",
    help: "public-key form: the location whose ledger counts limits (default: the origin of --url)",
  },
  ...CREDENTIAL_FLAGS,
  ...SECRET_FLAGS,
  ...TRUST_FLAGS,
} as const;

type Given = Arguments<keyof typeof FLAGS>;

export const verify = command<keyof typeof FLAGS>({
  name: "verify",
  summary: "check that a credential is genuine, and covers a request",
  usage: `--url URL [--method GET] [--price "10 sat"]
--url URL --trust ORIGIN|--key-page FILE [--ledger URL]`,
  help: `A macaroon needs the authority's secret, from SIGIL_SECRET or --secret-file. A credential of the
public-key form needs the keys of an issuer that you trust: --trust fetches them, --key-page reads
the page that \`sigil keys publish\` prints.

Judges the signature, the payment and the caveats. Only the treasury or the service knows what is
left of budgets and uses, and what was revoked.`,
  flags: FLAGS,
  async run(given, terminal) {
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
    const credential = oneCredential(await credentialText(given, terminal, { pipe: true }));
    const { verifier, kind } = await verifierFor(credential, readHttpUrl(url), given, terminal);
    let verified: Verified;
    try {
      await verifier.prepare?.(credential.toString());
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

type Kind = "access" | "spending";

/** The verifier of the credential's form, with the keys that the flags name. @throws UsageError */
async function verifierFor(
  credential: Credential,
  { origin }: URL,
  given: Given,
  terminal: Terminal,
): Promise<{ readonly verifier: Verifier; readonly kind: Kind }> {
  const revocations = new RevocationList();
  if (issuedOf(credential) === undefined) {
    if (namesKeys(given) || given.has("ledger"))
      throw new UsageError(
        "The credential is a macaroon: it is verified with a secret, and takes no --trust, --key-page or --ledger.",
      );
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending")
      throw new UsageError("--kind must be access or spending.");
    const secret = await secretText(given, terminal);
    return { verifier: fromScope(() => new HmacVerifier({ secret, kind, revocations })), kind };
  }
  if (given.has("kind") || given.has("secret-file"))
    throw new UsageError(
      "The credential is of the public-key form: it is verified with public keys, and takes no --kind or --secret-file.",
    );
  if (!namesKeys(given))
    throw new UsageError(
      "The credential is of the public-key form. Give --trust ORIGIN, an issuer that you trust, or --key-page FILE, its page of keys.",
    );
  const keys = await trustedKeys(given, terminal);
  const named = given.text("ledger");
  const ledger = named === undefined ? origin : locationOf(readHttpUrl(named));
  return { verifier: new BiscuitVerifier({ keys, revocations, ledger }), kind: "access" };
}

/** As a `ledger` caveat has it: with the path, if there is one, and without a slash at the end. */
const locationOf = ({ origin, pathname }: URL): string => origin + pathname.replace(/\/+$/, "");

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
