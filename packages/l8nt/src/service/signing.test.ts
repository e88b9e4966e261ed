/** What a signature covers: the service's own URL, and each field with the credential. */
import { describe, expect, test } from "vitest";
import { HolderKey } from "../holder/index.ts";
import { Authority } from "../l402/index.ts";
import { Paywall } from "./index.ts";

const NOW = 1_800_000_000;
const clock = () => NOW;
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

/** The header fields that a key's `fetch` sends. */
function signing() {
  const sent: Headers[] = [];
  const fetcher = async (_url: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers));
    return new Response();
  };
  const key = new HolderKey("9d".repeat(32), { clock, fetch: fetcher as typeof fetch });
  return { key, sent };
}

test.each([
  "https://api.example/%7Euser",
  "https://api.example/caf%c3%a9/",
  "https://api.example/a",
  "https://api.example:8443",
])(
  "behind a proxy that removes the path of %s, its clients sign that very URL",
  async (location) => {
    const { key } = signing();
    const paywall = new Paywall({ secret, location, clock });
    const credential = paywall.authority.minter.mint({
      ...{ endpoints: [`* ${new URL(location).origin}/**`], expiresIn: "1h" },
      holder: key.thumbprint,
    });
    const ask = async (signedUrl: string) => {
      const headers = key.sign(
        new Request(signedUrl, { headers: { authorization: `L402 ${credential}` } }),
      );
      return (await paywall.authorize(new Request("http://10.0.0.1/x", { headers }))).granted;
    };
    const base = location.replace(/\/$/, "");
    expect(await ask(`${base}/x`)).toBe(true);
    expect(await ask(`${base}/y`)).toBe(false);
    expect(await ask("https://api.example/other/x")).toBe(false);
  },
);

describe("the key's fetch", () => {
  const { minter } = new Authority({ secret, location: "https://gateway.example", clock });
  const scope = { endpoints: ["* https://gateway.example/**"], expiresIn: "1h" } as const;

  test.each(["authorization", "x-api-key", "api-key", "x-goog-api-key"])(
    "signs what has its credential as an API key in %s, and covers it",
    async (name) => {
      const { key, sent } = signing();
      const credential = minter.mint({ ...scope, holder: key.thumbprint });
      const present = async (text: string) => {
        const value = name === "authorization" ? `Bearer ${text}` : text;
        await key.fetch("https://gateway.example/v1", { headers: { [name]: value } });
        return sent.at(-1)!.get("signature-input");
      };
      expect(await present(credential.toKey())).toContain(`"${name}"`);
      expect(await present(credential.toString())).toContain(`"${name}"`);
      const other = minter.mint({ ...scope, holder: new HolderKey().thumbprint });
      for (const text of ["sk-proj-abc", minter.mint(scope).toKey(), other.toKey()])
        expect(await present(text)).toBeNull();
    },
  );

  test("covers no API key of somebody else, which may be taken out on the way", async () => {
    const { key, sent } = signing();
    const credential = minter.mint({ ...scope, holder: key.thumbprint });
    const headers = { authorization: `L402 ${credential}`, "x-api-key": "of-another-api" };
    await key.fetch("https://gateway.example/v1", { headers });
    expect(sent[0]!.get("signature-input")).not.toContain("x-api-key");
  });
});

test("what is asked of a paywall with a body that cannot be had, or a field that is not covered", async () => {
  const { key } = signing();
  const location = "https://api.example";
  const paywall = new Paywall({ secret, location, clock });
  const credential = paywall.authority.minter.mint({
    ...{ endpoints: [`* ${location}/**`], expiresIn: "1h" },
    holder: key.thumbprint,
  });
  const verified = paywall.verifier.authenticate(credential);
  const headers = () =>
    key.sign(new Request(`${location}/x`, { headers: { authorization: `L402 ${credential}` } }));
  const facts = { method: "GET", target: "/x", body: async () => new Uint8Array() };
  const isSigned = async (more: object) =>
    (await paywall.signed(verified, { ...facts, headers: headers(), ...more })).isSigned;
  expect(await isSigned({})).toBe(true);
  expect(await isSigned({ body: async () => undefined })).toBe(false);
  const beside = headers();
  beside.set("x-api-key", credential.toKey());
  expect(await isSigned({ headers: beside, credentialFields: ["x-api-key"] })).toBe(false);
  expect(await isSigned({ credentialFields: ["authorization"] })).toBe(true);
  const asked = headers();
  for (const [more, expected] of [
    [{ isOnlyAsked: true }, true],
    [{ isOnlyAsked: true }, true],
    [{}, true],
    [{}, false],
  ] as const)
    expect(await isSigned({ ...more, headers: asked })).toBe(expected);
  const unbound = paywall.authority.minter.mint({
    endpoints: [`* ${location}/**`],
    expiresIn: "1h",
  });
  const plain = paywall.verifier.authenticate(unbound);
  expect(await paywall.signed(plain, { ...facts, headers: new Headers() })).toBe(plain);
});
