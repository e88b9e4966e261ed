/**
 * A whole MCP server behind a paywall over streamable HTTP, in both majors of the SDK, and the
 * clients that pay it.
 */
import { request } from "node:http";
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { type PaidEndpointOptions, paidEndpoint } from "l8nt/mcp";
import { listener } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import {
  failure,
  listen,
  secretOf,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { majors, type ToolAnswer } from "./support/mcp.ts";

const FORECAST = { name: "forecast", arguments: { city: "Tokyo" } };
const textOf = (answer: ToolAnswer): string => answer.content.map(({ text }) => text).join("");

describe.each(majors)("a server of $name over HTTP", (major) => {
  async function shop(here: Town, options: Partial<PaidEndpointOptions> = {}) {
    /** What the server itself was sent. */
    const seen: { readonly headers: Headers; readonly body: string }[] = [];
    const answers = vi.fn(
      async (request: Request, serve: (request: Request) => Promise<Response>) => {
        seen.push({ headers: request.headers, body: await request.clone().text() });
        return serve(request);
      },
    );
    let paywall!: Paywall;
    const url = await listen((location) => {
      const authority = new Authority({
        secret: secretOf("the MCP shop"),
        location,
        service: "weather",
        clock: here.clock,
      });
      paywall = new Paywall({
        authority,
        invoicer: devWallet(here.network.account("shop").invoiceOnlyUrl),
        clock: here.clock,
        challengesPerMinute: { perClient: 10_000 },
      });
      const serve = major.handler((server) => {
        const mcp = server as unknown as { registerTool(...of: unknown[]): unknown };
        const say = (text: string) => ({ content: [{ type: "text", text }] });
        const inputSchema = z.object({ city: z.string() });
        mcp.registerTool("forecast", { inputSchema }, ({ city }: { city: string }) =>
          say(`${city}: sunny`),
        );
        mcp.registerTool("report", {}, () => say("it will rain"));
        mcp.registerTool("status", {}, () => say("up"));
      });
      const paid = paidEndpoint(
        {
          paywall,
          price: "10 sat",
          tools: { status: "0 sat", report: "50 sat" },
          ...options,
        },
        (request) => answers(request, serve),
      );
      return listener(paid, { origin: location });
    });
    return { url: `${url}/mcp`, origin: url, paywall, seen, answers };
  }

  const post = (url: string, message: unknown, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
      body: typeof message === "string" ? message : JSON.stringify(message),
    });
  const deep = (levels: number) =>
    JSON.parse(`${'{"a":'.repeat(levels)}0${"}".repeat(levels)}`) as object;
  const callOf = (params: unknown) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params });

  test("is paid once for one connect and call, by a transport with a client's fetch", async () => {
    const here = await town();
    const { url, seen } = await shop(here);
    const caller = await major.http(url, here.connect(here.mint()).fetch);
    expect((await caller.listTools()).tools).toHaveLength(3);
    expect(here.paid().count).toBe(0);
    expect(textOf(await caller.callTool(FORECAST))).toBe("Tokyo: sunny");
    expect(here.paid().count).toBe(1);
    expect(seen.filter(({ body }) => body.includes('"tools/call"'))).toHaveLength(1);
  });

  test("is paid by relay, too: what MCP says in fields reaches it through a treasury", async () => {
    const here = await town();
    const { url, seen } = await shop(here);
    // What counts uses is never handed over.
    const caller = await major.http(url, here.connect(here.mint({ maxUses: 50 })).fetch);
    expect(textOf(await caller.callTool(FORECAST))).toBe("Tokyo: sunny");
    expect(here.paid().count).toBe(1);
    const call = seen.find(({ body }) => body.includes('"tools/call"'));
    expect(call?.headers.get("accept")).toContain("text/event-stream");
    expect(call?.headers.get("mcp-protocol-version")).toMatch(/^20/);
    expect(here.asked.some(({ target }) => target === "/v1/purchases")).toBe(true);
  });

  test("is paid once for what a payment allows several times, with the least that MCP needs", async () => {
    const here = await town();
    const { url } = await shop(here, { grants: { uses: 10 } });
    const least = here.mint({ endpoints: [`POST|GET|DELETE ${url}`] });
    const caller = await major.http(url, here.connect(least).fetch);
    for (const city of ["Tokyo", "Oslo"])
      expect(textOf(await caller.callTool({ name: "forecast", arguments: { city } }))).toBe(
        `${city}: sunny`,
      );
    expect(here.paid().count).toBe(1);
    // Dearer than what was bought, so it is bought by itself.
    expect(textOf(await caller.callTool({ name: "report", arguments: {} }))).toBe("it will rain");
    expect(here.paid().count).toBe(2);
  });

  test("describes its routes, and lets holders revoke", async () => {
    const here = await town();
    const { url, origin, paywall } = await shop(here);
    const found = await fetch(`${origin}/.well-known/l402`);
    expect(await found.json()).toMatchObject({ location: origin, service: "weather" });
    const parent = paywall.authority.minter.mint({ endpoints: [`POST ${url}`], expiresIn: "1h" });
    const child = parent.delegate({ agent: "reader" });
    const authorization = `L402 ${child}`;
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(200);
    const own = here.connect(parent);
    await own.revoke(child);
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(402);
  });

  test("passes a session's own fields through a treasury", async () => {
    const here = await town();
    const { url, seen, answers } = await shop(here);
    answers.mockImplementation(async (request) => {
      seen.push({ headers: request.headers, body: await request.text() });
      return Response.json({ jsonrpc: "2.0", id: 1, result: { content: [] } });
    });
    const fields = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-session-id": "7f",
      "mcp-protocol-version": "2025-11-25",
      "last-event-id": "3",
    };
    const body = JSON.stringify(callOf(FORECAST));
    const client = here.connect(here.mint({ maxUses: 5 }));
    const response = await client.fetch(url, { method: "POST", headers: fields, body });
    expect(response.status).toBe(200);
    const [call] = seen;
    for (const [name, value] of Object.entries(fields))
      expect(call?.headers.get(name), name).toBe(value);
    expect(JSON.parse(call?.body ?? "")).toEqual(callOf(FORECAST));
  });

  test("answers 402 with two challenge lines, before the server sees the call", async () => {
    const here = await town();
    const { url, origin, answers } = await shop(here);
    const lines = await new Promise<string[]>((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const asking = request(url, { method: "POST", headers }, (response) => {
        response.resume();
        const { rawHeaders } = response;
        expect(response.statusCode).toBe(402);
        resolve(
          rawHeaders.filter((_, at) => rawHeaders[at - 1]?.toLowerCase() === "www-authenticate"),
        );
      });
      asking.on("error", reject);
      asking.end(JSON.stringify(callOf(FORECAST)));
    });
    expect(lines).toHaveLength(2);
    expect(Challenge.parse(lines).macaroon.location).toBe(origin);
    expect(answers).not.toHaveBeenCalled();
    expect(url).toBe(`${origin}/mcp`);
  });

  test("answers 402 with an error of JSON-RPC that has the problem, and that a host shows", async () => {
    const here = await town();
    const { url } = await shop(here, { methods: { "notifications/roots/list_changed": "1 sat" } });
    const answered = async (message: object) => {
      const response = await post(url, message);
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        body: await response.json(),
      };
    };
    const asked = await answered({ ...callOf(FORECAST), id: "seven" });
    expect(asked).toMatchObject({
      ...{ status: 402, type: "application/json" },
      body: {
        ...{ jsonrpc: "2.0", id: "seven" },
        error: {
          code: -32_000,
          message: expect.stringContaining("10 sat"),
          data: { status: 402, code: "ERR_TOKEN_MISSING", price: "10 sat" },
        },
      },
    });
    expect(Object.keys(asked.body).sort()).toEqual(["error", "id", "jsonrpc"]);
    // What is no request has no id that could be answered.
    for (const [message, status, code] of [
      [{ jsonrpc: "2.0", method: "notifications/roots/list_changed" }, 402, -32_000],
      [{ jsonrpc: "2.0", method: "tools/call", params: FORECAST }, 402, -32_000],
      [[callOf(FORECAST), { ...callOf(FORECAST), id: 2 }], 400, -32_600],
      ["{", 400, -32_600],
      [{ ...callOf(FORECAST), id: { a: 1 } }, 402, -32_000],
    ] as const) {
      const { body, ...head } = await answered(message as object);
      expect(head.status).toBe(status);
      expect([Object.keys(body), body.error.code]).toEqual([["jsonrpc", "error"], code]);
      expect(body.error.data.status).toBe(status);
    }
    const caller = await major.http(url);
    expect(String(await failure(caller.callTool(FORECAST)))).toMatch(/10 sat/);
  });

  test("is free for the tools without a price, and not for the others", async () => {
    const here = await town();
    const { url, seen } = await shop(here, { methods: { "tools/list": "1 sat" } });
    const caller = await major.http(url, here.connect(here.mint()).fetch);
    expect(textOf(await caller.callTool({ name: "status", arguments: {} }))).toBe("up");
    expect(here.paid().count).toBe(0);
    await caller.listTools();
    expect(here.paid()).toMatchObject({ count: 1 });
    expect(seen.length).toBeGreaterThan(1);
  });

  test("does not serve a dear tool for the price of a cheap one [case 41]", async () => {
    const here = await town();
    const { url, answers } = await shop(here, { grants: { uses: 10 } });
    const cheap = await bought(here, url, callOf(FORECAST));
    answers.mockClear();
    const denied = await post(url, callOf({ name: "report", arguments: {} }), {
      authorization: cheap,
    });
    expect(denied.status).toBe(402);
    expect(answers).not.toHaveBeenCalled();
    expect((await post(url, callOf(FORECAST), { authorization: cheap })).status).toBe(200);
  });

  test("answers a repeated call with the same Idempotency-Key by the answer of the first one", async () => {
    const here = await town();
    const { url, answers } = await shop(here, { grants: { uses: 5 } });
    const authorization = await bought(here, url, callOf(FORECAST));
    answers.mockClear();
    const ask = (message: unknown) =>
      post(url, message, { authorization, "idempotency-key": "k1" });
    const first = await (await ask(callOf(FORECAST))).text();
    expect(first).toContain("sunny");
    const again = await ask(callOf(FORECAST));
    expect([again.status, await again.text()]).toEqual([200, first]);
    const other = await ask(callOf({ name: "forecast", arguments: { city: "Kyoto" } }));
    expect([other.status, (await other.json()).error.data.code]).toEqual([
      422,
      "ERR_IDEMPOTENCY_KEY",
    ]);
    // Its answer would have the id of another message.
    expect((await ask({ ...callOf(FORECAST), id: 2 })).status).toBe(422);
    expect(answers).toHaveBeenCalledTimes(1);
  });

  test("serves the very call that was priced, under another id, after its price has risen", async () => {
    const here = await town();
    let price = 10;
    const { url, answers } = await shop(here, {
      price: ({ arguments: { city } }) =>
        `${price * (city === "Tokyo" ? 1 : 2)} sat` as `${number} sat`,
    });
    const authorization = await bought(here, url, callOf(FORECAST));
    price = 11;
    answers.mockClear();
    const other = { name: "forecast", arguments: { city: "Kyoto" } };
    expect((await post(url, callOf(other), { authorization })).status).toBe(402);
    expect(answers).not.toHaveBeenCalled();
    const call = { ...callOf({ ...FORECAST, _meta: { progressToken: 7 } }), id: "other" };
    expect((await post(url, call, { authorization })).status).toBe(200);
    expect((await post(url, call, { authorization })).status).toBe(402);
  });

  /** Pays what `url` asks for, as the `Authorization` of what was bought. */
  async function bought(here: Town, url: string, message: unknown): Promise<string> {
    const asked = await post(url, message);
    const { macaroon, invoice } = Challenge.parse(asked.headers.get("www-authenticate"));
    const paid = await devWallet(here.network.account("treasury").url).pay({
      invoice,
      paymentHash: Invoice.decode(invoice).paymentHash,
      amountMsat: Invoice.decode(invoice).amountMsat!,
      maxFeeMsat: 10_000n,
      timeoutSeconds: 10,
    });
    if (paid.status !== "paid") throw new Error(`the payment is ${paid.status}`);
    return `L402 ${Buffer.from(Macaroon.encode(macaroon)).toString("base64")}:${paid.preimage}`;
  }

  test("keeps a narrowed credential to its own tool", async () => {
    const here = await town();
    const { url, paywall } = await shop(here);
    const wide = paywall.authority.minter.mint({ endpoints: [`POST ${url}`], expiresIn: "1h" });
    const narrow = wide.delegate({ agent: "reader", capabilities: { weather: ["report"] } });
    const authorization = `L402 ${narrow}`;
    const denied = await post(url, callOf(FORECAST), { authorization });
    expect(denied.status).toBe(403);
    expect(denied.headers.get("www-authenticate")).toBeNull();
    expect(await denied.json()).toMatchObject({ error: { data: { code: "ERR_CAPABILITY" } } });
    expect(
      (await post(url, callOf({ name: "report", arguments: {} }), { authorization })).status,
    ).toBe(200);
  });

  test("forwards what was read, and no credential [cases 42, 94]", async () => {
    const here = await town();
    const { url, paywall, seen, answers } = await shop(here);
    answers.mockImplementation(async (request) => {
      seen.push({ headers: request.headers, body: await request.text() });
      return Response.json({});
    });
    const credential = paywall.authority.minter
      .mint({ endpoints: [`POST ${url}`], expiresIn: "1h" })
      .toString();
    const twice = `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"status","name":"report","_meta":{"dev.l8nt/credential":"${credential}","progressToken":1}}}`;
    expect((await post(url, twice)).status).toBe(200);
    expect(
      (await post(url, callOf(FORECAST), { authorization: `L402 ${credential}` })).status,
    ).toBe(200);
    const [one, other] = seen;
    expect(one?.body).toBe(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"report","_meta":{"progressToken":1}}}',
    );
    for (const { headers, body } of [one!, other!])
      expect(JSON.stringify([...headers]) + body).not.toContain(credential.split(":")[1]);
  });

  test("serves no call that could be read in two ways", async () => {
    const here = await town();
    const { url, answers } = await shop(here, { maxBodyBytes: 10_000 });
    const pairs: readonly (readonly [message: unknown, status: number])[] = [
      ["{", 400],
      ["", 400],
      [[callOf(FORECAST)], 400],
      [[{ jsonrpc: "2.0", method: "notifications/initialized" }, callOf(FORECAST)], 400],
      [callOf({ name: ["forecast"] }), 400],
      [callOf({ name: "a/../forecast" }), 400],
      [callOf(undefined), 400],
      [{ jsonrpc: "2.0", id: 1, Method: "tools/call", params: FORECAST }, 400],
      [callOf({ ...FORECAST, Name: "report" }), 400],
      [callOf({ ...FORECAST, arguments: { city: "x".repeat(20_000) } }), 413],
      [callOf({ ...FORECAST, arguments: deep(300) }), 400],
      [{ jsonrpc: "2.0", id: 1, method: "tools/list", params: deep(300) }, 400],
    ];
    for (const [message, status] of pairs)
      expect((await post(url, message)).status, JSON.stringify(message)?.slice(0, 80)).toBe(status);
    expect(answers).not.toHaveBeenCalled();
    expect(here.network.payments()).toHaveLength(0);
  });

  test("gives the use back if the server fails [case 89]", async () => {
    const here = await town();
    const { url, answers } = await shop(here);
    const authorization = await bought(here, url, callOf(FORECAST));
    vi.spyOn(console, "error").mockImplementation(() => {});
    answers.mockImplementationOnce(async () => new Response(null, { status: 500 }));
    answers.mockImplementationOnce(async () => {
      throw new Error("out of order");
    });
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(500);
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(500);
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(200);
    expect((await post(url, callOf(FORECAST), { authorization })).status).toBe(402);
  });

  test("serves free calls without a wallet, and a paid call says what is missing", async () => {
    const here = await town();
    const { url } = await shop(here);
    const caller = await major.http(url);
    expect(textOf(await caller.callTool({ name: "status", arguments: {} }))).toBe("up");
    expect(String(await failure(caller.callTool(FORECAST)))).toMatch(/402|Payment/);
  });

  test("refuses terms that could not be sold", async () => {
    const here = await town();
    const { paywall } = await shop(here);
    const none = () => new Response();
    for (const wrong of [
      { price: "10" },
      { price: "1 sat", tools: { a: 5 } },
      { price: "1 sat", methods: { a: "x" } },
      { price: "1 sat", tool: {} },
      {},
    ])
      expect(() => paidEndpoint({ paywall, ...wrong } as never, none)).toThrow(TypeError);
  });
});
