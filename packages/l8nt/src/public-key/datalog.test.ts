/** What a judge of Datalog is asked, and what becomes of its answers. spec/9-public-key.md §5. */
import { describe, expect, test } from "vitest";
import { decodeBlock, encodeBlock, Symbols } from "../biscuit/block.ts";
import { appendBlock } from "../biscuit/signatures.ts";
import { encodeToken, type Token } from "../biscuit/token.ts";
import { check, fact, query, text } from "../caveat/datalog.ts";
import { type Access, readOrigin, targetAt } from "../caveat/index.ts";
import { RevocationList } from "../credential/index.ts";
import { SigilError } from "../errors.ts";
import { base64Text } from "../internal/bytes.ts";
import { Credential } from "../l402/credential.ts";
import type { BiscuitBody } from "./body.ts";
import { BiscuitVerifier, type Datalog, type DatalogFact, Minter, seal } from "./index.ts";

const NOW = 1_800_000_000;
const ORIGIN = "https://api.example";
const minter = new Minter({
  privateKey: "11".repeat(32),
  issuer: "https://treasury.example",
  clock: () => NOW,
});
const root = minter.mint({
  endpoints: [`* ${ORIGIN}/**`],
  expiresIn: "1h",
  ledger: ORIGIN,
  maxUses: 3,
});

/** The token of a credential, with one more block of facts and checks. */
function appended(credential: Credential, name: string): Token {
  const { token } = credential.body as BiscuitBody;
  const symbols = new Symbols();
  for (const { data } of token.blocks) decodeBlock(data, symbols);
  const checks = [check(query([fact(name, text("read"))]))];
  return appendBlock(token, encodeBlock({ facts: [], checks }, symbols));
}
const textOf = (token: Token): string =>
  `${base64Text(encodeToken(token))}:${root.toString().split(":")[1]}`;
const foreign = textOf(appended(root, "operation"));

const to = (more: Partial<Access> = {}): Access => ({
  now: NOW,
  target: targetAt("GET", readOrigin(ORIGIN)!, "/a/%7eb?q=1")!,
  ...more,
});

function judged(answer: () => unknown) {
  const asked: { token: Uint8Array; publicKey: Uint8Array; facts: readonly DatalogFact[] }[] = [];
  const datalog = {
    allows(token: Uint8Array, publicKey: Uint8Array, facts: readonly DatalogFact[]) {
      asked.push({ token, publicKey, facts });
      return answer();
    },
  } as Datalog;
  const revocations = new RevocationList({ clock: () => NOW });
  const keys = { find: () => minter.publicKey };
  const verifier = new BiscuitVerifier({ keys, revocations, ledger: ORIGIN, datalog });
  const codes = (credential: string, access: Access) =>
    verifier
      .authenticate(credential)
      .judge(access)
      .map(({ code }) => code);
  return { asked, codes, verifier };
}

describe("a verifier with a judge of Datalog", () => {
  test.each<[string, () => unknown, readonly string[]]>([
    ["true allows", () => true, []],
    ["false denies", () => false, ["ERR_CHECK"]],
    ["what is no boolean denies", () => 1, ["ERR_CHECK"]],
    ["a promise denies", () => Promise.resolve(true), ["ERR_CHECK"]],
    [
      "an error denies",
      () => {
        throw new Error("unreachable");
      },
      ["ERR_CHECK"],
    ],
  ])("%s", (_name, answer, codes) => {
    expect(judged(answer).codes(foreign, to())).toEqual(codes);
  });

  test("is asked for a request that a holder signed, too", () => {
    const { verifier } = judged(() => false);
    const signed = verifier.authenticate(foreign).signedBy("thumb");
    expect(signed.judge(to()).map(({ code }) => code)).toEqual(["ERR_CHECK"]);
  });

  test("states what page 9 §5 says of the access, and nothing else", () => {
    const { asked, codes } = judged(() => true);
    codes(foreign, to({ holder: "thumb", service: "loop", model: "m", capability: "in" }));
    expect(
      asked[0]!.facts.map(({ code, texts }) => code.replace("{text}", `"${texts.text}"`)),
    ).toEqual([
      `paid(hex:${root.paymentHash})`,
      "time(2027-01-15T08:00:00Z)",
      'access("GET https://api.example:443/a/~b")',
      'service("loop")',
      'capability("in")',
      'model("m")',
      'price("none", 0)',
      'holder("thumb")',
      'ledger("https://api.example")',
      'counted("max_uses=3")',
    ]);
    expect(asked[0]!.publicKey).toEqual(new Uint8Array(minter.publicKey));
    codes(foreign, { now: NOW + 0.9, target: "self" });
    const own = asked[1]!.facts.map(({ code }) => code);
    expect(own).toContain("own_affairs(true)");
    expect(own).not.toContain("access({text})");
  });

  test("is asked last: not about what is refused already, nor about a token of the profile", () => {
    const { asked, codes } = judged(() => true);
    expect(codes(root.toString(), to())).toEqual([]);
    expect(codes(seal(root.attenuate({ maxUses: 2 })).toString(), to())).toEqual([]);
    expect(codes(foreign, to({ now: NOW + 3600 }))).toEqual(["ERR_EXPIRED"]);
    expect(asked).toEqual([]);
  });

  test("is asked at every access of a credential that was proven before", () => {
    let isAllowed = true;
    const { asked, codes } = judged(() => isAllowed);
    for (let times = 0; times < 3; times++) expect(codes(foreign, to())).toEqual([]);
    isAllowed = false;
    expect(codes(foreign, to())).toEqual(["ERR_CHECK"]);
    expect(asked).toHaveLength(4);
  });

  test("a forged block is not shown to it", () => {
    const { asked, codes } = judged(() => true);
    const token = appended(root, "operation");
    const blocks = [token.blocks[0], { ...token.blocks[1]!, data: token.blocks[0].data }] as const;
    expect(() => codes(textOf({ ...token, blocks: [blocks[0], blocks[1]] }), to())).toThrow(
      SigilError,
    );
    expect(asked).toEqual([]);
  });

  test("what was proven shows its own credential, and anyone who holds it revokes below it", () => {
    const { verifier } = judged(() => true);
    const verified = verifier.authenticate(foreign);
    expect(verified.credential.toString()).toBe(foreign);
    const child = verified.credential.delegate({ agent: "scout" });
    const { blocks } = child.body.descentFrom!(verified.credential.body) as { blocks: string[] };
    expect(blocks).toHaveLength(1);
    verified.revokeBelow({ blocks });
    const codes = verifier
      .authenticate(child.toString())
      .judge(to())
      .map(({ code }) => code);
    expect(codes).toEqual(["ERR_REVOKED"]);
  });
});

test("without a judge, and for holders, such a block is refused", () => {
  const keys = { find: () => minter.publicKey };
  const verifier = new BiscuitVerifier({ keys, revocations: new RevocationList(), ledger: ORIGIN });
  for (const read of [() => verifier.authenticate(foreign), () => Credential.parse(foreign)])
    expect(read).toThrow(expect.objectContaining({ code: "ERR_TOKEN_DATALOG" }));
});
