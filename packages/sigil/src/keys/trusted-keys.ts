/** The public keys that `sigil verify` trusts: their issuer's, fetched or from a file. */
import { IssuerDirectory, type IssuerKeys } from "l8nt/biscuit";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import { readText } from "../input.ts";
import { fromScope } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";

export const TRUST_FLAGS = {
  trust: {
    value: "ORIGIN",
    repeatable: true,
    help: "public-key form: an issuer whose keys are fetched and trusted",
  },
  "key-page": {
    value: "FILE",
    help: "public-key form: the issuer's page of keys as a file; nothing is fetched",
  },
} as const satisfies Record<string, Flag>;

type Given = Arguments<keyof typeof TRUST_FLAGS>;

/** Whether the flags name any keys. */
export const namesKeys = (given: Given): boolean => given.has("trust") || given.has("key-page");

/** @throws UsageError */
export async function trustedKeys(given: Given, terminal: Terminal): Promise<IssuerKeys> {
  const file = given.text("key-page");
  const page = file === undefined ? undefined : await readText(file, "--key-page");
  const issuers = given.all("trust") ?? issuersOf(page ?? "");
  return fromScope(
    () =>
      new IssuerDirectory({
        issuers,
        alarm: (message, cause) => {
          const reason = cause instanceof Error ? `: ${cause.message}` : "";
          terminal.note(`${message.replace(/^l8nt: /, "sigil: ")}${reason}`);
        },
        ...(page !== undefined && {
          fetch: async () =>
            new Response(page, { headers: { "content-type": "application/json" } }),
        }),
      }),
  );
}

/** The issuers that a page names. @throws UsageError for one that is no page, or names none */
function issuersOf(page: string): readonly string[] {
  try {
    const entries = JSON.parse(page) as readonly { readonly issuer?: unknown }[];
    const named = [...new Set(entries.map(({ issuer }) => issuer))];
    const issuers = named.filter((issuer) => typeof issuer === "string");
    if (issuers.length > 0) return issuers;
  } catch {
    throw new UsageError(
      "The file of --key-page is not a page of keys, as `sigil keys publish` prints it.",
    );
  }
  throw new UsageError("The page of --key-page names no issuer; add --trust ORIGIN.");
}
