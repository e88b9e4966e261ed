/**
 * Credentials of a form made up for this test: what `credential/` does must not depend on
 * macaroons. spec/1-credential.md.
 */
import { describe, expect, test } from "vitest";
import { nodesAt, serviceVocabulary } from "../caveat/index.ts";
import {
  type Binary,
  type Bytes,
  binaryOfUtf8,
  hexText,
  utf8,
  utf8OfBinary,
} from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { type Body, Credential, type Places, RevocationList, Verified } from "./index.ts";

const NOW = 1_900_000_000;

/** Caveats as a list of texts; a place is the hash of the texts before it. */
class ListBody implements Body {
  readonly location = "https://api.example";
  readonly paymentHash = "ab".repeat(32);
  readonly isPaid = true;
  readonly rootId: string;
  readonly caveats: readonly Binary[];

  constructor(rootId: string, texts: readonly string[]) {
    this.rootId = rootId;
    this.caveats = texts.map(binaryOfUtf8);
  }

  append(texts: readonly string[]): ListBody {
    return new ListBody(this.rootId, [...this.texts, ...texts]);
  }

  derive(message: string): Bytes {
    return sha256(utf8(`${this.toText()} ${message}`));
  }

  toKey(): string {
    return `key ${this.toText()}`;
  }

  toText(): string {
    return `secret ${this.rootId} ${this.texts.join(" & ")}`;
  }

  get texts(): string[] {
    return this.caveats.map((caveat) => utf8OfBinary(caveat)!);
  }
}

const placesOf = ({ rootId, texts }: ListBody): Places => {
  const idOf = (list: readonly string[]) =>
    hexText(sha256(utf8(JSON.stringify([rootId, ...list]))).subarray(0, 16));
  return {
    at: (count) => idOf(texts.slice(0, count)),
    below: (descent) =>
      "blocks" in descent
        ? []
        : nodesAt(descent).map((at) => idOf([...texts, ...descent.slice(0, at + 1)])),
  };
};

const listed = (texts: readonly string[] = [], rootId = "r") =>
  new Credential(new ListBody(rootId, texts));

const proven = (credential: Credential, revocations = new RevocationList({ clock: () => NOW })) =>
  new Verified(
    {
      text: credential.toString(),
      caveats: credential.body.caveats,
      paymentHash: credential.paymentHash,
      places: placesOf(credential.body as ListBody),
    },
    { vocabulary: serviceVocabulary(), revocations, parse: () => credential },
  );

const CHILD = ["agent=scout.00000001"];

describe("a holder", () => {
  test("narrows and delegates through the body alone", () => {
    const child = listed(["max_uses=9"]).delegate(
      { agent: "scout", expiresIn: "1h", maxUses: 3 },
      { now: NOW },
    );
    const [first, ...added] = (child.body as ListBody).texts;
    expect(first).toBe("max_uses=9");
    expect(added.sort()).toEqual([
      expect.stringMatching(/^agent=scout\.[0-9a-f]+$/),
      "max_uses=3",
      `valid_until=${NOW + 3600}`,
    ]);
    expect(child.chain.lineage).toEqual(["scout"]);
    expect(`${child}`).toMatch(/^secret r max_uses=9 & /);
    expect(JSON.stringify(child)).not.toContain("secret");
  });

  test("learns the caveats between two of its credentials, and of no others", () => {
    const parent = listed(["max_uses=9"]);
    expect(parent.append(CHILD).caveatsBelow(parent)).toEqual(CHILD);
    expect(parent.append(["max_uses=1", ...CHILD]).caveatsBelow(parent)).toEqual([
      "max_uses=1",
      ...CHILD,
    ]);
    for (const other of [parent, listed(), listed(CHILD), listed(["max_uses=9", ...CHILD], "s")])
      expect(other.caveatsBelow(parent)).toBeUndefined();
  });

  test("judges early what is certain, and leaves unknown conditions to the service", () => {
    const access = { now: NOW, target: "self" } as const;
    expect(listed([`valid_until=${NOW + 1}`, "loop_id=7"]).certainRefusals(access)).toEqual([]);
    // It has ended at every service that it is for.
    const ended = `loop_valid_until=${NOW}`;
    for (const caveats of [
      ["services=loop:0", ended],
      ["services=loop:0,pool:0", ended, `pool_valid_until=${NOW - 5}`],
      ["services=loop:0,pool:0", "services=loop:0", ended],
      ["services=loop:0", `loop_valid_until=${NOW + 9}`, ended],
    ])
      expect(listed(caveats).certainRefusals(access), caveats.join(" ")).toMatchObject([
        { code: "ERR_EXPIRED" },
      ]);
    for (const caveats of [
      ["services=loop:0", `loop_valid_until=${NOW + 1}`],
      ["services=loop:0,pool:0", ended],
      ["services=pool:0", ended],
      ["services=loop:0,pool:0", ended, `pool_valid_until=${NOW + 1}`],
      ["services="],
      [ended],
    ])
      expect(listed(caveats).certainRefusals(access), caveats.join(" ")).toEqual([]);
    expect(listed([`valid_until=${NOW}`]).certainRefusals(access)).toMatchObject([
      { condition: "valid_until" },
    ]);
  });
});

describe("a verified credential", () => {
  const access = { now: NOW, target: "self" } as const;

  test("takes the ids of its nodes and limits from the form's places", () => {
    const body = new ListBody("r", ["max_uses=9", ...CHILD]);
    const { nodes, limits } = proven(new Credential(body));
    const places = placesOf(body);
    expect(nodes.map(({ id }) => id)).toEqual([places.at(0), places.at(2)]);
    expect(limits.map(({ id }) => id)).toEqual([places.at(1)]);
  });

  test("revokes the node that its child's caveats open, with all below, and not itself", () => {
    const revocations = new RevocationList({ clock: () => NOW });
    const parent = listed(["max_uses=9"]);
    const child = parent.append(CHILD);
    const holder = proven(parent, revocations);
    expect(holder.revokeBelow(CHILD).nodeId).toBe(proven(child).node.id);
    const codes = [
      parent,
      child,
      child.append(["max_uses=1"]),
      parent.append(["agent=b.00000002"]),
    ].map((credential) => proven(credential, revocations).judge(access)[0]?.code);
    expect(codes).toEqual([undefined, "ERR_REVOKED", "ERR_REVOKED", undefined]);
  });

  test("denies everything while revocations may be missing", () => {
    const revocations = new RevocationList({ clock: () => NOW });
    revocations.heard(NOW - 10, 10);
    const verified = proven(listed(), revocations);
    expect(verified.judge(access)).toEqual([]);
    revocations.heard(NOW - 11, 10);
    expect(() => verified.demand(access)).toThrow(
      expect.objectContaining({ code: "ERR_REVOCATION_UNKNOWN" }),
    );
  });
});
