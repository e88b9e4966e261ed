/** The Fastify hook: the paywall contract, and its own laws. */
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { expect, expectTypeOf, test, vi } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract, type Reply } from "../testing/paywall-contract.ts";
import { exchange } from "../testing/raw-http.ts";
import { type Grant, paid, wellKnown } from "./fastify.ts";
import { statusAfterGone, statusAfterHangUp } from "./fixtures/gone.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { isCut } from "./fixtures/reply.ts";
import { fieldsSeen } from "./fixtures/seen.ts";

async function serve(app: FastifyInstance) {
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    url,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

paywallContract(test, {
  name: "l8nt/fastify",
  start: async (paywall, routes) => {
    const app = fastify();
    app.register(wellKnown(paywall));
    app.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
    for (const { method, path, terms, second, handle } of routes)
      app.route({
        method,
        url: path,
        onRequest: [paid(paywall, terms), ...(second === undefined ? [] : [paid(paywall, second)])],
        handler: (request, reply) => {
          const answered = handle(
            request.grant,
            async () => (request.body as string | undefined) ?? "",
            () => [request.headers, ...fieldsSeen(request.raw)],
          );
          const answer = (given: Reply): void => {
            if (isCut(reply.raw, given)) reply.hijack();
            else reply.status(given.status).send(given.body);
          };
          return answered instanceof Promise
            ? answered.then(answer).then(() => reply)
            : answer(answered);
        },
      });
    return serve(app);
  },
});

test.each([
  ["our element alone", (ours: string) => ({ authorization: ours }), undefined],
  [
    "the API's own beside it",
    (ours: string) => ({ authorization: `${ours}, Bearer k` }),
    "Bearer k",
  ],
])("fields that an earlier hook has set have no credential: %s", async (_, fieldsOf, own) => {
  const invoicer = new FakeInvoicer();
  const app = fastify();
  app.addHook("onRequest", async (request) => {
    const { authorization = "", ...others } = request.headers;
    request.headers = {
      ...others,
      ...{ authorization, Authorization: authorization, macaroon: "00", "x-tenant": "a" },
    };
  });
  const onRequest = paid(newPaywall({ invoicer }), { price: "1 sat" });
  app.get("/paid", { onRequest }, async ({ headers }) => headers);
  const asked = await app.inject({ url: "/paid" });
  const ours = present(invoicer.buy([asked.headers["www-authenticate"]].flat().join(", ")))[1];
  const served = await app.inject({ url: "/paid", headers: fieldsOf(ours) });
  expect(served.statusCode, served.body).toBe(200);
  const seen = served.json();
  expect([seen.authorization, seen.Authorization, seen.macaroon]).toEqual([own, own, undefined]);
  expect(seen["x-tenant"]).toBe("a");
});

test("`request.grant` has its type", () => {
  expectTypeOf<FastifyRequest["grant"]>().toEqualTypeOf<Grant>();
});

test("a request to a prefixed or rewritten route is judged by the path of the request", async () => {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const app = fastify({ rewriteUrl: ({ url = "" }) => url.replace("/old", "/a") });
  app.register(
    async (scope) => {
      scope.get("/paid", { onRequest: paid(paywall, { price: "1 sat" }) }, async () => "sunny");
    },
    { prefix: "/a" },
  );
  const host = await serve(app);
  for (const [target, other] of [
    ["/a/paid", "/old/paid"],
    ["/old/paid", "/a/paid"],
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

test("the status that an error handler answers decides about the use", async () => {
  const invoicer = new FakeInvoicer();
  const app = fastify();
  app.setErrorHandler((_, request, reply) =>
    reply.status(Number(request.url.slice(1))).send("sorry"),
  );
  app.get(
    "/:status",
    { onRequest: paid(newPaywall({ invoicer }), { price: "1 sat" }) },
    async () => {
      throw new Error("boom");
    },
  );
  const host = await serve(app);
  for (const [target, again] of [
    ["/500", 500],
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
  for (const [trustProxy, statuses] of [
    [false, [402, 429]],
    [true, [402, 402]],
  ] as const) {
    const alarm = vi.fn();
    const app = fastify({ trustProxy });
    const onRequest = paid(newPaywall({ challengesPerMinute: { perClient: 1 }, alarm }), {
      price: "1 sat",
    });
    app.get("/paid", { onRequest }, async () => "");
    const host = await serve(app);
    const ask = async (address: string) =>
      (await exchange(host.url, { target: "/paid", fields: [["x-forwarded-for", address]] }))
        .status;
    expect([await ask("192.0.2.1"), await ask("192.0.2.2")]).toEqual(statuses);
    expect(alarm).toHaveBeenCalledTimes(statuses[1] === 429 ? 1 : 0);
    await host.close();
  }
});

test("the hook works under `inject`, without a socket, and keeps fields that other hooks set", async () => {
  const invoicer = new FakeInvoicer();
  const app = fastify();
  app.addHook("onRequest", async (_, reply) => {
    reply.header("access-control-allow-origin", "*");
    reply.header("access-control-expose-headers", "x-total");
  });
  app.get(
    "/paid",
    { onRequest: paid(newPaywall({ invoicer }), { price: "1 sat" }) },
    async (request) => ({
      hash: request.grant.paymentHash,
    }),
  );
  const asked = await app.inject("/paid");
  expect(asked.headers).toMatchObject({
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "x-total, WWW-Authenticate, Date",
  });
  const credential = invoicer.buy(asked.headers["www-authenticate"] as unknown as string[]);
  const headers = { authorization: `L402 ${credential}` };
  expect((await app.inject({ url: "/paid", headers })).statusCode).toBe(200);
  expect((await app.inject({ url: "/paid", headers })).statusCode).toBe(402);
});

test("a client that leaves before the grant gets its use back, and the handler is not called", async () => {
  const handler = vi.fn(async () => "sunny");
  const apps: FastifyInstance[] = [];
  const status = await statusAfterGone((paywall) => {
    const app = fastify();
    app.get("/paid", { onRequest: paid(paywall, { price: "1 sat" }) }, handler);
    apps.push(app);
    return async (incoming, outgoing) => {
      await app.ready();
      app.routing(incoming, outgoing);
    };
  });
  expect(status).toBe(200);
  expect(handler).toHaveBeenCalledOnce();
  await Promise.all(apps.map((app) => app.close()));
});

test("a client that hangs up before the head gets the use back, even if the handler fails after that [case 89]", async () => {
  const apps: FastifyInstance[] = [];
  const status = await statusAfterHangUp((paywall, work) => {
    const app = fastify();
    app.get("/paid", { onRequest: paid(paywall, { price: "1 sat" }) }, async (_, reply) =>
      reply.status(await work()).send(""),
    );
    apps.push(app);
    return async (incoming, outgoing) => {
      await app.ready();
      app.routing(incoming, outgoing);
    };
  });
  await Promise.all(apps.map((app) => app.close()));
  expect(status).toBe(500);
});
