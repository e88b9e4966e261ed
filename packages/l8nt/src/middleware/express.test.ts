/** The Express middleware: the paywall contract, and its own laws. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { expect, expectTypeOf, test, vi } from "vitest";
import type { Paywall } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract, type Reply } from "../testing/paywall-contract.ts";
import { exchange, type RawRequest } from "../testing/raw-http.ts";
import { type Grant, paid, wellKnown } from "./express.ts";
import { bodyText } from "./fixtures/body.ts";
import { statusAfterGone, statusAfterHangUp } from "./fixtures/gone.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { isCut } from "./fixtures/reply.ts";
import { fieldsSeen } from "./fixtures/seen.ts";

const serve = (app: Express) => listening(createServer(app));

paywallContract(test, {
  name: "l8nt/express",
  start: async (paywall, routes) => {
    const app = express();
    app.use(wellKnown(paywall));
    for (const { method, path, terms, second, handle } of routes)
      app[method === "GET" ? "get" : "post"](
        path.replace("/*", "/*rest"),
        [paid(paywall, terms), ...(second === undefined ? [] : [paid(paywall, second)])],
        (request: Request, response: Response) => {
          const reply = handle(
            request.grant,
            () => bodyText(request),
            () => fieldsSeen(request),
          );
          const answer = (given: Reply): void => {
            if (!isCut(response, given)) response.status(given.status).send(given.body);
          };
          return reply instanceof Promise ? reply.then(answer) : answer(reply);
        },
      );
    return serve(app);
  },
});

paywallContract(test, {
  name: "l8nt/express behind a body parser",
  start: async (paywall, routes) => {
    const app = express();
    // Something before the paywall has looked at the fields.
    app.use((request, _, next) => next(void request.headersDistinct));
    app.use(express.text({ type: () => true, limit: "2mb" }), wellKnown(paywall));
    for (const { method, path, terms, second, handle } of routes)
      app[method === "GET" ? "get" : "post"](
        path.replace("/*", "/*rest"),
        [paid(paywall, terms), ...(second === undefined ? [] : [paid(paywall, second)])],
        async (request: Request, response: Response) => {
          const given = await handle(
            request.grant,
            async () => request.body ?? "",
            () => fieldsSeen(request),
          );
          if (!isCut(response, given)) response.status(given.status).send(given.body);
        },
      );
    return serve(app);
  },
});

test("`request.grant` has its type", () => {
  expectTypeOf<Request["grant"]>().toEqualTypeOf<Grant>();
});

test("a request to a mounted app is judged by its whole path", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const inner = express().get("/paid", paid(paywall, { price: "1 sat" }), (_, response) => {
    response.send("sunny");
  });
  const router = express.Router().use("/b", inner);
  const host = await serve(express().use("/a", inner).use("/a", router));
  for (const [target, other] of [
    ["/a/paid", "/a/b/paid"],
    ["/a/b/paid", "/a/paid"],
  ] as const) {
    const credential = invoicer.buy(
      (await exchange(host.url, { target })).lines("www-authenticate"),
    );
    expect(
      (await exchange(host.url, { target: other, fields: [present(credential)] })).status,
    ).toBe(402);
    expect((await exchange(host.url, { target, fields: [present(credential)] })).status).toBe(200);
  }
  await host.close();
});

test("the status that error middleware answers decides about the use", async () => {
  const invoicer = new FakeInvoicer();
  const app = express();
  app.get("/:status", paid(newPaywall({ invoicer }), { price: "1 sat" }), async () => {
    throw new Error("boom");
  });
  app.use((_error: unknown, request: Request, response: Response, _next: NextFunction) => {
    response.status(Number(request.params.status ?? request.path.slice(1))).send("sorry");
  });
  const host = await serve(app);
  for (const [target, again] of [
    ["/500", 500],
    ["/503", 503],
    ["/422", 422],
  ] as const) {
    const credential = invoicer.buy(
      (await exchange(host.url, { target })).lines("www-authenticate"),
    );
    const ask = async () =>
      (await exchange(host.url, { target, fields: [present(credential)] })).status;
    expect([await ask(), await ask()]).toEqual([Number(target.slice(1)), again]);
  }
  await host.close();
});

test("the client's address is `request.ip`, which believes trusted proxies only [case 93]", async () => {
  for (const [trusted, statuses] of [
    [false, [402, 429]],
    [true, [402, 402]],
  ] as const) {
    const alarm = vi.fn();
    const app = express().set("trust proxy", trusted);
    app.get(
      "/paid",
      paid(newPaywall({ challengesPerMinute: { perClient: 1 }, alarm }), { price: "1 sat" }),
    );
    const host = await serve(app);
    const ask = async (address: string) =>
      (await exchange(host.url, { target: "/paid", fields: [["x-forwarded-for", address]] }))
        .status;
    expect([await ask("192.0.2.1"), await ask("192.0.2.2")]).toEqual(statuses);
    expect(alarm).toHaveBeenCalledTimes(statuses[1] === 429 ? 1 : 0);
    await host.close();
  }
});

test("the well-known path reads a body that a parser has already read", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const app = express().use(express.json()).use(wellKnown(paywall));
  const host = await serve(app);
  const parent = paywall.authority.minter.mint({
    endpoints: ["GET https://api.example/**"],
    expiresIn: "1h",
  });
  const child = parent.delegate({ agent: "scout" });
  const { condition, value } = child.caveats.at(-1)!;
  const response = await exchange(host.url, {
    method: "POST",
    target: "/.well-known/l402/revocations",
    fields: [present(parent.toString()), ["content-type", "application/json"]],
    body: JSON.stringify({ caveats: [`${condition}=${value}`] }),
  });
  expect(response.status).toBe(200);
  expect(paywall.authority.revocations.has(JSON.parse(response.body).node)).toBe(true);
  await host.close();
});

test("fields and a `writeHead` of earlier middleware are kept", async () => {
  const app = express();
  app.use((_, response, next) => {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-expose-headers", "x-total");
    next();
  });
  app.get("/paid", paid(newPaywall(), { price: "1 sat" }));
  const host = await serve(app);
  const response = await exchange(host.url, { target: "/paid" });
  expect(response.lines("access-control-allow-origin")).toEqual(["*"]);
  expect(response.lines("access-control-expose-headers")).toEqual([
    "x-total, WWW-Authenticate, Date",
  ]);
  expect(response.lines("www-authenticate")).toHaveLength(2);
  await host.close();
});

test("a client that leaves before the grant gets its use back, and the handler is not called", async () => {
  const handler = vi.fn((_: Request, response: Response) => void response.send());
  const build = (paywall: Paywall) =>
    express().get("/paid", paid(paywall, { price: "1 sat" }), handler);
  expect(await statusAfterGone(build)).toBe(200);
  expect(handler).toHaveBeenCalledOnce();
});

test("a request that is free leaves the response unchanged", async () => {
  const app = express().get("/paid", paid(newPaywall(), { price: "0 sat" }), (_, response) => {
    response.json({ ownWriteHead: Object.hasOwn(response, "writeHead") });
  });
  const host = await serve(app);
  const response = await exchange(host.url, { target: "/paid" });
  expect(JSON.parse(response.body)).toEqual({ ownWriteHead: false });
  await host.close();
});

test("a client that hangs up before the head gets the use back, even if the handler fails after that [case 89]", async () => {
  const status = await statusAfterHangUp((paywall, work) =>
    express().get("/paid", paid(paywall, { price: "1 sat" }), async (_, response) => {
      response.status(await work()).send();
    }),
  );
  expect(status).toBe(500);
});

test("a conditional request that Express answers with 304 costs nothing", async () => {
  const invoicer = new FakeInvoicer();
  const app = express();
  app.get(
    "/paid",
    paid(newPaywall({ invoicer }), { price: "1 sat", grants: { uses: 2 } }),
    (_, response) => {
      response.send("sunny");
    },
  );
  const host = await serve(app);
  const asked = await exchange(host.url, { target: "/paid" });
  const fields = [present(invoicer.buy(asked.lines("www-authenticate")))];
  const ask = (more: readonly (readonly [string, string])[] = []) =>
    exchange(host.url, { target: "/paid", fields: [...fields, ...more] });
  const [etag = ""] = (await ask()).lines("etag");
  for (let times = 0; times < 3; times++)
    expect((await ask([["if-none-match", etag]])).status).toBe(304);
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 402]);
  await host.close();
});

test("a static folder behind the paywall: a redirect, a 304, a 404 and a HEAD cost nothing, and a file is served once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "l8nt-static-"));
  await mkdir(join(folder, "docs"));
  await writeFile(join(folder, "docs", "index.html"), "<p>sunny</p>");
  const invoicer = new FakeInvoicer();
  const terms = { price: "1 sat", grants: { endpoints: ["GET /**"], uses: 1 } } as const;
  const app = express().use(paid(newPaywall({ invoicer }), terms), express.static(folder));
  const host = await serve(app);
  const asked = await exchange(host.url, { target: "/docs" });
  const fields = [present(invoicer.buy(asked.lines("www-authenticate")))];
  const ask = async (target: string, more: Partial<RawRequest> = {}) => {
    const sent = { target, ...more, fields: [...fields, ...(more.fields ?? [])] };
    return (await exchange(host.url, sent)).status;
  };
  const modified = ["if-modified-since", new Date(Date.now() + 60_000).toUTCString()] as const;
  expect([
    await ask("/docs"),
    await ask("/docs"),
    await ask("/docs/", { fields: [modified] }),
    await ask("/docs/", { method: "HEAD" }),
    await ask("/nothing"),
    await ask("/docs/"),
    await ask("/docs/"),
  ]).toEqual([301, 301, 304, 200, 404, 200, 402]);
  await host.close();
  await rm(folder, { recursive: true });
});

test("what is bought for a folder is used for its redirect, and its target is bought once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "l8nt-static-"));
  await mkdir(join(folder, "docs"));
  await writeFile(join(folder, "docs", "index.html"), "<p>sunny</p>");
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const app = express().use(paid(paywall, { price: "1 sat" }), express.static(folder));
  const host = await serve(app);
  const buy = async (target: string) =>
    invoicer.buy((await exchange(host.url, { target })).lines("www-authenticate"));
  const ask = async (target: string, credential: string) =>
    (await exchange(host.url, { target, fields: [present(credential)] })).status;
  const [folderOnly, target] = [await buy("/docs"), await buy("/docs/")];
  expect([
    await ask("/docs", folderOnly),
    await ask("/docs/", folderOnly),
    await ask("/docs/", target),
    await ask("/docs/", target),
    await ask("/docs", folderOnly),
  ]).toEqual([301, 402, 200, 402, 301]);
  await host.close();
  await rm(folder, { recursive: true });
});
