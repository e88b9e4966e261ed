/**
 * An ancestor of the public-key form revokes what descends from it, by its blocks.
 * spec/9-public-key.md §8.
 */
import { describe, expect, test } from "vitest";
import { Symbols } from "../biscuit/block.ts";
import {
  decodeSignedBlock,
  encodeSigned,
  encodeToken,
  signedText,
  type Token,
} from "../biscuit/token.ts";
import { HttpClient } from "../client/index.ts";
import type { Credential } from "../credential/index.ts";
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { signerOf } from "../internal/ed25519.ts";
import { Credential as Reader } from "../l402/credential.ts";
import type { BiscuitBody } from "../public-key/body.ts";
import { Minter, seal } from "../public-key/index.ts";
import { writeKeyPage } from "../public-key/key-page.ts";
import { narrowingBlock, readBlocks } from "../public-key/profile.ts";
import { MemoryStore } from "../stores/memory.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

const NOW = 1_800_000_000;
const issuer = "https://treasury.example";
const location = "https://api.example";
const minter = new Minter({ privateKey: "11".repeat(32), issuer, location, clock: () => NOW });
const keys = writeKeyPage(issuer, [{ keyId: 0, publicKey: new Uint8Array(minter.publicKey) }]);
const options = { now: NOW };

const paywallOf = (given: Partial<PaywallOptions> = {}) =>
  new Paywall({
    location,
    trust: [issuer],
    clock: () => NOW,
    alarm: () => {},
    fetch: (async () =>
      new Response(keys, { headers: { "content-type": "application/json" } })) as typeof fetch,
    ...given,
  });

const root = minter.mint({ endpoints: [`* ${location}/**`], expiresIn: "90d" });
const parent = root.delegate({ agent: "parent" }, options);
const child = parent.attenuate({ purpose: "x" }, options).delegate({ agent: "child" }, options);
const narrowed = child.attenuate({ expiresIn: "1h" }, options);
const grandchild = child.delegate({ agent: "grandchild" }, options);
const sibling = parent.delegate({ agent: "sibling" }, options);

const blocks = (from: Credential, to: Credential): string[] => {
  const body = to.body as BiscuitBody;
  return body.token.blocks
    .slice((from.body as BiscuitBody).token.blocks.length)
    .map((block) => base64Text(encodeSigned(block)));
};

const codeAt = async (paywall: Paywall, credential: Credential) => {
  const headers = { authorization: `L402 ${credential}` };
  const decision = await paywall.authorize(new Request(`${location}/a`, { headers }));
  if (decision.granted) return "granted";
  return ((await decision.response.json()) as { code: string }).code;
};

const revoke = async (paywall: Paywall, ancestor: Credential, body: unknown) => {
  const response = await paywall.wellKnown(
    new Request(location + REVOCATIONS_PATH, {
      method: "POST",
      headers: { authorization: `L402 ${ancestor}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  const { code = "revoked" } = (await response!.json()) as { code?: string };
  return code;
};

describe("revokes the child and all below it, and nothing else", () => {
  test.each<[string, Credential, string[]]>([
    ["the parent, open", parent, blocks(parent, child)],
    ["the parent, sealed", seal(parent), blocks(parent, child)],
    ["the root", root, blocks(root, child)],
    ["blocks that follow the agent's", parent, blocks(parent, narrowed)],
  ])("%s", async (_name, ancestor, following) => {
    const paywall = paywallOf();
    expect(await revoke(paywall, ancestor, { blocks: following })).toBe("revoked");
    for (const one of [child, narrowed, grandchild, seal(child)])
      expect(await codeAt(paywall, one)).toBe("ERR_REVOKED");
    for (const one of [root, parent, sibling]) expect(await codeAt(paywall, one)).toBe("granted");
  });

  test("a grandchild goes, and its parent stays", async () => {
    const paywall = paywallOf();
    expect(await revoke(paywall, root, { blocks: blocks(root, grandchild) })).toBe("revoked");
    expect(await codeAt(paywall, grandchild)).toBe("ERR_REVOKED");
    expect(await codeAt(paywall, child)).toBe("granted");
  });

  test.each<[string, Credential, Credential]>([
    ["open", parent, narrowed],
    ["sealed", seal(parent), seal(child)],
  ])("client.revoke: %s", async (_name, ancestor, revoked) => {
    const paywall = paywallOf();
    const client = new HttpClient({
      credential: ancestor,
      fetch: (async (url, init) =>
        (await paywall.wellKnown(new Request(url, init)))!) as typeof fetch,
    });
    await client.revoke(revoked.toString());
    expect(await codeAt(paywall, child)).toBe("ERR_REVOKED");
    expect(await codeAt(paywall, parent)).toBe("granted");
    await expect(client.revoke(root)).rejects.toThrow(TypeError);
    await expect(client.revoke(parent)).rejects.toThrow(TypeError);
  });
});

describe("a credential that is good at several origins, which is narrowed when it is presented", () => {
  const wide = minter.mint({ endpoints: ["* https://*:*/**"], expiresIn: "90d" });
  const above = wide.delegate({ agent: "above" }, options);
  const below = above.attenuate({ purpose: "x" }, options).delegate({ agent: "below" }, options);
  const beside = above.delegate({ agent: "beside" }, options);

  test.each<[string, Credential]>([
    ["the root", wide],
    ["its parent", above],
  ])("client.revoke by %s", async (_name, ancestor) => {
    const paywall = paywallOf();
    const client = new HttpClient({
      credential: ancestor,
      fetch: (async (url, init) =>
        (await paywall.wellKnown(new Request(url, init)))!) as typeof fetch,
    });
    await client.revoke(below.toString());
    for (const one of [below, below.delegate({ agent: "c" }, options)])
      expect(await codeAt(paywall, one)).toBe("ERR_REVOKED");
    for (const one of [wide, above, beside]) expect(await codeAt(paywall, one)).toBe("granted");
  });

  test.each([`${location}/v1`, `${location}/v1/`])("client.revoke at %s", async (at) => {
    const here = new Minter({
      privateKey: "11".repeat(32),
      issuer,
      location: at,
      clock: () => NOW,
    });
    const ancestor = here.mint({ endpoints: [`* ${location}/v1/**`], expiresIn: "1h" });
    const revoked = ancestor.delegate({ agent: "a" }, options);
    const paywall = paywallOf({ location: at });
    const asked: string[] = [];
    const client = new HttpClient({
      credential: ancestor,
      fetch: (async (url: string, init) => {
        asked.push(url);
        // As a proxy does that removes the path.
        return (await paywall.wellKnown(new Request(url.replace("/v1/", "/"), init)))!;
      }) as typeof fetch,
    });
    await client.revoke(revoked.toString());
    expect(asked).toEqual([`${location}/v1${REVOCATIONS_PATH}`]);
    expect(await codeAt(paywall, revoked)).toBe("ERR_REVOKED");
    expect(await codeAt(paywall, ancestor)).toBe("granted");
  });

  const only = (origin: string, from = above) =>
    from.attenuate({ endpoints: [`* ${origin}/**`] }, options);
  test.each<[string, Credential]>([
    // Another service was shown it.
    ["narrowed to another origin", seal(only("https://b.example"))],
    ["narrowed to it and then to another one", seal(only("https://b.example", only(location)))],
    ["narrowed, and open", only(location)],
    ["narrowed to a part", seal(only(`${location}/a`))],
    [
      "narrowed in more than one way",
      seal(above.attenuate({ endpoints: [`* ${location}/**`], purpose: "x" }, options)),
    ],
    ["sealed, of the child's sibling", seal(only(location, beside))],
  ])("%s, revokes nothing", async (_name, shown) => {
    const paywall = paywallOf();
    const following = { blocks: blocks(above, below) };
    expect(await revoke(paywall, shown, following)).toBe("ERR_REQUEST");
    expect(await codeAt(paywall, below)).toBe("granted");
    expect(await revoke(paywall, seal(only(location)), following)).toBe("revoked");
  });
});

/** Narrowed as an older library does: the signature does not cover the block before. */
function appendedAsVersion0(credential: Credential, caveats: readonly string[]): Credential {
  const { token } = credential.body as BiscuitBody;
  if (token.proof.kind !== "open") throw new Error("it is sealed");
  const next = signerOf();
  const symbols = readBlocks(token.blocks.map(({ data }) => data)).symbols;
  const block = {
    data: narrowingBlock(caveats, new Symbols(symbols)),
    nextKey: next.publicKey,
    version: 0,
  } as const;
  const signature = signerOf(token.proof.nextSecret).sign(
    signedText(block, token.blocks.at(-1)!.signature),
  );
  const longer: Token = {
    ...token,
    blocks: [...token.blocks, { ...block, signature }],
    proof: { kind: "open", nextSecret: next.privateKey },
  };
  return Reader.parse(`${base64Text(encodeToken(longer))}:${credential.toString().split(":")[1]}`);
}

test("a block of version 0 behind a block of somebody else's opens another node", async () => {
  const manager = appendedAsVersion0(root, ["agent=manager.0011223344556677"]);
  const victim = appendedAsVersion0(manager, ["agent=victim.0011223344556688"]);
  const attacker = minter.mint({ endpoints: [`* ${location}/**`], expiresIn: "1h" });
  // What was seen of the victim's, behind a block that names its key.
  const [seen] = (manager.body as BiscuitBody).token.blocks.slice(-1);
  const { token } = attacker.body as BiscuitBody;
  if (token.proof.kind !== "open") throw new Error("it is sealed");
  const block = { data: seen!.data, nextKey: seen!.nextKey, version: 1 } as const;
  const signature = signerOf(token.proof.nextSecret).sign(
    signedText(block, token.blocks.at(-1)!.signature),
  );
  const own = base64Text(encodeSigned({ ...block, signature }));
  const paywall = paywallOf();
  const following = { blocks: [own, ...blocks(manager, victim)] };
  expect(await revoke(paywall, seal(attacker), following)).toBe("revoked");
  expect(await codeAt(paywall, victim)).toBe("granted");
  expect(await revoke(paywall, manager, { blocks: blocks(manager, victim) })).toBe("revoked");
  expect(await codeAt(paywall, victim)).toBe("ERR_REVOKED");
});

const changed = (text: string): string => {
  const { signature, ...block } = decodeSignedBlock(base64Bytes(text)!);
  const other = Uint8Array.from(signature, (byte, at) => (at === 7 ? byte ^ 1 : byte));
  return base64Text(encodeSigned({ ...block, signature: other }));
};

describe("is refused, and revokes nothing", () => {
  const own = blocks(parent, child);
  test.each<[string, Credential, unknown]>([
    ["blocks of a sibling", sibling, { blocks: own }],
    ["the child's own", child, { blocks: own }],
    [
      "of another issue",
      minter.mint({ endpoints: [`* ${location}/**`], expiresIn: "1h" }),
      { blocks: own },
    ],
    ["a first one left out", parent, { blocks: own.slice(1) }],
    ["in another order", parent, { blocks: own.toReversed() }],
    ["one twice", parent, { blocks: [...own, own.at(-1)] }],
    ["a signature with a changed bit", parent, { blocks: own.map(changed) }],
    ["without an agent", parent, { blocks: own.slice(0, 1) }],
    ["none", parent, { blocks: [] }],
    ["no base64", parent, { blocks: ["?"] }],
    ["no block", parent, { blocks: ["AAAA"] }],
    ["too many", parent, { blocks: Array.from({ length: 64 }, () => own[0]) }],
    ["more than a list may have", parent, { blocks: Array.from({ length: 65 }, () => own[0]) }],
    ["caveats", parent, { caveats: child.caveatsBelow(parent) }],
    ["both", parent, { caveats: child.caveatsBelow(parent), blocks: own }],
    ["neither", parent, {}],
  ])("%s", async (_name, ancestor, body) => {
    const paywall = paywallOf();
    expect(await revoke(paywall, ancestor, body)).toBe("ERR_REQUEST");
    expect(await codeAt(paywall, child)).toBe("granted");
  });
});

test("a second service is told by the log that both share", async () => {
  const store = new MemoryStore();
  const [one, other] = [
    paywallOf({ revocations: { store } }),
    paywallOf({ revocations: { store } }),
  ];
  await Promise.all([one.ready(), other.ready()]);
  expect(await codeAt(other, child)).toBe("granted");
  expect(await revoke(one, seal(parent), { blocks: blocks(parent, child) })).toBe("revoked");
  other.close();
  const third = paywallOf({ revocations: { store } });
  await third.ready();
  expect(await codeAt(third, child)).toBe("ERR_REVOKED");
  expect(await codeAt(third, parent)).toBe("granted");
  one.close();
  third.close();
});
