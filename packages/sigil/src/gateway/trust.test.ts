/** Credentials of issuers that the gateway trusts, beside its own keys. spec/9-public-key.md. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Client, type Credential } from "l8nt";
import { seal } from "l8nt/biscuit";
import { parseAmount } from "l8nt/invoice";
import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { issuersIn } from "../../../l8nt/src/l402/issuers.ts";
import { branchOf } from "./admission.ts";
import { openIssuer } from "./fixtures/issuer.ts";
import { shop } from "./fixtures/shop.ts";
import { answers, completion, town, VENDOR_KEY } from "./fixtures/town.ts";

/** A gateway that trusts one issuer. */
async function world() {
  const time = { now: 1_900_000_000 };
  const issuer = openIssuer({ time });
  const made = await town({ trust: issuer.directory(), time, maxSilence: "60s" });
  const codeAt = async (credential: Credential | string) => {
    const response = await made.chat(credential);
    const { error } = (await response.json()) as { error?: { code: string } };
    return error === undefined ? response.status : `${response.status} ${error.code}`;
  };
  return { ...made, issuer, codeAt };
}

describe("a gateway that trusts an issuer", () => {
  test("takes its credentials and its own keys, in every spelling, and asks for a page once", async () => {
    const { issuer, codeAt, mint, seen, rows } = await world();
    const credential = issuer.mint();
    const child = credential.delegate({ agent: "scout" }, { now: 1_900_000_000 });
    for (const one of [mint(), credential, child, seal(child), credential.toString()])
      expect(await codeAt(one)).toBe(200);
    expect(issuer.asked).toEqual([`${issuer.issuer}/.well-known/biscuit-web-keys`]);
    expect(rows.map(({ lineage }) => lineage)).toEqual([[], [], ["scout"], ["scout"], []]);
    expect(rows[2]!.nodeId).toBe(rows[3]!.nodeId);
    for (const { rawHeaders } of seen) {
      expect(rawHeaders.join()).toContain(VENDOR_KEY);
      expect(rawHeaders.join()).not.toContain("sk-sigil-");
    }
  });

  test.each<[string, (issuer: ReturnType<typeof openIssuer>) => Credential, string]>([
    ["no ledger", ({ mintUncounted }) => mintUncounted(), "402 budget_exhausted"],
    [
      "the ledger of another service",
      ({ mint }) => mint({ ledger: "https://other.example" }),
      "403 ledger_elsewhere",
    ],
    [
      "a ledger that a holder appended below the limit",
      ({ mintUncounted }) => mintUncounted().attenuate({ ledger: "http://gateway.example" }),
      "402 budget_exhausted",
    ],
    ["no budget in the unit", ({ mint }) => mint({ budget: "10 sat" }), "402 budget_missing"],
    ["another model", ({ mint }) => mint({ models: ["gpt-5*"] }), "403 model_not_allowed"],
    [
      "endpoints elsewhere",
      ({ mint }) => mint({ endpoints: ["* https://other.example/**"] }),
      "403 endpoint_not_allowed",
    ],
    [
      "an issuer that is not trusted",
      () => openIssuer({ issuer: "https://other.example" }).mint(),
      "401 credential_invalid",
    ],
  ])("refuses a credential with %s", async (_what, mint, expected) => {
    const { issuer, codeAt, seen } = await world();
    expect(await codeAt(mint(issuer))).toBe(expected);
    expect(seen).toEqual([]);
    expect(await codeAt(issuer.mint())).toBe(200);
  });

  test("refuses a token with a bit turned", async () => {
    const { issuer, codeAt } = await world();
    const text = issuer.mint().toString();
    expect(await codeAt(text)).toBe(200);
    const [token = "", preimage] = text.split(":");
    const bytes = Buffer.from(token, "base64");
    bytes[bytes.length - 40]! ^= 1;
    expect(await codeAt(`${bytes.toString("base64")}:${preimage}`)).toBe("401 credential_invalid");
  });

  test("counts a budget that names its ledger, at every node, and says what is left", async () => {
    const { issuer, chat, url, play } = await world();
    play(answers(completion(400, 10)));
    const parent = issuer.mint({ budget: "0.01 usd" });
    const child = parent.delegate({ agent: "a", budget: "0.003 usd" }, { now: 1_900_000_000 });
    // 400 tokens of input and 10 of output, 10 times as dear, are 500 usd_micro.
    expect((await chat(child)).status).toBe(200);
    const left = async (of: Credential) => {
      const headers = { authorization: `Bearer ${of.toKey()}` };
      const response = await fetch(`${url}/.well-known/sigil/budget`, { headers });
      expect(response.status).toBe(200);
      return (await response.json()) as { limits: { left: string }[] };
    };
    expect((await left(child)).limits).toMatchObject([
      { left: "0.0095 usd" },
      { left: "0.0025 usd" },
    ]);
    expect((await left(parent)).limits).toMatchObject([{ left: "0.0095 usd" }]);
    // A copy, and a narrowed one, are counted at the same nodes.
    expect((await chat(seal(child.attenuate({ models: ["gpt-*"] })))).status).toBe(200);
    expect((await left(parent)).limits).toMatchObject([{ left: "0.009 usd" }]);
  });

  test("names its issuers in each 401, and on its page", async () => {
    const { issuer, chat, url } = await world();
    const other = openIssuer({ issuer: "https://other.example" });
    for (const one of ["", "sk-other", other.mint()]) {
      const response = await chat(one);
      expect(response.status).toBe(401);
      expect(issuersIn([response.headers.get("www-authenticate")!])).toEqual([issuer.issuer]);
    }
    const page = await fetch(`${url}/.well-known/l402`);
    expect(await page.json()).toMatchObject({ issuers: [issuer.issuer] });
    const none = await (await town()).chat("");
    expect(none.headers.get("www-authenticate")).toMatch(/^L402 version="0", caveats="[^"]+"$/);
  });

  test("serves its own keys while the page cannot be had, and the issuer's later", async () => {
    const { issuer, codeAt, mint, time } = await world();
    const { page } = issuer.at;
    issuer.at.page = () => {
      throw new TypeError("unreachable");
    };
    expect(await codeAt(mint())).toBe(200);
    expect(await codeAt(issuer.mint())).toBe("503 keys_unavailable");
    issuer.at.page = page;
    time.now += 30;
    expect(await codeAt(issuer.mint())).toBe(200);
  });

  test("is told by an ancestor which blocks are revoked", async () => {
    const { url, ask, ...made } = await shop({ trust: openIssuer().directory() });
    const issuer = openIssuer({ location: url });
    const parent = issuer.mint({ budget: "1000 sat" });
    const child = parent.delegate({ agent: "scout" }, { now: 1_900_000_000 });
    expect((await ask(child.toString())).status).toBe(200);
    await new Client({ credential: parent }).revoke(child);
    // What is for sale can be bought instead.
    expect((await ask(child.toString())).status).toBe(402);
    expect(made.denials.at(-1)!.facts.code).toBe("credential_revoked");
    expect((await ask(parent.toString())).status).toBe(200);
  });

  test("stops an answer under way once its owner revokes the node", async () => {
    const { issuer, chat, play, service, rows } = await world();
    play((_request, answer) => {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.write('data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n');
    });
    const parent = issuer.mint();
    const child = parent.delegate({ agent: "scout" }, { now: 1_900_000_000 });
    const reader = (await chat(child, { stream: true })).body!.getReader();
    await reader.read();
    const { node } = service.paywall.verifier.authenticate(child);
    await service.paywall.revoke(node.id);
    expect(Buffer.from((await reader.read()).value!).toString()).toContain("was revoked");
    expect(rows).toMatchObject([{ nodeId: node.id, lineage: ["scout"], end: "cut" }]);
    play(answers(completion(10, 10)));
    expect((await chat(parent)).status).toBe(200);
  });

  test("new services take what their list of issuers has, at once, with the keys that are known", async () => {
    const { issuer, codeAt, reload, mint } = await world();
    const credential = issuer.mint();
    expect(await codeAt(credential)).toBe(200);
    const first = issuer.directory();
    await first.load(issuer.issuer, 0);
    issuer.at.page = () => new Response("no", { status: 503 });
    await reload({ trust: issuer.directory(["https://other.example"], first) });
    expect(await codeAt(credential)).toBe("401 credential_invalid");
    expect(await codeAt(mint())).toBe(200);
    await reload({ trust: issuer.directory(["https://other.example", issuer.issuer], first) });
    expect(await codeAt(credential)).toBe(200);
    expect(issuer.asked).toHaveLength(2);
  });

  test("opens a WebSocket, with a credential that is sealed too", async () => {
    const issuer = openIssuer();
    const made = await town({
      trust: issuer.directory(),
      sockets: [
        {
          path: "/v1/realtime",
          capability: "realtime",
          perConnection: undefined,
          perMinute: parseAmount("0.06 usd")!,
          idleMs: 600_000,
          totalMs: 3_600_000,
        },
      ],
    });
    const server = new WebSocketServer({ noServer: true });
    made.vendor.on("upgrade", (incoming, socket, head) =>
      server.handleUpgrade(incoming, socket, head, (opened) => opened.send("hello")),
    );
    const at = `${made.url.replace("http", "ws")}/v1/realtime`;
    const client = new WebSocket(at, [], {
      headers: { authorization: `Bearer ${seal(issuer.mint()).toKey()}` },
    });
    const [message] = await once(client, "message");
    expect(String(message)).toBe("hello");
    client.terminate();
    const other = openIssuer({ issuer: "https://other.example" }).mint();
    const refused = new WebSocket(at, [], {
      headers: { authorization: `Bearer ${other.toKey()}` },
    });
    refused.on("error", () => {});
    const [, answer] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
    expect(answer.statusCode).toBe(401);
    answer.resume();
  });
});

test("gateways on one store count, revoke and freeze an issuer's credentials together", async () => {
  const issuer = openIssuer();
  const store = new MemoryStore({ journal: true });
  const [one, other] = [
    await town({ trust: issuer.directory(), store }),
    await town({ trust: issuer.directory(), store }),
  ];
  const credential = issuer.mint({ budget: "0.01 usd" });
  const child = credential.delegate({ agent: "scout" }, { now: 1_900_000_000 });
  const statuses = async (of: Credential) => [
    (await one.chat(of)).status,
    (await other.chat(of)).status,
  ];
  expect(await statuses(child)).toEqual([200, 200]);
  const left = await fetch(`${other.url}/.well-known/sigil/budget`, {
    headers: { authorization: `Bearer ${credential.toKey()}` },
  });
  // Each came to 210 usd_micro.
  expect(await left.json()).toMatchObject({ limits: [{ left: "0.00958 usd" }] });
  await one.service.paywall.revoke(one.service.paywall.verifier.authenticate(child).node.id);
  await expect.poll(() => statuses(child)).toEqual([403, 403]);
  expect(await statuses(credential)).toEqual([200, 200]);
});

test.each(["Bearer sk-none", "Basic YTpi", "Frob abc"])(
  "a credential beside the SDK's own %s is used, and the vendor sees neither",
  async (own) => {
    const issuer = openIssuer();
    const { url, seen, mint } = await town({ trust: issuer.directory() });
    let shopIssuer = openIssuer();
    const sold = await shop({ trust: shopIssuer.directory() });
    shopIssuer = openIssuer({ location: sold.url });
    const body = JSON.stringify({
      ...{ model: "gpt-test", max_tokens: 100 },
      messages: [{ role: "user", content: "hi" }],
    });
    for (const [at, credential] of [
      [url, issuer.mint()],
      [url, mint()],
      [sold.url, shopIssuer.mint({ budget: "1000 sat" })],
    ] as const) {
      const headers = { authorization: `${own}, L402 ${credential}` };
      const response = await fetch(`${at}/v1/chat/completions`, { method: "POST", headers, body });
      expect(response.status).toBe(200);
    }
    expect([seen.length, sold.seen.length]).toEqual([2, 1]);
    for (const { rawHeaders } of [...seen, ...sold.seen]) {
      const at = rawHeaders.findIndex((name) => name.toLowerCase() === "authorization");
      expect(rawHeaders[at + 1]).toBe(`Bearer ${VENDOR_KEY}`);
      expect(rawHeaders.join()).not.toContain(own);
    }
  },
);

test("what is for sale is used with a credential of an issuer that pays in sat, or bought", async () => {
  let issuer = openIssuer();
  const world = await shop({ trust: issuer.directory() });
  // Where it listens is what buyers and their credentials know it by.
  issuer = openIssuer({ location: world.url });
  const paying = issuer.mint({ budget: "1000 sat" });
  expect((await world.ask(paying.toString())).status).toBe(200);
  const budget = await world.left(paying.toString());
  expect(budget).toEqual(["999.79 sat"]);
  const unable = issuer.mintUncounted({ budget: "1000 sat" });
  const offers = [await world.ask(undefined), await world.ask(unable.toString())];
  for (const offer of offers) {
    expect(offer.status).toBe(402);
    expect(issuersIn([offer.headers.get("www-authenticate")!])).toEqual([issuer.issuer]);
  }
  const bought = await world.buy();
  expect((await world.ask(bought)).status).toBe(200);
});

test("a holder of an issuer's credential has one share, however many agents it makes", async () => {
  const { issuer, service, mint } = await world();
  const { verifier } = service.paywall;
  const credential = issuer.mint();
  await verifier.prepare!(credential.toString());
  const branches = (of: Credential) =>
    ["a", "b"].map((agent) =>
      branchOf(verifier.authenticate(of.delegate({ agent }, { now: 1_900_000_000 }))),
    );
  expect(new Set(branches(credential)).size).toBe(1);
  expect(branches(issuer.mint())[0]).not.toBe(branches(credential)[0]);
  // Children of the key of the gateway's owner have one each.
  expect(new Set(branches(mint())).size).toBe(2);
});
