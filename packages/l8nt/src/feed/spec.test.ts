/**
 * The worked example of spec/7-revocation-feed.md, run against the code and, for what is signed,
 * against Node's OpenSSL.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { otherSigner } from "./fixtures/world.ts";
import { feedSource, REVOCATIONS_PATH, revocationFeed } from "./index.ts";

const page = readFileSync(
  new URL("../../../../spec/7-revocation-feed.md", import.meta.url),
  "utf8",
);
const example = page.slice(page.indexOf("## 4. "));
const shown = (what: string) =>
  new RegExp(`^\\| ${what} \\| \`([0-9a-f]+)\` \\|$`, "m").exec(example)![1]!;
const [signedText = "", pageText = ""] = [...example.matchAll(/^```\n(.*?)\n```$/gms)].map(
  ([, text]) => text!,
);
const location = "https://treasury.example";
const [AT, ENDS_AT] = [1893456000, 1893459600];
const [first, second] = ["82c1c2751854768d156b0777a3f79842", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"];

test("§1: the members are those that the page lists, and no others", () => {
  const named = [
    ...page.slice(page.indexOf("## 1. "), page.indexOf("### 1.1")).matchAll(/^\| `(\w+)` \|/gm),
  ];
  expect(Object.keys(JSON.parse(pageText)).sort()).toEqual(named.map(([, name]) => name).sort());
});

test("§4: Node verifies the signature over the text without it", () => {
  const publicKey = shown("public key");
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey, "hex").toString("base64url") },
    format: "jwk",
  });
  const { signature, ...members } = JSON.parse(pageText);
  expect(JSON.stringify(members)).toBe(signedText);
  expect(verify(null, Buffer.from(signedText), key, Buffer.from(signature, "hex"))).toBe(true);
  expect(shown("key id")).toBe(
    createHash("sha256").update(Buffer.from(publicKey, "hex")).digest("hex").slice(0, 16),
  );
});

test("§4: it is what this library publishes for that log, and what a follower takes from it", async () => {
  const store = new MemoryStore();
  const stop = (kind: "revoke" | "freeze", nodeId: string, endsAt?: number) =>
    store.addDirective({ kind, nodeId, at: AT, ...(endsAt !== undefined && { endsAt }) });
  for (let number = 1; number <= 40; number++) await stop("revoke", "ab".repeat(16));
  await stop("revoke", first, ENDS_AT);
  await stop("freeze", first);
  await stop("revoke", second);
  const feed = revocationFeed(store, { key: otherSigner, location, clock: () => AT + 0.9 });
  const response = await feed(new Request(`${location + REVOCATIONS_PATH}?after=40`));
  expect(await response.text()).toBe(pageText);

  const source = feedSource({
    url: location + REVOCATIONS_PATH,
    publicKey: shown("public key"),
    fetch: async () => new Response(pageText),
  });
  const abort = new AbortController();
  const following = {
    location,
    clock: () => AT,
    seq: () => 40,
    maxSilenceSeconds: 10,
    signal: abort.signal,
  };
  for await (const reading of source(following)) {
    abort.abort();
    expect(reading).toMatchObject({
      seq: 43,
      entries: [{ node: first, endsAt: ENDS_AT }, { node: second }],
      aliveAt: AT,
    });
  }
});
