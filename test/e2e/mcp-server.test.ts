/** Paid MCP tools in both majors of the SDK: calls with, without and with a bad credential. */
import { createHash } from "node:crypto";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { ServerNotification, ServerRequest } from "@modelcontextprotocol/sdk/types.js";
import { inputRequired, type ServerContext } from "@modelcontextprotocol/server";
import { Credential } from "l8nt";
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge } from "l8nt/l402";
import { type CallContext, type PaidToolOptions, paidTool, paidTools } from "l8nt/mcp";
import { listener } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { FakeInvoicer } from "l8nt/testing";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import { listen, secretOf } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import {
  type Caller,
  CHALLENGE,
  CREDENTIAL,
  majors,
  PROBLEM,
  type ToolAnswer,
} from "./support/mcp.ts";

const LOCATION = "https://weather.example";
const REQUIRED = "org.paymentauth/payment-required";
const PAYMENT = "org.paymentauth/credential";
const RECEIPT = "org.paymentauth/receipt";

const textOf = (answer: ToolAnswer): string => answer.content.map(({ text }) => text).join("");
const problemOf = ({ _meta }: ToolAnswer) => _meta?.[PROBLEM] as { code: string; status: number };
const challengeOf = ({ _meta = {} }: ToolAnswer) =>
  _meta[CHALLENGE] as {
    readonly url: string;
    readonly "www-authenticate": string[];
    readonly date: string;
  };
const linesOf = (answer: ToolAnswer): string[] => challengeOf(answer)["www-authenticate"];

const signalIn = (context: CallContext): AbortSignal | undefined =>
  context.mcpReq?.signal ?? context.signal;

const served = async (serve: (request: Request) => Promise<Response>) => ({
  url: `${await listen((origin) => listener(serve, { origin }))}/mcp`,
});

describe.each(majors)("a paid tool of $name", (major) => {
  const handled = vi.fn();

  async function town(options: Partial<PaidToolOptions> = {}, challengesPerMinute = {}) {
    handled.mockReset();
    const invoicer = new FakeInvoicer();
    const secret = secretOf("the MCP server");
    const authority = new Authority({ secret, location: LOCATION, service: "weather" });
    const paywall = new Paywall({ authority, invoicer, challengesPerMinute });
    const inputSchema = z.object({ city: z.string() });
    const caller = await major.inMemory((server) => {
      const terms = { price: "10 sat", ...options, paywall, inputSchema } as const;
      paidTool(server, "forecast", terms, ({ city }, _, grant) => {
        handled(city, grant);
        return { content: [{ type: "text", text: `${city}: sunny` }] };
      });
      const outputSchema = z.object({ rain: z.boolean() });
      paidTool(server, "history", { paywall, price: "10 sat", outputSchema }, () => ({
        content: [{ type: "text", text: "it rained" }],
        structuredContent: { rain: true },
      }));
      for (const name of ["slow", "dear"])
        paidTool(server, name, { paywall, price: "10 sat" }, async (_, context, grant) => {
          const signal = signalIn(context);
          if (name === "dear") grant.consume();
          handled();
          await new Promise((_, reject) =>
            signal?.addEventListener("abort", () => reject(signal.reason)),
          );
          return { content: [] };
        });
      paidTool(server, "broken", { paywall, price: "10 sat" }, () => {
        handled();
        throw new Error("out of order");
      });
    });
    await caller.listTools();
    const ask = (credential?: unknown, name = "forecast", key = CREDENTIAL) =>
      caller.callTool({
        name,
        arguments: name === "forecast" ? { city: "Tokyo" } : {},
        ...(credential !== undefined && { _meta: { [key]: credential } }),
      });
    const buy = async (name = "forecast") => invoicer.buy(linesOf(await ask(undefined, name)));
    return { invoicer, paywall, caller, ask, buy };
  }

  test("is answered, without a credential, with a price for the model and a challenge for its client", async () => {
    const { ask } = await town();
    const answer = await ask();
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toContain("10 sat");
    expect(problemOf(answer)).toMatchObject({ status: 402, code: "ERR_TOKEN_MISSING" });
    const { macaroon, invoice } = Challenge.parse(linesOf(answer));
    expect(macaroon.location).toBe(LOCATION);
    expect(Invoice.decode(invoice).amountMsat).toBe(10_000n);
    expect(challengeOf(answer).url).toBe(`${LOCATION}/mcp/tools/forecast`);
    expect(linesOf(answer)[0]).toMatch(/^LSAT /);
    // The invoice is made at the same time, by the same clock.
    const made = Invoice.decode(invoice).timestamp * 1000;
    expect(Math.abs(Date.parse(challengeOf(answer).date) - made)).toBeLessThan(5_000);
    expect(handled).not.toHaveBeenCalled();
  });

  test("is called once for one payment, and knows who paid", async () => {
    const { ask, buy } = await town();
    const credential = await buy();
    const answer = await ask(credential);
    expect(answer.isError ?? false).toBe(false);
    expect(textOf(answer)).toBe("Tokyo: sunny");
    expect(JSON.stringify(answer)).not.toContain(credential.split(":")[1]);
    expect(handled).toHaveBeenCalledOnce();
    expect(handled.mock.calls[0]?.[1]).toMatchObject({ price: { unit: "msat", value: 10_000n } });
    const again = await ask(credential);
    expect(problemOf(again)).toMatchObject({ status: 402, code: "ERR_USES" });
    expect(handled).toHaveBeenCalledOnce();
  });

  test("is called once, however many calls come at once [case 88]", async () => {
    const { ask, buy } = await town();
    const credential = await buy();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(credential)));
    expect(answers.filter(({ isError }) => isError !== true)).toHaveLength(1);
    expect(handled).toHaveBeenCalledOnce();
  });

  test("is not opened by what another tool's payment bought [case 41]", async () => {
    const { ask, buy } = await town();
    const answer = await ask(await buy(), "history");
    expect(problemOf(answer)).toMatchObject({ status: 402, code: "ERR_ENDPOINT" });
    expect(answer._meta).toHaveProperty([CHALLENGE]);
  });

  test("is not opened by a credential that was narrowed to another tool", async () => {
    const { ask, paywall } = await town();
    const wide = paywall.authority.minter.mint({
      endpoints: [`POST ${LOCATION}/mcp/tools/*`],
      expiresIn: "1h",
    });
    const narrow = wide
      .delegate({ agent: "reader", capabilities: { weather: ["history"] } })
      .toString();
    const answer = await ask(narrow);
    expect(problemOf(answer)).toMatchObject({ status: 403, code: "ERR_CAPABILITY" });
    expect(answer._meta).not.toHaveProperty([CHALLENGE]);
    expect(answer._meta).not.toHaveProperty([REQUIRED]);
    expect((await ask(narrow, "history")).isError ?? false).toBe(false);
    expect((await ask(wide.toString())).isError ?? false).toBe(false);
  });

  test("sells to a caller with a forged credential as to one without any", async () => {
    const { ask, buy } = await town();
    const forged = (await buy()).replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    const answer = await ask(forged);
    expect(problemOf(answer)).toMatchObject({ status: 402, code: "ERR_TOKEN_FORGED" });
    expect(answer._meta).toHaveProperty([CHALLENGE]);
    expect(handled).not.toHaveBeenCalled();
  });

  test("does not ask a caller whose credential cannot be read to pay [case 90]", async () => {
    const { ask, buy, invoicer } = await town();
    const good = await buy();
    const made = invoicer.requests.length;
    for (const [bad, code] of [
      ["nonsense", "ERR_TOKEN_MALFORMED"],
      ["", "ERR_TOKEN_MALFORMED"],
      [7, "ERR_TOKEN_MALFORMED"],
      [null, "ERR_TOKEN_MALFORMED"],
      [{ credential: good }, "ERR_TOKEN_MALFORMED"],
      [`${good}\n`, "ERR_TOKEN_MALFORMED"],
    ] as const) {
      const answer = await ask(bad);
      expect(problemOf(answer), String(bad)).toMatchObject({ status: 401, code });
      expect(answer.isError).toBe(true);
      expect(answer._meta).not.toHaveProperty([CHALLENGE]);
      expect(textOf(answer)).not.toContain(good.slice(0, 40));
    }
    const two = await ask(
      `${good}, L402 ${good.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))}`,
    );
    expect(problemOf(two)).toMatchObject({ status: 400, code: "ERR_TOKEN_AMBIGUOUS" });
    expect(invoicer.requests).toHaveLength(made);
    expect(handled).not.toHaveBeenCalled();
  });

  test("takes no credential from its arguments", async () => {
    const { caller, buy } = await town();
    const credential = await buy();
    for (const hidden of [
      { [CREDENTIAL]: credential },
      { _meta: { [CREDENTIAL]: credential } },
      { authorization: `L402 ${credential}` },
    ]) {
      const answer = await caller.callTool({
        name: "forecast",
        arguments: { city: "Tokyo", ...hidden },
      });
      expect(problemOf(answer)).toMatchObject({ status: 402 });
    }
  });

  test("gives the use back if its handler throws [case 89]", async () => {
    const { ask, buy } = await town();
    const credential = await buy("broken");
    for (let attempt = 1; attempt <= 3; attempt++) {
      const answer = await ask(credential, "broken");
      expect(textOf(answer)).toContain("out of order");
      expect(handled).toHaveBeenCalledTimes(attempt);
    }
  });

  test.each([
    ["slow", "gives the use back", undefined],
    ["dear", "keeps the use that the handler declared consumed", "ERR_USES"],
  ])("%s: a client that hangs up before the answer %s [case 89]", async (name, _, code) => {
    const { caller, buy } = await town();
    const call = { name, arguments: {}, _meta: { [CREDENTIAL]: await buy(name) } };
    const hangUp = async (times: number) => {
      const leaving = new AbortController();
      const left = caller
        .callTool(call, ...major.options({ signal: leaving.signal }))
        .catch(() => "left");
      await vi.waitFor(() => expect(handled).toHaveBeenCalledTimes(times), { timeout: 30_000 });
      leaving.abort();
      expect(await left).toBe("left");
    };
    await hangUp(1);
    if (code === undefined) await hangUp(2);
    else expect(problemOf(await caller.callTool(call))).toMatchObject({ code });
  });

  test("reads a credential from HTTP fields, and the same one in both places once", async () => {
    const { paywall, buy } = await town();
    const forecast = { name: "forecast", arguments: {} };
    const serve = major.handler((server) => {
      paidTool(server, "forecast", { paywall, price: "10 sat" }, () => ({
        content: [{ type: "text", text: "sunny" }],
      }));
    });
    const { url } = await served(serve);
    const call = async (fields: Record<string, string>, credential?: string) => {
      const fetcher: typeof fetch = (input, init) => {
        const headers = new Headers(init?.headers);
        for (const [name, value] of Object.entries(fields)) headers.set(name, value);
        return fetch(input, { ...init, headers });
      };
      const caller = await major.http(url, fetcher);
      const _meta = credential === undefined ? undefined : { [CREDENTIAL]: credential };
      return caller.callTool({ ...forecast, ...(_meta !== undefined && { _meta }) });
    };
    expect(problemOf(await call({}))).toMatchObject({ status: 402 });
    expect(textOf(await call({ authorization: `L402 ${await buy()}` }))).toBe("sunny");
    const both = await buy();
    expect(textOf(await call({ authorization: `LSAT ${both}` }, both))).toBe("sunny");
    expect(textOf(await call({ authorization: "Bearer of-somebody-else" }, await buy()))).toBe(
      "sunny",
    );
    const two = await call({ authorization: `L402 ${await buy()}` }, await buy());
    expect(problemOf(two)).toMatchObject({ status: 400, code: "ERR_TOKEN_AMBIGUOUS" });
  });

  test("knows a call by the field of the HTTP request before the key in `_meta`, which a treasury passes on", async () => {
    const { paywall, buy } = await town({ grants: { uses: 5 } });
    let count = 0;
    const serve = major.handler((server) => {
      paidTool(server, "forecast", { paywall, price: "10 sat", grants: { uses: 5 } }, () => ({
        content: [{ type: "text", text: `served ${++count}` }],
      }));
    });
    const { url } = await served(serve);
    const credential = await buy();
    const call = async (field?: string) => {
      const caller = await major.http(url, (input, init) => {
        const headers = new Headers(init?.headers);
        headers.set("authorization", `L402 ${credential}`);
        if (field !== undefined) headers.set("idempotency-key", field);
        return fetch(input, { ...init, headers });
      });
      const _meta = { "dev.l8nt/idempotency-key": "order-42" };
      return textOf(await caller.callTool({ name: "forecast", arguments: {}, _meta }));
    };
    expect([await call("of one agent"), await call("of another agent")]).toEqual([
      "served 1",
      "served 2",
    ]);
    expect(await call("of one agent")).toBe("served 1");
    // Without the field, the key in `_meta` counts.
    expect([await call(), await call()]).toEqual(["served 3", "served 3"]);
  });

  test("counts nothing for arguments that its schema refuses", async () => {
    const { caller, ask, buy } = await town();
    const credential = await buy();
    const bad = { name: "forecast", arguments: { city: 5 }, _meta: { [CREDENTIAL]: credential } };
    const refused = await caller.callTool(bad).catch((error: Error) => error);
    expect(String(JSON.stringify(refused) + refused)).toMatch(/city|invalid/i);
    expect((await ask(credential)).isError ?? false).toBe(false);
  });

  const keyed = (credential: string, key: string) => ({
    _meta: { [CREDENTIAL]: credential, "dev.l8nt/idempotency-key": key },
  });

  test("answers a repeated call, by its key in `_meta`, with the result of the first one", async () => {
    const { buy, caller } = await town({ grants: { uses: 5 } });
    const credential = await buy();
    const call = (key: string, city = "Tokyo") =>
      caller.callTool({ name: "forecast", arguments: { city }, ...keyed(credential, key) });
    // The first one throws, which gives the use back: the key is free again.
    handled.mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    expect((await call("k1")).isError).toBe(true);
    for (let times = 0; times < 3; times++) expect(textOf(await call("k1"))).toBe("Tokyo: sunny");
    expect(handled).toHaveBeenCalledTimes(2);
    expect(problemOf(await call("k1", "Kyoto"))).toMatchObject({
      status: 422,
      code: "ERR_IDEMPOTENCY_KEY",
    });
    expect(textOf(await call("k2", "Kyoto"))).toBe("Kyoto: sunny");
    expect(handled).toHaveBeenCalledTimes(3);
  });

  test("is called again under the same key after a call that was given up, and not while it runs", async () => {
    const { caller, buy } = await town();
    const call = { name: "slow", arguments: {}, ...keyed(await buy("slow"), "k1") };
    for (const times of [1, 2]) {
      const leaving = new AbortController();
      const left = caller
        .callTool(call, ...major.options({ signal: leaving.signal }))
        .catch(() => "left");
      await vi.waitFor(() => expect(handled).toHaveBeenCalledTimes(times), { timeout: 30_000 });
      expect(problemOf(await caller.callTool(call))).toMatchObject({
        status: 409,
        code: "ERR_REQUEST_RUNNING",
      });
      leaving.abort();
      expect(await left).toBe("left");
    }
  });

  test("may have a price for each call", async () => {
    const price = vi.fn(({ arguments: { city } }) =>
      city === "Tokyo" ? ("20 sat" as const) : "0 sat",
    );
    const { ask, caller } = await town({ price });
    const { invoice } = Challenge.parse(linesOf(await ask()));
    expect(Invoice.decode(invoice).amountMsat).toBe(20_000n);
    const free = await caller.callTool({ name: "forecast", arguments: { city: "Kyoto" } });
    expect(textOf(free)).toBe("Kyoto: sunny");
  });

  test("is served at the price that was paid if its price has risen, and no dearer call is", async () => {
    let price = 10;
    const { ask, buy, caller } = await town({
      price: ({ arguments: { city } }) =>
        `${price * (city === "Tokyo" ? 1 : 2)} sat` as `${number} sat`,
    });
    const credential = await buy();
    price = 11;
    const kyoto = { name: "forecast", arguments: { city: "Kyoto" } };
    const dearer = await caller.callTool({ ...kyoto, _meta: { [CREDENTIAL]: credential } });
    expect(problemOf(dearer)).toMatchObject({ status: 402, code: "ERR_PRICE" });
    expect(textOf(await ask(credential))).toBe("Tokyo: sunny");
    expect(problemOf(await ask(credential))).toMatchObject({ code: "ERR_USES" });
  });

  test("is paid for by a client of the Payment scheme, with its macaroon as the challenge's id", async () => {
    const { ask, invoicer } = await town();
    const required = (await ask())._meta?.[REQUIRED] as {
      httpStatus: number;
      challenges: {
        id: string;
        realm: string;
        method: string;
        intent: string;
        expires: string;
        request: {
          amount: string;
          currency: string;
          methodDetails: { invoice: string; paymentHash: string; network: string };
        };
      }[];
    };
    const [challenge] = required.challenges;
    // The members that draft-payment-transport-mcp-00 and draft-lightning-charge-00 require.
    expect(challenge).toMatchObject({
      realm: "weather.example",
      method: "lightning",
      intent: "charge",
    });
    expect(challenge?.request).toMatchObject({ amount: "10", currency: "sat" });
    const { invoice, paymentHash, network } = challenge!.request.methodDetails;
    expect(network).toBe("regtest");
    const decoded = Invoice.decode(invoice);
    expect(decoded.paymentHash).toBe(paymentHash);
    expect(Date.parse(challenge!.expires)).toBe(decoded.expiresAt * 1000);
    const preimage = invoicer.pay(invoice);
    expect(createHash("sha256").update(Buffer.from(preimage, "hex")).digest("hex")).toBe(
      paymentHash,
    );
    const answer = await ask({ challenge, payload: { preimage } }, "forecast", PAYMENT);
    expect(textOf(answer)).toBe("Tokyo: sunny");
    const receipt = { status: "success", method: "lightning", reference: paymentHash };
    expect(answer._meta?.[RECEIPT]).toMatchObject({ ...receipt, challengeId: challenge!.id });
    const theirs = { challenge: { ...challenge, method: "tempo" }, payload: { preimage } };
    const other = await ask(theirs, "forecast", PAYMENT);
    expect(problemOf(other)).toMatchObject({ status: 401, code: "ERR_TOKEN_MALFORMED" });
  });

  test("limits how often each client is asked for payment [case 113]", async () => {
    const [near, far] = ["192.0.2.1", "192.0.2.2"];
    let address = near;
    const { ask, invoicer } = await town({ clientAddress: () => address }, { perClient: 1 });
    expect(problemOf(await ask())).toMatchObject({ status: 402 });
    expect(problemOf(await ask())).toMatchObject({ status: 429, code: "ERR_RATE_LIMITED" });
    expect(invoicer.requests).toHaveLength(1);
    address = far;
    expect(problemOf(await ask())).toMatchObject({ status: 402 });
  });

  test("is one route of its paywall, however often a stateless server registers it", async () => {
    const invoicer = new FakeInvoicer();
    const paywall = new Paywall({ secret: secretOf("x"), location: LOCATION, invoicer });
    const handler = () => ({ content: [] });
    const price = () => "1 sat" as const;
    for (let request = 0; request < 10; request++) {
      const server = major.server();
      paidTool(server, "one", { paywall, price: "1 sat", grants: { budget: "5 sat" } }, handler);
      paidTool(server, "two", { paywall, price }, handler);
      paidTool(server, "three", { paywall, price: () => price() }, handler);
    }
    const found = await paywall.wellKnown(new Request(`${LOCATION}/.well-known/l402`));
    expect(((await found!.json()) as { routes: unknown[] }).routes).toHaveLength(3);
  });

  test("refuses names that a URL could read in two ways, and terms that could not be sold", () => {
    const paywall = new Paywall({
      secret: secretOf("x"),
      location: LOCATION,
      invoicer: new FakeInvoicer(),
    });
    const handler = () => ({ content: [] });
    for (const name of ["", "..", "a/b", "a%2fb", "a*", "a b", "x".repeat(129)])
      expect(
        () => paidTool(major.server(), name, { paywall, price: "1 sat" }, handler),
        name,
      ).toThrow(TypeError);
    expect(() => paidTool(major.server(), "a", { paywall, price: "1" as never }, handler)).toThrow(
      TypeError,
    );
    const misspelt = { paywall, price: "1 sat", grant: { uses: 5 } } as never;
    expect(() => paidTool(major.server(), "a", misspelt, handler)).toThrow(/grant/);
  });

  test("can guard every tool of a server", async () => {
    const invoicer = new FakeInvoicer();
    const paywall = new Paywall({ secret: secretOf("x"), location: LOCATION, invoicer });
    const caller: Caller = await major.inMemory((server) => {
      const whole = server as unknown as { registerTool(...of: unknown[]): unknown };
      paidTools(server, { paywall, price: "10 sat", tools: { status: "0 sat" } });
      const say = (text: string) => ({ content: [{ type: "text", text }] });
      whole.registerTool("status", {}, () => say("up"));
      whole.registerTool(
        "dear",
        { inputSchema: z.object({ city: z.string() }) },
        ({ city }: { city: string }) => say(city),
      );
    });
    expect(() => paidTools(major.server(), { paywall, price: "1" as never })).toThrow(TypeError);
    expect((await caller.listTools()).tools).toHaveLength(2);
    expect(textOf(await caller.callTool({ name: "status", arguments: {} }))).toBe("up");
    const call = { name: "dear", arguments: { city: "Oslo" } };
    const credential = invoicer.buy(linesOf(await caller.callTool(call)));
    expect(Credential.parse(credential).location).toBe(LOCATION);
    expect(textOf(await caller.callTool({ ...call, _meta: { [CREDENTIAL]: credential } }))).toBe(
      "Oslo",
    );
  });

  test("is not registered beside tools that would stay free, nor paid for twice", () => {
    const paywall = new Paywall({
      secret: secretOf("x"),
      location: LOCATION,
      invoicer: new FakeInvoicer(),
    });
    const before = major.server();
    (before as unknown as { registerTool(...of: unknown[]): unknown }).registerTool(
      "old",
      {},
      () => ({}),
    );
    expect(() => paidTools(before, { paywall, price: "1 sat" })).toThrow(
      /call paidTools before the first tool/,
    );
    const whole = paidTools(major.server(), { paywall, price: "1 sat" });
    const twice = () => paidTool(whole, "a", { paywall, price: "1 sat" }, () => ({ content: [] }));
    expect(twice).toThrow(/every tool of this server is paid already/);
  });
});

test("tools that 1.x registers by their older name are paid for, too, and once", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = new Paywall({ secret: secretOf("x"), location: LOCATION, invoicer });
  const caller = await majors[0]!.inMemory((server) => {
    paidTools(server, { paywall, price: "10 sat" });
    const old = server as unknown as { tool(...of: unknown[]): unknown };
    old.tool("plain", () => ({ content: [{ type: "text", text: "plain" }] }));
    old.tool("city", "its weather", { city: z.string() }, ({ city }: { city: string }) => ({
      content: [{ type: "text", text: city }],
    }));
  });
  for (const [name, text] of [
    ["plain", "plain"],
    ["city", "Oslo"],
  ] as const) {
    const call = { name, arguments: { city: "Oslo" } };
    const credential = invoicer.buy(linesOf(await caller.callTool(call)));
    const paid = () => caller.callTool({ ...call, _meta: { [CREDENTIAL]: credential } });
    expect(textOf(await paid())).toBe(text);
    expect(problemOf(await paid())).toMatchObject({ code: "ERR_USES" });
  }
});

test("a tool of 2.x that asks back is paid for once, by the call that it answers", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = new Paywall({ secret: secretOf("x"), location: LOCATION, invoicer });
  const handled = vi.fn();
  const caller = await majors[1]!.inMemory((server) =>
    paidTool(server, "deploy", { paywall, price: "10 sat" }, () => {
      handled();
      if (handled.mock.calls.length > 1) return { content: [{ type: "text", text: "deployed" }] };
      return inputRequired({ inputRequests: {}, requestState: "first" });
    }),
  );
  const call = { name: "deploy", arguments: {} };
  const credential = invoicer.buy(linesOf(await caller.callTool(call)));
  const paid = () => caller.callTool({ ...call, _meta: { [CREDENTIAL]: credential } });
  // The SDK asks the handler again, with the same credential.
  expect(textOf(await paid())).toBe("deployed");
  expect(handled).toHaveBeenCalledTimes(2);
  expect(problemOf(await paid())).toMatchObject({ code: "ERR_USES" });
});

test("a handler may name its context by the type of its SDK", () => {
  const paywall = new Paywall({
    secret: secretOf("x"),
    location: LOCATION,
    invoicer: new FakeInvoicer(),
  });
  const terms = { paywall, price: "1 sat" } as const;
  type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
  paidTool(majors[0]!.server(), "a", terms, (_, extra: Extra) => ({ content: [extra.requestId] }));
  paidTool(majors[1]!.server(), "a", terms, (_, context: ServerContext) => ({
    content: [context.mcpReq.id],
  }));
  const inputSchema = { city: z.string() };
  paidTool(majors[0]!.server(), "a", { ...terms, inputSchema }, ({ city }) => {
    expectTypeOf(city).toEqualTypeOf<string>();
    return { content: [] };
  });
});
