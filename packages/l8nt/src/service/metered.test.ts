/** A metered route whose answer is a stream: what is settled after the head is what is spent. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { afterEach, describe, expect, test, vi } from "vitest";
import { paid as paidHono } from "../middleware/hono.ts";
import { paid as paidNext } from "../middleware/next.ts";
import { paid as paidNode } from "../node/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { type Grant, Paywall } from "./index.ts";

const ORIGIN = "https://api.example";
const TERMS = { price: "0.02 usd", metered: true } as const;

function world() {
  const store = new MemoryStore();
  const paywall = new Paywall({
    secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
    location: ORIGIN,
    store,
  });
  const minted = paywall.authority.minter.mint({
    endpoints: [`* ${ORIGIN}/**`],
    expiresIn: "1h",
    budget: "1 usd",
  });
  const { limits } = paywall.authority.verifier.authenticate(minted);
  const spent = async () => {
    const [usage] = await store.usage([limits[0]!.counted], Date.now() / 1000);
    return { used: usage!.used, reserved: usage!.reserved };
  };
  const headers = { authorization: `L402 ${minted}` };
  return { paywall, spent, headers };
}

/** A stream whose parts and whose end the test decides. */
function held() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
    cancel: () => {
      cancelled = true;
    },
  });
  const part = () => controller.enqueue(new TextEncoder().encode("part"));
  return {
    body,
    part,
    end: () => controller.close(),
    fail: () => controller.error(new Error("gone")),
    wasCancelled: () => cancelled,
  };
}

/** Each serves one request of the world's holder. `grant` is there when the response is. */
type Serve = (
  { paywall, headers }: ReturnType<typeof world>,
  body: ReadableStream<Uint8Array>,
) => Promise<{ readonly response: Response; readonly grant: Grant }>;

const SERVERS: Readonly<Record<string, Serve>> = {
  authorize: async ({ paywall, headers }, body) => {
    const decision = await paywall.route(TERMS).authorize({
      method: "GET",
      target: "/a",
      authorization: headers.authorization,
      headers: () => new Headers(headers),
    });
    if (!decision.granted) throw new Error("refused");
    return { response: await decision.settle(new Response(body)), grant: decision.grant };
  },
  "Hono without Node": async ({ paywall, headers }, body) => {
    let grant!: Grant;
    const app = new Hono().get(
      "/a",
      paidHono(paywall, TERMS, (c) => {
        grant = c.get("grant");
        return new Response(body);
      }),
    );
    return { response: await app.request("/a", { headers }), grant };
  },
  Next: async ({ paywall, headers }, body) => {
    let grant!: Grant;
    const handler = paidNext(paywall, TERMS, async (_request, _context, given) => {
      grant = given;
      return new Response(body);
    });
    return { response: await handler(new Request(`${ORIGIN}/a`, { headers }), undefined), grant };
  },
};

describe.each(Object.entries(SERVERS))("%s", (_name, serve) => {
  test("spends what is settled between the head and the end", async () => {
    const given = world();
    const stream = held();
    const { response, grant } = await serve(given, stream.body);
    expect(await given.spent()).toEqual({ used: 20_000n, reserved: 20_000n });
    const reading = response.text();
    stream.part();
    grant.settle("0.0042 usd");
    expect((await given.spent()).reserved).toBe(20_000n);
    stream.end();
    expect(await reading).toBe("part");
    expect(await given.spent()).toEqual({ used: 4_200n, reserved: 0n });
  });

  const endAndCancel = (body: ReadableStream, end: () => void) => {
    end();
    return body.cancel();
  };
  test.each([
    ["is read to its end", endAndCancel],
    ["is cancelled by its reader", (body: ReadableStream) => body.cancel()],
  ])("spends all of it if nothing is settled and the stream %s", async (_what, leave) => {
    const given = world();
    const stream = held();
    const { response } = await serve(given, stream.body);
    await leave(response.body!, stream.end);
    expect(await given.spent()).toEqual({ used: 20_000n, reserved: 0n });
  });

  test("spends what was settled when the source fails, and fails too", async () => {
    const given = world();
    const stream = held();
    const { response, grant } = await serve(given, stream.body);
    grant.settle("0.001 usd");
    stream.fail();
    await expect(response.text()).rejects.toThrow();
    expect(await given.spent()).toEqual({ used: 1_000n, reserved: 0n });
  });

  test("tells the source that nobody reads it any more", async () => {
    const given = world();
    const stream = held();
    const { response } = await serve(given, stream.body);
    await response.body!.cancel();
    expect(stream.wasCancelled()).toBe(true);
  });
});

describe("node:http", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  test("spends what is settled after the head, also when the client hangs up", async () => {
    const given = world();
    let serve!: (grant: Grant) => Promise<void>;
    const server = createServer(
      paidNode(given.paywall, TERMS, async (_incoming, outgoing, grant) => {
        outgoing.writeHead(200);
        outgoing.write("part");
        await serve(grant);
        outgoing.end();
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close().closeAllConnections());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`;

    serve = async (grant) => {
      expect((await given.spent()).reserved).toBe(20_000n);
      grant.settle("0.003 usd");
    };
    await (await fetch(url, { headers: given.headers })).text();
    await expect.poll(given.spent).toEqual({ used: 3_000n, reserved: 0n });

    serve = (grant) => {
      grant.settle("0.005 usd");
      return new Promise(() => {});
    };
    const response = await fetch(url, { headers: given.headers });
    await response.body!.cancel();
    await expect.poll(given.spent).toEqual({ used: 8_000n, reserved: 0n });
  });
});

describe("a price that the caller has computed", () => {
  const asked = async (price: "0.5 usd" | "1.5 usd", terms = {}) => {
    const { paywall, headers, spent } = world();
    const { unit, value } = {
      unit: "usd_micro",
      value: price === "0.5 usd" ? 500_000n : 1_500_000n,
    } as const;
    const decision = await paywall.route({ metered: true, ...terms }).authorize({
      method: "POST",
      target: "/a",
      authorization: headers.authorization,
      headers: () => new Headers(headers),
      price: { unit, value },
    });
    return { decision, spent };
  };

  test("is reserved, on a route without a price too", async () => {
    const { decision, spent } = await asked("0.5 usd");
    expect(decision.granted).toBe(true);
    expect((await spent()).reserved).toBe(500_000n);
  });

  test("stands for the price of the route", async () => {
    const { spent } = await asked("0.5 usd", { price: "0.01 usd" });
    expect((await spent()).reserved).toBe(500_000n);
  });

  test("is refused where the budget has too little", async () => {
    const { decision, spent } = await asked("1.5 usd");
    expect(decision).toMatchObject({ granted: false, error: { code: "ERR_BUDGET" } });
    expect((await spent()).reserved).toBe(0n);
  });
});

test("a paywall's own terms may be metered", async () => {
  const store = new MemoryStore();
  const paywall = new Paywall({
    secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
    location: ORIGIN,
    store,
    ...TERMS,
  });
  const minted = paywall.authority.minter.mint({
    endpoints: [`* ${ORIGIN}/**`],
    expiresIn: "1h",
    budget: "1 usd",
  });
  const headers = { authorization: `L402 ${minted}` };
  const decision = await paywall.authorize(new Request(`${ORIGIN}/a`, { headers }));
  if (!decision.granted) throw new Error("refused");
  expect(decision.endsBy).toBe("end");
});

describe("a credential that the caller has proven", () => {
  const facts = { method: "GET", target: "/", authorization: null, headers: () => new Headers() };

  test("is judged and counted as one in the fields, and proven no second time", async () => {
    const { paywall, spent, headers } = world();
    const { verifier } = paywall.authority;
    const verified = verifier.authenticate(headers.authorization.slice("L402 ".length));
    const authenticate = vi.spyOn(verifier, "authenticate");
    const known = vi.spyOn(verifier, "known");
    const decision = await paywall.route(TERMS).authorize({ ...facts, verified });
    if (!decision.granted) throw decision.error;
    expect(decision.grant.nodeId).toBe(verified.node.id);
    expect(await spent()).toEqual({ used: 20_000n, reserved: 20_000n });
    expect([authenticate, known].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
    await decision.finish(undefined);
  });

  test("is refused once it was revoked since", async () => {
    const { paywall, headers } = world();
    const verified = paywall.authority.verifier.authenticate(headers.authorization.slice(5));
    await paywall.revoke(verified.node.id);
    const decision = await paywall.route(TERMS).authorize({ ...facts, verified });
    expect(decision).toMatchObject({ granted: false, error: { code: "ERR_REVOKED" } });
  });

  test("is a fault of the caller if the verifier of another paywall has proven it", () => {
    const [one, other] = [world(), world()];
    const verified = other.paywall.authority.verifier.authenticate(
      other.headers.authorization.slice(5),
    );
    expect(() => one.paywall.route(TERMS).authorize({ ...facts, verified })).toThrow(
      "another paywall",
    );
  });
});
