/** The Hono middleware: the paywall contract, and its own laws. */
import type { Server } from "node:http";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { expect, expectTypeOf, onTestFinished, test, vi } from "vitest";
import type { GivenHeaders } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract, type Reply } from "../testing/paywall-contract.ts";
import { exchange } from "../testing/raw-http.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { responseOf } from "./fixtures/reply.ts";
import { fieldsSeen } from "./fixtures/seen.ts";
import { type Grant, type PaidEnv, paid, wellKnown } from "./hono.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

const serve = (app: Hono) => listening(createAdaptorServer(app) as Server);

const seen = (c: Context): readonly GivenHeaders[] => [
  c.req.raw.headers,
  c.req.header(),
  ...fieldsSeen((c.env as HttpBindings).incoming),
];

paywallContract(test, {
  name: "l8nt/hono",
  start: async (paywall, routes) => {
    const app = new Hono();
    app.use(wellKnown(paywall));
    for (const { method, path, terms, second, handle } of routes) {
      if (second !== undefined) app.use(path, paid(paywall, terms));
      app.on(method, [path], paid(paywall, second ?? terms), (c): Response | Promise<Response> => {
        const reply = handle(
          c.get("grant"),
          () => c.req.text(),
          () => seen(c),
        );
        const answer = (given: Reply): Response => {
          if (given.cut === "before the head") (c.env as HttpBindings).outgoing.destroy();
          return responseOf(given);
        };
        return reply instanceof Promise ? reply.then(answer) : answer(reply);
      });
    }
    return serve(app);
  },
});

paywallContract(test, {
  name: "l8nt/hono, around the handler",
  start: async (paywall, routes) => {
    const app = new Hono();
    app.use(wellKnown(paywall));
    // Something before the paywall has looked at the fields.
    app.use((c, next) => {
      c.req.header("authorization");
      c.req.header();
      return next();
    });
    for (const { method, path, terms, second, handle } of routes) {
      if (second !== undefined) app.use(path, paid(paywall, terms));
      const handler = paid(paywall, second ?? terms, async (c) => {
        const given = await handle(
          c.get("grant"),
          () => c.req.text(),
          () => seen(c),
        );
        if (given.cut === "before the head") (c.env as HttpBindings).outgoing.destroy();
        return responseOf(given);
      });
      app.on(method, [path], handler);
    }
    return serve(app);
  },
});

test("around the handler: without a server, with parameters, and with an answer from elsewhere", async () => {
  const invoicer = new FakeInvoicer();
  const app = new Hono();
  const elsewhere = async () => fetch("data:text/plain,sunny");
  const paywall = newPaywall({ invoicer });
  app.get(
    "/days/:day",
    paid<PaidEnv, "/days/:day">(paywall, { price: "1 sat" }, async (c) => {
      expectTypeOf(c.get("grant")).toEqualTypeOf<Grant>();
      expectTypeOf(c.req.param("day")).toEqualTypeOf<string>();
      if (c.req.param("day") === "0") throw new HTTPException(422);
      await c.get("grant").consume();
      return elsewhere();
    }),
  );
  const asked = await app.request("/days/1");
  expect(asked.status).toBe(402);
  const bought = invoicer.buy(asked.headers.get("www-authenticate")!);
  const ask = () => app.request("/days/1", { headers: [present(bought)] });
  const response = await ask();
  expect([response.status, await response.text()]).toEqual([200, "sunny"]);
  expect(response.headers.get("sigil-use")).toBe("consumed");
  expect((await ask()).status).toBe(402);
  // What the handler throws gives the use back.
  const other = invoicer.buy((await app.request("/days/0")).headers.get("www-authenticate")!);
  for (let times = 0; times < 3; times++)
    expect((await app.request("/days/0", { headers: [present(other)] })).status).toBe(422);
});

test('`c.get("grant")` has its type, and exists without a server too', async () => {
  const invoicer = new FakeInvoicer();
  const app = new Hono().get("/paid", paid(newPaywall({ invoicer }), { price: "1 sat" }), (c) => {
    expectTypeOf(c.get("grant")).toEqualTypeOf<Grant>();
    return c.json({ hash: c.get("grant").paymentHash });
  });
  const asked = await app.request("/paid");
  expect(asked.status).toBe(402);
  const credential = invoicer.buy(asked.headers.get("www-authenticate")!);
  const headers = new Headers([present(credential)]);
  expect((await app.request("/paid", { headers })).status).toBe(200);
  headers.append(
    "authorization",
    `LSAT ${credential.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))}`,
  );
  expect((await app.request("/paid", { headers })).status).toBe(400);
});

test("a request to a mounted app is judged by its whole path", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const inner = new Hono().get("/paid", paid(paywall, { price: "1 sat" }), (c) => c.text("sunny"));
  const app = new Hono().route("/routed", inner).mount("/mounted", inner.fetch);
  const host = await serve(app);
  for (const target of ["/routed/paid", "/mounted/paid"]) {
    const asked = await exchange(host.url, { target });
    const credential = invoicer.buy(asked.lines("www-authenticate"));
    const other = target === "/routed/paid" ? "/mounted/paid" : "/routed/paid";
    expect(
      (await exchange(host.url, { target: other, fields: [present(credential)] })).status,
    ).toBe(402);
    expect((await exchange(host.url, { target, fields: [present(credential)] })).status).toBe(200);
  }
  await host.close();
});

test("the status that the client gets decides about the use, also from other middleware", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const app = new Hono();
  app.onError((error, c) =>
    error instanceof HTTPException ? error.getResponse() : c.text("broken", 502),
  );
  app.get("/4xx", paid(paywall, { price: "1 sat" }), () => {
    throw new HTTPException(422);
  });
  app.get("/5xx", paid(paywall, { price: "1 sat" }), () => {
    throw new Error("boom");
  });
  app.get("/not-an-error", paid(paywall, { price: "1 sat" }), () => {
    throw "boom";
  });
  const statuses = async (path: string) => {
    const credential = invoicer.buy((await app.request(path)).headers.get("www-authenticate")!);
    const ask = async () => {
      const response = await app.request(path, { headers: [present(credential)] });
      return response.status;
    };
    return [await ask().catch(() => "threw"), await ask().catch(() => "threw")];
  };
  expect(await statuses("/4xx")).toEqual([422, 422]);
  expect(await statuses("/5xx")).toEqual([502, 502]);
  expect(await statuses("/not-an-error")).toEqual(["threw", "threw"]);
});

test("a refusal keeps the fields of other middleware, and two lines of a challenge", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    c.header("access-control-allow-origin", "*");
    c.header("access-control-expose-headers", "x-total");
    await next();
    c.header("x-after", "1");
  });
  app.get("/paid", paid(newPaywall(), { price: "1 sat" }), (c) => c.text("sunny"));
  const host = await serve(app);
  const response = await exchange(host.url, { target: "/paid" });
  expect(response.lines("access-control-allow-origin")).toEqual(["*"]);
  expect(response.lines("access-control-expose-headers")).toEqual([
    "x-total, WWW-Authenticate, Date",
  ]);
  expect(response.lines("x-after")).toEqual(["1"]);
  expect(response.lines("www-authenticate")).toHaveLength(2);
  await host.close();
});

test("on other runtimes than Node, `clientAddress` gives the client's address", async () => {
  const paywall = newPaywall({ challengesPerMinute: { perClient: 1 } });
  const clientAddress = (c: { req: { header(name: string): string | undefined } }) =>
    c.req.header("x-trusted");
  const app = new Hono().get("/paid", paid(paywall, { price: "1 sat" }, { clientAddress }), (c) =>
    c.text(""),
  );
  const ask = async (address: string) =>
    (await app.request("/paid", { headers: { "x-trusted": address } })).status;
  expect([await ask("192.0.2.1"), await ask("192.0.2.1"), await ask("192.0.2.2")]).toEqual([
    402, 429, 402,
  ]);
});

test("a conditional request that etag() answers with 304 costs nothing", async () => {
  const invoicer = new FakeInvoicer();
  const app = new Hono();
  app.use(etag());
  app.get("/paid", paid(newPaywall({ invoicer }), { price: "1 sat", grants: { uses: 2 } }), (c) =>
    c.text("sunny"),
  );
  const host = await serve(app);
  const asked = await exchange(host.url, { target: "/paid" });
  const fields = [present(invoicer.buy(asked.lines("www-authenticate")))];
  const ask = (more: readonly (readonly [string, string])[] = []) =>
    exchange(host.url, { target: "/paid", fields: [...fields, ...more] });
  const [tag = ""] = (await ask()).lines("etag");
  for (let times = 0; times < 3; times++)
    expect((await ask([["if-none-match", tag]])).status).toBe(304);
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 402]);
  await host.close();
});

/** What middleware may do before the paywall that makes @hono/node-server make copies. */
const BEFORE: Record<string, (c: Context) => void> = {
  "reads a field": (c) => void c.req.header("authorization"),
  "reads another field": (c) => void c.req.header("origin"),
  "reads all fields": (c) => void [...c.req.raw.headers],
  "sets a field": (c) => c.req.raw.headers.set("x-request-id", "7"),
  "clones the request": (c) => void c.req.raw.clone(),
  "replaces the request": (c) => {
    c.req.raw = new Request(c.req.raw, { headers: new Headers(c.req.raw.headers) });
  },
};

test.each(Object.entries(BEFORE))(
  "a request that is sent on has no credential if middleware before %s",
  async (_, before) => {
    const invoicer = new FakeInvoicer();
    const app = new Hono();
    app.use((c, next) => {
      before(c);
      return next();
    });
    app.get("/", paid(newPaywall({ invoicer }), { price: "1 sat" }), (c) =>
      c.json([
        [...c.req.raw.headers],
        c.req.header(),
        [...new Request("http://inner.example/", c.req.raw).headers],
        [...c.req.raw.clone().headers],
      ]),
    );
    const { url, close } = await serve(app);
    onTestFinished(close);
    const [, text] = present(
      invoicer.buy((await exchange(url, { target: "/" })).lines("www-authenticate")),
    );
    const fields = [["authorization", `Bearer key, ${text}`]] as const;
    const { status, body } = await exchange(url, { target: "/", fields });
    expect([status, body.split("Bearer key").length]).toEqual([200, 5]);
    expect(body).not.toContain("L402");
  },
);
