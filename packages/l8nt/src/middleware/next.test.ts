/**
 * The paywall for Next.js route handlers: the paywall contract, over a server that makes a
 * `Request` of each Node request.
 */
import { expect, expectTypeOf, test } from "vitest";
import { serve } from "../node/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paywallContract } from "../testing/paywall-contract.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { responseOf } from "./fixtures/reply.ts";
import { type Grant, paid, wellKnown } from "./next.ts";

const covers = (pattern: string, path: string): boolean =>
  pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;

paywallContract(test, {
  name: "l8nt/next",
  closesConnections: false,
  start: async (paywall, routes) => {
    const addresses = new WeakMap<Request, string | undefined>();
    const clientAddress = (request: Request) => addresses.get(request);
    const handlers = routes.map(({ method, path, terms, second, handle }) => {
      const answer = (request: Request, _: object, grant: Grant) => {
        const reply = handle(
          grant,
          () => request.text(),
          () => [request.headers, new Request(request.clone()).headers],
        );
        return reply instanceof Promise ? reply.then(responseOf) : responseOf(reply);
      };
      const inner = second === undefined ? answer : paid(paywall, second, answer);
      // In a function of its own, where two guards on different terms are not found at the start.
      const unseen: typeof answer = (request, context, grant) => inner(request, context, grant);
      return { method, path, handler: paid(paywall, terms, unseen, { clientAddress }) };
    });
    const GET = wellKnown(paywall);
    return serve(async (request, client) => {
      addresses.set(request, client.address);
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/.well-known/l402")) return GET(request);
      const method = request.method === "HEAD" ? "GET" : request.method;
      const found = handlers.find((one) => one.method === method && covers(one.path, pathname));
      try {
        return (await found?.handler(request, {})) ?? new Response(null, { status: 404 });
      } catch {
        return new Response(null, { status: 500 });
      }
    });
  },
});

class NextRequest extends Request {
  readonly nextUrl = new URL(this.url);
}

async function world(handle: (grant: Grant) => Response | Promise<Response>) {
  const invoicer = new FakeInvoicer();
  const GET = paid(
    newPaywall({ invoicer }),
    { price: "1 sat" },
    (request: NextRequest, { params }: { params: Promise<{ city: string }> }, grant) => {
      expectTypeOf(grant).toEqualTypeOf<Grant>();
      expectTypeOf(request.nextUrl).toEqualTypeOf<URL>();
      expectTypeOf(params).toEqualTypeOf<Promise<{ city: string }>>();
      return handle(grant);
    },
  );
  const ask = (headers: [string, string][] = []) =>
    GET(new NextRequest("http://localhost:3000/forecast/tokyo", { headers }), {
      params: Promise.resolve({ city: "tokyo" }),
    });
  const credential = invoicer.buy((await ask()).headers.get("www-authenticate")!);
  return { pay: () => ask([present(credential)]) };
}

test("a handler gets the request, its context and the grant with their types", async () => {
  const { pay } = await world((grant) => Response.json({ lineage: grant.lineage }));
  expect(await (await pay()).json()).toEqual({ lineage: [] });
  expect((await pay()).status).toBe(402);
});

test("`redirect()`, `notFound()` and every other throw give the use back", async () => {
  const digests = ["NEXT_REDIRECT;replace;/login;307;", "NEXT_HTTP_ERROR_FALLBACK;404"];
  for (const digest of digests) {
    const { pay } = await world(() => Promise.reject(Object.assign(new Error("NEXT"), { digest })));
    for (let times = 0; times < 2; times++) await expect(pay()).rejects.toMatchObject({ digest });
  }
  for (const thrown of [new Error("boom"), null, undefined, "boom", { digest: "3141592" }]) {
    const { pay } = await world(() => Promise.reject(thrown));
    for (let times = 0; times < 2; times++)
      expect(await pay().catch((error: unknown) => ({ error }))).toEqual({ error: thrown });
  }
});

test("a handler that declares its `notFound()` an answer consumes the use", async () => {
  const { pay } = await world((grant) => {
    grant.consume();
    throw Object.assign(new Error("NEXT"), { digest: "NEXT_HTTP_ERROR_FALLBACK;404" });
  });
  await expect(pay()).rejects.toThrow("NEXT");
  expect((await pay()).status).toBe(402);
});
