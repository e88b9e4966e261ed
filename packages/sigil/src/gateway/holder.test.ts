/** Credentials that are bound to a key, at a gateway. spec/9-public-key.md §9. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Credential, type Scope } from "l8nt";
import { HolderKey } from "l8nt/holder";
import { parseAmount } from "l8nt/invoice";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { openIssuer } from "./fixtures/issuer.ts";
import { shop } from "./fixtures/shop.ts";
import { answers, completion, type TownOptions, town } from "./fixtures/town.ts";

const NOW = 1_900_000_000;
const LOCATION = "http://gateway.example";
const PRIVATE = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const CHAT = "/v1/chat/completions";
const BODY = JSON.stringify({
  ...{ model: "gpt-test", max_tokens: 100 },
  messages: [{ role: "user", content: "hi" }],
});
const FORMS = ["macaroon", "public key"] as const;
const SIGNATURE = /^(?:sigil-holder|signature|signature-input|signature-agent|content-digest)$/i;

/** A gateway, a key, and credentials that are bound to it. */
async function world(form: (typeof FORMS)[number], options: TownOptions = {}) {
  const issuer = openIssuer();
  const made = await town({ trust: issuer.directory(), ...options });
  const clock = () => NOW;
  /** Sends what was signed for the gateway's location to where it listens. */
  const send = ((input: string, init?: RequestInit) =>
    fetch(String(input).replace(LOCATION, made.url), init)) as typeof fetch;
  const key = new HolderKey(PRIVATE, { clock, fetch: send });
  const other = new HolderKey(undefined, { clock, fetch: send });
  const mint = (scope: Scope = {}): Credential =>
    form === "macaroon"
      ? made.mint({ holder: key.thumbprint, ...scope })
      : issuer.mint({ holder: key.thumbprint, ...scope });
  const codeOf = async (response: Response): Promise<string> => {
    const { error } = (await response.json()) as { error?: { code: string } };
    return error === undefined ? String(response.status) : `${response.status} ${error.code}`;
  };
  return { ...made, key, other, send, mint, codeOf };
}

const asked = (credential: Credential, more: RequestInit = {}) => ({
  ...{ method: "POST", body: BODY, ...more },
  headers: {
    authorization: `Bearer ${credential.toKey()}`,
    "content-type": "application/json",
    ...(more.headers as Record<string, string>),
  },
});

describe.each(FORMS)("a credential with a holder, as a %s", (form) => {
  test("opens what its key signs, for its children too, and the vendor sees no signature", async () => {
    const { key, mint, codeOf, seen, rows } = await world(form);
    const parent = mint();
    const child = parent.delegate({ agent: "scout", budget: "0.5 usd" }, { now: NOW });
    for (const one of [parent, child, child])
      expect(await codeOf(await key.fetch(LOCATION + CHAT, asked(one)))).toBe("200");
    expect(seen).toHaveLength(3);
    expect(JSON.parse(seen[0]!.body)).toMatchObject(JSON.parse(BODY));
    for (const { rawHeaders } of seen)
      expect(rawHeaders.filter((name) => SIGNATURE.test(name))).toEqual([]);
    expect(rows.map(({ lineage }) => lineage.join())).toEqual(["", "scout", "scout"]);
  });

  test("in the field of another vendor's SDK, which the signature covers", async () => {
    const { key, send, mint, codeOf } = await world(form, {
      preset: "anthropic",
      play: answers(
        JSON.stringify({
          ...{ type: "message", model: "claude-test", content: [], stop_reason: "end_turn" },
          usage: { input_tokens: 10, output_tokens: 20 },
        }),
      ),
    });
    const init = (credential: Credential) => ({
      method: "POST",
      headers: { "x-api-key": credential.toKey(), "anthropic-version": "2023-06-01" },
      body: JSON.stringify({
        ...{ model: "claude-test", max_tokens: 100 },
        messages: [{ role: "user", content: "hi" }],
      }),
    });
    const url = `${LOCATION}/v1/messages`;
    expect((await key.fetch(url, init(mint()))).status).toBe(200);
    // Another credential of the same key in its place was not signed.
    const swapped = ((input: string, { headers, ...rest }: RequestInit) => {
      const fields = new Headers(headers);
      fields.set("x-api-key", mint().toKey());
      return send(input, { ...rest, headers: fields });
    }) as typeof fetch;
    const copying = new HolderKey(PRIVATE, { clock: () => NOW, fetch: swapped });
    const refused = await copying.fetch(url, init(mint()));
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain("ERR_HOLDER");
    // Nor is one whose field is not covered at all.
    const bare = new Request(url, { method: "POST" });
    const one = init(mint());
    const headers = key.sign(bare, new TextEncoder().encode(one.body));
    headers.set("x-api-key", one.headers["x-api-key"]);
    expect(await (await send(url, { ...one, headers })).text()).toContain("ERR_HOLDER");
    expect(await codeOf(await key.fetch(url, { ...init(mint()), body: "{}" }))).toMatch(/^4/);
  });

  test("denies anyone who has no key, another one, or changes what was signed", async () => {
    const { key, other, send, mint, codeOf, seen, usage } = await world(form);
    const credential = mint();
    const denied = "403 key_not_proven";
    const url = LOCATION + CHAT;
    expect(await codeOf(await send(url, asked(credential)))).toBe(denied);
    const signed = (by: HolderKey, of = asked(credential), at = url) =>
      by.sign(new Request(at, of), new TextEncoder().encode(of.body as string));
    const init = asked(credential);
    const sent = (headers: Headers, more: RequestInit = {}, at = url) =>
      send(at, { ...init, ...more, headers });
    expect(await codeOf(await sent(signed(other)))).toBe(denied);
    expect(await codeOf(await sent(signed(key), { body: `${BODY} ` }))).toBe(denied);
    expect(await codeOf(await sent(signed(key), {}, `${url}?a=b`))).toBe(denied);
    expect(await codeOf(await sent(signed(key, init, "http://other.example/v1")))).toBe(denied);
    const without = (name: string) => {
      const headers = signed(key);
      headers.delete(name);
      return sent(headers);
    };
    for (const name of ["sigil-holder", "signature", "signature-input", "content-digest"])
      expect(await codeOf(await without(name))).toBe(denied);
    // Another credential of the same key.
    const swapped = signed(key);
    swapped.set("authorization", `Bearer ${mint().toKey()}`);
    expect(await codeOf(await sent(swapped))).toBe(denied);
    expect(seen).toEqual([]);
    // Once, and not again.
    const once = signed(key);
    expect(await codeOf(await sent(once))).toBe("200");
    expect(await codeOf(await sent(once))).toBe(denied);
    if (form === "macaroon") expect(await usage(credential)).toEqual([[210n, 0n]]);
  });

  test("is judged before its body is read, and its body is no larger than any other", async () => {
    const { key, mint, codeOf, bodies } = await world(form, { maxBodyBytes: 2 ** 20 });
    const large = asked(mint(), { body: "x".repeat(2 ** 20 + 1) });
    expect(await codeOf(await key.fetch(LOCATION + CHAT, large))).toBe("413 body_refused");
    const ended = mint({ expiresIn: "1h" }).attenuate({ expiresAt: new Date((NOW - 1) * 1000) });
    expect(await codeOf(await key.fetch(LOCATION + CHAT, asked(ended)))).toBe(
      "403 credential_expired",
    );
    const encoded = asked(mint(), { headers: { "content-encoding": "gzip" } });
    expect(await codeOf(await key.fetch(LOCATION + CHAT, encoded))).toBe("415 body_refused");
    expect(bodies.held).toBe(0);
  });

  test("of a request that no meter reads, any bytes go on as they were signed", async () => {
    const { key, mint, seen } = await world(form, {
      preset: "generic",
      price: parseAmount("0.01 usd")!,
      play: answers("{}"),
    });
    const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
    const init = {
      ...{ method: "PUT", body: bytes },
      headers: {
        authorization: `Bearer ${mint().toKey()}`,
        ...{ "content-type": "image/png", "content-encoding": "x-own" },
      },
    };
    expect((await key.fetch(`${LOCATION}/a`, init)).status).toBe(200);
    const [{ rawHeaders, body }] = seen as [(typeof seen)[number]];
    expect(body).toBe(Buffer.from(bytes).toString());
    expect(rawHeaders.join()).toContain("content-type,image/png");
    expect(rawHeaders.join()).toContain("content-encoding,x-own");
    expect((await key.fetch(`${LOCATION}/a`, { headers: init.headers })).status).toBe(200);
  });

  test("asks what is left, and revokes below it, with its key alone", async () => {
    const { key, send, mint, url } = await world(form);
    const credential = mint();
    const headers = { authorization: `Bearer ${credential.toKey()}` };
    const page = `${LOCATION}/.well-known/sigil/budget`;
    expect((await key.fetch(page, { headers })).status).toBe(200);
    expect((await send(page, { headers })).status).toBe(403);
    expect((await fetch(`${url}/.well-known/l402`)).status).toBe(200);
  });

  test("opens a WebSocket that its key signs", async () => {
    const made = await world(form, {
      sockets: [
        {
          ...{ path: "/v1/realtime", capability: "realtime", perConnection: undefined },
          perMinute: parseAmount("0.06 usd")!,
          ...{ idleMs: 600_000, totalMs: 3_600_000 },
        },
      ],
    });
    const atVendor: IncomingMessage[] = [];
    const server = new WebSocketServer({ noServer: true });
    made.vendor.on("upgrade", (incoming, socket, head) => {
      atVendor.push(incoming);
      server.handleUpgrade(incoming, socket, head, (opened) => opened.send("hello"));
    });
    const headers = { authorization: `Bearer ${made.mint().toKey()}` };
    const signed = made.key.sign(
      new Request(`${LOCATION}/v1/realtime?model=gpt-test`, { headers }),
    );
    const at = `${made.url.replace("http", "ws")}/v1/realtime?model=gpt-test`;
    const client = new WebSocket(at, [], { headers: Object.fromEntries(signed) });
    const [message] = await once(client, "message");
    expect(String(message)).toBe("hello");
    expect(atVendor[0]!.rawHeaders.filter((name) => SIGNATURE.test(name))).toEqual([]);
    client.terminate();
    for (const fields of [headers, Object.fromEntries(signed)]) {
      const refused = new WebSocket(at, [], { headers: fields }).on("error", () => {});
      const [, answer] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
      expect(answer.statusCode).toBe(403);
      answer.resume();
    }
  });
});

test("what was bought, and bound to a key afterwards, pays by that key alone, once for each call", async () => {
  const made = await shop();
  const key = new HolderKey(PRIVATE, { clock: () => NOW });
  const bound = Credential.parse(await made.buy()).attenuate({ holder: key.thumbprint });
  const init = {
    ...asked(bound),
    headers: { authorization: `L402 ${bound}`, "idempotency-key": "one" },
  };
  const first = await key.fetch(made.url + CHAT, init);
  expect(first.status).toBe(200);
  const text = await first.text();
  expect(text).toBe(completion(10, 20));
  const left = async () => {
    const response = await key.fetch(`${made.url}/.well-known/sigil/budget`, {
      headers: { authorization: `L402 ${bound}` },
    });
    return response.text();
  };
  const before = await left();
  // The same call, with another signature.
  const again = await key.fetch(made.url + CHAT, init);
  expect([again.status, await again.text()]).toEqual([200, text]);
  expect(await left()).toBe(before);
  const stolen = await fetch(made.url + CHAT, init);
  expect([402, 403]).toContain(stolen.status);
  expect(await stolen.text()).toContain("ERR_HOLDER");
  expect(made.seen).toHaveLength(1);
});
