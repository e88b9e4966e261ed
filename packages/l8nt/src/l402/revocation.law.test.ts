/**
 * Revoking a node kills what descends from it, and nothing else. Random trees, every node revoked
 * in its turn.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { credentialText, LOCATION, NOW, SECRET } from "../../../../test/fuzz/golden.ts";
import type { Access } from "../caveat/index.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { Authority } from "./authority.ts";
import { Credential, macaroonOf } from "./credential.ts";
import { verify } from "./fixtures/verdict.ts";

const access: Access = { now: NOW, target: targetAt("GET", readOrigin(LOCATION)!, "/a")! };
const authorityOf = () => new Authority({ secret: SECRET, location: LOCATION });
const codeOf = (authority: Authority, text: string) => {
  const verdict = verify(authority, text, access);
  return verdict.granted ? "granted" : verdict.error.code;
};

interface Held {
  readonly credential: Credential;
  /**
   * The indices of the nodes from the root to its own; a credential that names no agent stays in
   * its parent's node.
   */
  readonly path: readonly number[];
  /** The caveats below the parent. */
  readonly added: readonly string[];
  readonly parent: number;
}

/**
 * Each step narrows one that is there already: with or without a new agent. Twins have one name and
 * two nonces.
 */
const tree = fc
  .array(fc.tuple(fc.nat(), fc.boolean(), fc.constantFrom("a", "b"), fc.nat(3)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((steps) => {
    const held: Held[] = [
      { credential: Credential.parse(credentialText()), path: [0], added: [], parent: -1 },
    ];
    let nodes = 1;
    for (const [from, opensNode, name, twist] of steps) {
      const parent = from % held.length;
      const added = [
        ...(twist > 1 ? ["purpose=before"] : []),
        ...(opensNode ? [`agent=${name}.${nodes.toString(16).padStart(8, "0")}`] : []),
        ...(twist % 2 === 1 ? ["max_uses=3"] : []),
      ];
      const path = opensNode ? [...held[parent]!.path, nodes++] : held[parent]!.path;
      held.push({ credential: held[parent]!.credential.append(added), path, added, parent });
    }
    return { held, nodes };
  });

describe("revocation by prefix [cases 27, 111]", () => {
  test("a revoked node's descendants die, in every spelling and further narrowed; all others live", () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.boolean(), ({ held, nodes }, which, warm) => {
        const authority = authorityOf();
        const revoked = which % nodes;
        if (warm)
          for (const { credential } of held)
            expect(codeOf(authority, credential.toString())).toBe("granted");
        const owner = held.find(({ path }) => path.at(-1) === revoked)!;
        authority.revocations.revoke(authority.verifier.authenticate(owner.credential).node.id);
        for (const { credential, path } of held) {
          const expected = path.includes(revoked) ? "ERR_REVOKED" : "granted";
          const text = credential.toString();
          const [packet = "", preimage = ""] = text.split(":");
          for (const spelling of [
            text,
            text,
            `${packet.replace(/=+$/, "")}:${preimage}`,
            `${Buffer.from(packet, "base64").toString("base64url")}:${preimage}`,
            `${packet}:${preimage.toUpperCase()}`,
            credential.append(["purpose=still here"]).toString(),
            credential.delegate({ agent: "fresh" }).toString(),
            credential.delegate({ agent: "a" }).attenuate({ maxUses: 1 }).toString(),
          ])
            expect(codeOf(authority, spelling)).toBe(expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("revoking a second node takes nothing back", () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(), ({ held, nodes }, first, second) => {
        const authority = authorityOf();
        const gone = [first % nodes, second % nodes];
        for (const node of gone)
          authority.revocations.revoke(
            authority.verifier.authenticate(
              held.find(({ path }) => path.at(-1) === node)!.credential,
            ).node.id,
          );
        for (const { credential, path } of held)
          expect(codeOf(authority, credential.toString())).toBe(
            path.some((node) => gone.includes(node)) ? "ERR_REVOKED" : "granted",
          );
      }),
      { numRuns: 60 },
    );
  });

  test("an ancestor finds a child's node from the child's caveats alone, without having it", () => {
    let found = 0;
    fc.assert(
      fc.property(tree, ({ held }) => {
        const authority = authorityOf();
        for (const { credential, added, parent } of held) {
          // From every ancestor on the way up.
          const caveats = [...added];
          for (let at = parent; at >= 0; at = held[at]!.parent) {
            if (caveats.some((caveat) => caveat.startsWith("agent="))) {
              found++;
              const ancestor = authority.verifier.authenticate(held[at]!.credential);
              expect(ancestor.nodeBelow(caveats)).toBe(
                authority.verifier.authenticate(credential).node.id,
              );
            }
            caveats.unshift(...held[at]!.added);
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(found).toBeGreaterThan(60);
  });

  test("the caveats of nobody, or of a node elsewhere, give an id that no credential has", () => {
    const authority = authorityOf();
    const root = Credential.parse(credentialText());
    const [a, b] = [root.append(["agent=a.00000001"]), root.append(["agent=b.00000002"])];
    const nodeBelow = (credential: Credential, caveats: readonly string[]) =>
      authority.verifier.authenticate(credential).nodeBelow(caveats);
    expect(() => nodeBelow(root, ["purpose=x"])).toThrow(TypeError);
    // b's holder names its sibling a: what is found is a child of b, and revoking it leaves a
    // alone.
    authority.revocations.revoke(nodeBelow(b, ["agent=a.00000001"]));
    for (const credential of [root, a, b])
      expect(codeOf(authority, credential.toString())).toBe("granted");
    expect(codeOf(authority, b.append(["agent=a.00000001"]).toString())).toBe("ERR_REVOKED");
  });

  test("a node's id says nothing that could continue its chain: it is no prefix of a signature", () => {
    const authority = authorityOf();
    const verified = authority.verifier.authenticate(credentialText());
    const signature = Buffer.from(macaroonOf(verified.credential).signature).toString("hex");
    expect(signature).not.toContain(verified.node.id);
    expect(verified.node.id).toHaveLength(32);
  });

  test("revoking the root kills the family", () => {
    const authority = authorityOf();
    const root = Credential.parse(credentialText());
    const other = credentialText({ salt: "another family" });
    authority.revocations.revoke(authority.verifier.authenticate(root).node.id);
    expect(codeOf(authority, root.delegate({ agent: "a" }).toString())).toBe("ERR_REVOKED");
    expect(codeOf(authority, other)).toBe("granted");
  });

  test("a revoked agent is named to its holder, with its node", () => {
    const authority = authorityOf();
    const child = Credential.parse(credentialText()).delegate({ agent: "scout" });
    const { id } = authority.verifier.authenticate(child).node;
    authority.revocations.revoke(id);
    const verdict = verify(authority, child.delegate({ agent: "below" }), access);
    expect(verdict).toMatchObject({
      granted: false,
      error: { refusals: [{ code: "ERR_REVOKED", node: { id, agent: "scout" } }] },
    });
  });
});
