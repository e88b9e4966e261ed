import { expect, test } from "vitest";
import { Authority } from "./authority.ts";
import { withoutCredentials } from "./repeated.ts";

const authority = new Authority({
  secret: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  location: "https://service.example",
});

/**
 * As services write what they were sent: some JSON escapes slashes, and a query has them
 * percent-encoded.
 */
const WAYS: Record<string, (text: string) => string> = {
  plain: (text) => text,
  "JSON with slashes escaped": (text) => text.replaceAll("/", "\\/"),
  "HTML-safe JSON": (text) => text.replaceAll("+", "\\u002b").replaceAll("=", "\\u003d"),
  "percent-encoded": encodeURIComponent,
};

test.each(Object.entries(WAYS))("a repeated credential is removed: %s", (_, written) => {
  for (let at = 0; at < 50; at++) {
    const credential = authority.minter.mint({
      expiresIn: "1h",
      endpoints: [`GET https://service.example/${at}`],
    });
    const [macaroon = "", preimage = ""] = credential.toString().split(":");
    const shown = withoutCredentials(`you sent ${written(`L402 ${credential}`)}, thank you`);
    expect(shown).not.toContain(preimage);
    expect(shown).not.toContain(written(macaroon).slice(-30));
    expect(shown).toMatch(/^you sent .*, thank you$/);
  }
});

test("a text without a credential stays as it is, however long", () => {
  for (const text of [
    "a".repeat(100_000),
    `sha256:${"a".repeat(64)}`,
    "GET https://a.example/b?c=d:e",
  ])
    expect(withoutCredentials(text)).toBe(text);
});
