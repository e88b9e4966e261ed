/**
 * What every paywall must do, whatever framework it stands in: one suite over real sockets, so that
 * a middleware's own test is a few lines.
 */

import assert from "node:assert/strict";
import type { Amount } from "../amount.ts";
import { Challenge, Credential } from "../l402/index.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import type { Reservation, ReserveAnswer, Resolution } from "../ports/ledger.ts";
import { type Grant, Paywall, type PaywallOptions, type Terms } from "../service/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "./fake-invoicer.ts";
import { exchange, open, type RawRequest, type RawResponse } from "./raw-http.ts";
import type { TestFunction } from "./wallet-contract.ts";

/** A protected route: an adapter registers it behind its framework's `paid`. */
export interface ContractRoute {
  readonly method: "GET" | "POST";
  /** Exact, or all that is below it where it ends in `/*`. */
  readonly path: string;
  readonly terms: Terms;
  /** Throws at once, or later, where the handler is to throw. */
  readonly handle: (grant: Grant, body: () => Promise<string>) => Reply | Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export interface PaywallHost {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

export interface PaywallContract {
  readonly name: string;
  /** Serves the routes and the well-known path on loopback. */
  start(paywall: Paywall, routes: readonly ContractRoute[]): Promise<PaywallHost>;
}

/** Not the address that it listens at: only the paywall's own location counts. */
const LOCATION = "https://api.example";
const SECRET = "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4";
const START = 1_900_000_000;

/** Counts what is claimed, and how each claim ends. */
class WatchedStore extends MemoryStore {
  readonly reserved: string[] = [];
  readonly ended: string[] = [];
  fault = false;

  override async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    if (this.fault) throw new Error("disk I/O error at /var/lib/secret.db");
    const answer = await super.reserve(reservation);
    if (answer.reserved) this.reserved.push(reservation.id);
    return answer;
  }

  override async commit(id: string, amount: Amount, at: number): Promise<Resolution> {
    this.ended.push(`commit ${id}`);
    return super.commit(id, amount, at);
  }

  override async release(id: string, at: number): Promise<Resolution> {
    this.ended.push(`release ${id}`);
    return super.release(id, at);
  }
}

interface World {
  readonly paywall: Paywall;
  readonly invoicer: FakeInvoicer;
  readonly store: WatchedStore;
  readonly time: { now: number };
  /** What reached the handlers. */
  readonly grants: Grant[];
  ask(
    target: string,
    credentials?: readonly string[],
    more?: Partial<RawRequest>,
  ): Promise<RawResponse>;
  open(target: string, credential: string): ReturnType<typeof open>;
  /** Asks, pays, and gives the credential. */
  buy(target: string, more?: Partial<RawRequest>): Promise<string>;
}

type RouteTerms = Terms & Partial<Omit<ContractRoute, "terms">>;

const present = (credential: string): readonly [string, string] => [
  "authorization",
  `L402 ${credential}`,
];

/** A credential's text with its macaroon's bytes changed. */
function tamper(credential: string, change: (packet: Buffer) => void): string {
  const [macaroon = "", preimage = ""] = credential.split(":");
  const packet = Buffer.from(macaroon, "base64");
  change(packet);
  return `${packet.toString("base64")}:${preimage}`;
}

/** What is not a paid credential of this service, by what is wrong with it. */
const worthless = (genuine: string): readonly (readonly [what: string, field: string])[] => {
  const [macaroon = ""] = genuine.split(":");
  const flip = (at: number) =>
    tamper(genuine, (packet) => packet.writeUInt8(packet.at(at)! ^ 1, packet.length + at));
  return [
    ["a flipped signature", `L402 ${flip(-1)}`],
    ["a flipped first byte of the signature", `L402 ${flip(-32)}`],
    ["a flipped caveat", `L402 ${flip(-40)}`],
    ["the preimage of nothing", `L402 ${macaroon}:${"00".repeat(32)}`],
    ["a wrong preimage", `L402 ${macaroon}:${"ab".repeat(32)}`],
    ["a preimage of 63 digits", `L402 ${macaroon}:${"ab".repeat(31)}a`],
    ["a preimage that is not hex", `L402 ${macaroon}:${"zz".repeat(32)}`],
    ["no preimage", `L402 ${macaroon}:`],
    ["no colon", `L402 ${macaroon}`],
    ["no macaroon", `L402 :${"ab".repeat(32)}`],
    ["half a macaroon", `L402 ${macaroon.slice(0, 80)}:${"ab".repeat(32)}`],
    ["garbage", "L402 %%%"],
    ["the scheme alone", "L402 "],
    ["more than a credential may be", `L402 ${"A".repeat(9000)}:${"ab".repeat(32)}`],
  ];
};

/**
 * Registers the laws of a paywall with a test runner.
 *
 * @example
 * paywallContract(test, { name: "l8nt/hono", start: startHono });
 */
export function paywallContract(test: TestFunction, { name, start }: PaywallContract): void {
  async function build(routes: readonly RouteTerms[], options: Partial<PaywallOptions> = {}) {
    const time = { now: START };
    const invoicer = new FakeInvoicer(() => time.now);
    const store = new WatchedStore();
    const grants: Grant[] = [];
    const paywall = new Paywall({
      secret: SECRET,
      location: LOCATION,
      invoicer,
      store,
      clock: () => time.now,
      challengesPerMinute: { perClient: 100_000, total: 100_000 },
      // What goes wrong here is meant to.
      alarm: () => {},
      ...options,
    });
    const host = await start(
      paywall,
      routes.map(({ method = "GET", path = "/paid", handle, ...terms }) => ({
        method,
        path,
        terms,
        handle: (grant, body) => {
          grants.push(grant);
          return handle === undefined ? { status: 200, body: "sunny" } : handle(grant, body);
        },
      })),
    );
    const ask: World["ask"] = (target, credentials = [], more = {}) =>
      exchange(host.url, {
        target,
        ...more,
        fields: [...credentials.map(present), ...(more.fields ?? [])],
      });
    const world: World = {
      ...{ paywall, invoicer, store, time, grants, ask },
      open: (target, credential) => open(host.url, { target, fields: [present(credential)] }),
      buy: async (target, more) => {
        const response = await ask(target, [], more);
        assert.equal(response.status, 402, response.body);
        return invoicer.buy(response.lines("www-authenticate"));
      },
    };
    return { host, world };
  }

  const law = (
    title: string,
    routes: RouteTerms | readonly RouteTerms[],
    body: (world: World) => Promise<void>,
    options?: Partial<PaywallOptions>,
  ) =>
    test(`${name}: ${title}`, async () => {
      const { host, world } = await build([routes].flat(), options);
      try {
        await body(world);
      } finally {
        await host.close();
      }
    });

  law("asks for payment: two field lines, LSAT first", { price: "10 sat" }, async (world) => {
    const response = await world.ask("/paid");
    assert.equal(response.status, 402);
    const [lsat, l402, ...others] = response.lines("www-authenticate");
    assert.deepEqual(others, []);
    assert.match(lsat!, /^LSAT macaroon="[\w+/=]+", invoice="lnbcrt\w+"$/);
    const [, , enforced] =
      /^L402 macaroon="([\w+/=]+)", invoice="lnbcrt\w+", version="0", token="\1", caveats="([a-z_ ]+)"$/.exec(
        l402!,
      ) ?? [];
    const { names } = world.paywall.authority.vocabulary;
    assert.deepEqual(enforced?.split(" "), names);
    assert.ok(names.includes("endpoints") && names.includes("valid_until"));
    assert.deepEqual(response.lines("cache-control"), ["no-store"]);
    assert.deepEqual(response.lines("content-type"), ["application/problem+json"]);
    const problem = JSON.parse(response.body);
    assert.equal(problem.status, 402);
    assert.equal(problem.code, "ERR_TOKEN_MISSING");
    assert.equal(world.invoicer.requests[0]?.amountMsat, 10_000n);
    assert.deepEqual(world.grants, []);
  });

  law("lets in who has paid, once, and counts it", { price: "10 sat" }, async (world) => {
    const credential = await world.buy("/paid");
    const response = await world.ask("/paid", [credential]);
    assert.equal(response.status, 200);
    assert.equal(response.body, "sunny");
    const { paymentHash } = Credential.parse(credential);
    assert.deepEqual(
      world.grants.map((grant) => ({ ...grant, nodeId: typeof grant.nodeId })),
      [{ nodeId: "string", lineage: [], paymentHash, priceMsat: 10_000n }],
    );
    const again = await world.ask("/paid", [credential]);
    assert.equal(again.status, 402);
    assert.equal(JSON.parse(again.body).code, "ERR_USES");
    assert.equal(again.lines("www-authenticate").length, 2);
    assert.notEqual(world.invoicer.buy(again.lines("www-authenticate")), credential);
    assert.equal(world.grants.length, 1);
    assert.deepEqual(world.store.ended, [`commit ${world.store.reserved[0]}`]);
  });

  law(
    "names the agent, and whose limit is used up",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const bought = Credential.parse(await world.buy("/paid"));
      const child = bought.delegate({ agent: "scout", maxUses: 1 }, { now: START }).toString();
      assert.equal((await world.ask("/paid", [child])).status, 200);
      assert.deepEqual(world.grants[0]?.lineage, ["scout"]);
      const refused = JSON.parse((await world.ask("/paid", [child])).body);
      assert.equal(refused.condition, "max_uses");
      assert.deepEqual(refused.node, { id: world.grants[0]?.nodeId, agent: "scout" });
      assert.equal((await world.ask("/paid", [bought.toString()])).status, 200);
      assert.equal((await world.ask("/paid", [bought.toString()])).status, 402);
    },
  );

  law(
    "refuses what is forged, altered or unpaid, without an invoice and without a row [cases 90, 98]",
    { price: "10 sat" },
    async (world) => {
      const genuine = await world.buy("/paid");
      const forged = new Set<string>();
      for (const [what, field] of worthless(genuine)) {
        const response = await world.ask("/paid", [], { fields: [["authorization", field]] });
        assert.equal(response.status, 401, what);
        const [challenge, ...others] = response.lines("www-authenticate");
        assert.match(challenge!, /^L402 version="0", caveats="[a-z_ ]+"$/, what);
        assert.deepEqual(others, [], what);
        const { code } = JSON.parse(response.body);
        if (!/MALFORMED|TOO_LARGE|MISSING/.test(code)) forged.add(response.body);
      }
      assert.equal(forged.size, 1, "an answer told which check failed");
      assert.equal(world.invoicer.requests.length, 1, "a bad credential cost an invoice");
      assert.deepEqual(world.store.reserved, []);
      assert.deepEqual(world.grants, []);
      assert.equal((await world.ask("/paid", [genuine])).status, 200);
    },
  );

  law("refuses a credential of another secret", { price: "10 sat" }, async (world) => {
    const other = new Paywall({ secret: SECRET.replaceAll("5", "6"), location: LOCATION });
    const foreign = other.authority.minter.mint({
      endpoints: [`GET ${LOCATION}/**`],
      expiresIn: "1h",
    });
    assert.equal((await world.ask("/paid", [foreign.toString()])).status, 401);
    assert.deepEqual(world.grants, []);
  });

  law(
    "answers 403 without a challenge where paying would not help [case 41]",
    [
      { path: "/cheap", price: "1 sat" },
      { path: "/dear", price: "1000 sat" },
      { path: "/cheap", method: "POST", price: "1 sat" },
    ],
    async (world) => {
      const credential = await world.buy("/cheap");
      for (const [target, method] of [
        ["/dear", "GET"],
        ["/cheap", "POST"],
      ] as const) {
        const response = await world.ask(target, [credential], { method });
        assert.equal(response.status, 403);
        assert.deepEqual(response.lines("www-authenticate"), []);
        const problem = JSON.parse(response.body);
        assert.equal(problem.code, "ERR_ENDPOINT");
        assert.equal(problem.refusals[0].need, `${method} ${LOCATION}${target}`);
      }
      assert.deepEqual(world.grants, []);
      assert.equal((await world.ask("/cheap", [credential])).status, 200);
    },
  );

  law(
    "takes one credential, never the first or the last of two [case 8]",
    { price: "1 sat" },
    async (world) => {
      const [one, two] = [await world.buy("/paid"), await world.buy("/paid")];
      const refused: (readonly (readonly [string, string])[])[] = [
        [present(one), present(two)],
        [present(two), present(one)],
        [["authorization", `L402 ${one}, L402 ${two}`]],
        [
          ["AUTHORIZATION", `L402 ${one}`],
          ["x-between", "1"],
          ["Authorization", `LSAT ${two}`],
        ],
        [present(one), ["authorization", "Basic dXNlcjpwYXNz"]],
        [["authorization", "Basic dXNlcjpwYXNz"], present(one)],
        [["authorization", `Basic dXNlcjpwYXNz, L402 ${one}`]],
      ];
      for (const fields of refused)
        assert.equal((await world.ask("/paid", [], { fields })).status, 400);
      assert.deepEqual(world.grants, []);

      const same = [present(one), ["authorization", `LSAT ${one}`]] as const;
      assert.equal((await world.ask("/paid", [], { fields: same })).status, 200);
      assert.equal(
        (await world.ask("/paid", [one])).status,
        402,
        "the two lines were one use, and it was counted",
      );
      const field = `lsat ${two}, L402 ${two}`;
      assert.equal(
        (await world.ask("/paid", [], { fields: [["authorization", field]] })).status,
        200,
      );
    },
  );

  law(
    "takes a macaroon in hex that carries its preimage, and no second credential beside it [case 8]",
    { price: "1 sat", grants: { uses: 9 } },
    async (world) => {
      const [one, two] = [
        Credential.parse(await world.buy("/paid")),
        Credential.parse(await world.buy("/paid")),
      ];
      const [hex, otherHex] = [formatMacaroonField(one), formatMacaroonField(two)];
      const carrying = one.append([`preimage=${one.toString().slice(-64)}`]).toString();
      const status = async (...fields: (readonly [string, string])[]) =>
        (await world.ask("/paid", [], { fields })).status;

      assert.equal(await status(["Grpc-Metadata-Macaroon", hex]), 200);
      assert.equal(await status(["macaroon", hex.toUpperCase()]), 200);
      assert.equal(await status(["Macaroon", hex], ["x-between", "1"], ["MACAROON", hex]), 200);
      assert.equal(await status(["Macaroon", hex], ["Grpc-Metadata-Macaroon", hex]), 200);
      assert.equal(await status(["Macaroon", hex], present(carrying)), 200);
      assert.equal(await status(["Macaroon", ""], present(one.toString())), 200);
      assert.equal(world.grants.length, 6);
      for (const { paymentHash } of world.grants) assert.equal(paymentHash, one.paymentHash);

      const refused: (readonly [string, string])[][] = [
        [
          ["Macaroon", hex],
          ["Macaroon", otherHex],
        ],
        [
          ["Macaroon", hex],
          ["Grpc-Metadata-Macaroon", otherHex],
        ],
        [
          ["Grpc-Metadata-Macaroon", otherHex],
          ["x-between", "1"],
          ["grpc-metadata-macaroon", hex],
        ],
        [["Macaroon", `${hex}, ${otherHex}`]],
        [["Macaroon", hex], ["x-between", "1"], present(two.toString())],
        [present(two.toString()), ["Grpc-Metadata-Macaroon", hex]],
        [present(carrying), ["Macaroon", "nonsense"]],
      ];
      for (const fields of refused) assert.equal(await status(...fields), 400);

      const other = `preimage=${"00".repeat(32)}`;
      const bare = (credential: Credential) =>
        Buffer.from(credential.toString().split(":")[0]!, "base64").toString("hex");
      const bad: Record<string, string> = {
        "no preimage": bare(one),
        "another's preimage": bare(one.append([other])),
        "a flipped signature": hex.slice(0, -1) + (hex.endsWith("0") ? "1" : "0"),
        "half a macaroon": hex.slice(0, 100),
        "no hex": `${hex}zz`,
        "an odd digit": `${hex}0`,
        "more than a macaroon may be": "02".repeat(6094),
      };
      for (const [what, value] of Object.entries(bad)) {
        const response = await world.ask("/paid", [], { fields: [["Macaroon", value]] });
        assert.equal(response.status, 401, what);
        assert.equal(response.lines("www-authenticate").length, 1, what);
        assert.ok(!response.body.includes(hex.slice(-40)), what);
      }
      // The proof is there, and a second one says no: genuine, and not allowed.
      const replaced = formatMacaroonField(Credential.parse(carrying).append([other]));
      assert.equal(await status(["Macaroon", replaced]), 403);
      assert.equal(world.grants.length, 6);
      assert.equal(world.store.reserved.length, 6);
    },
  );

  const broken: Record<string, unknown> = {
    throws: () => {
      throw new Error("price list of 192.0.2.1 unreachable");
    },
    rejects: () => Promise.reject(new Error("price list of 192.0.2.1 unreachable")),
    "gives NaN": () => Number.NaN,
    "gives a bare number": () => 10,
    "gives a negative number": () => -1,
    "gives a negative amount": () => -1n,
    "gives nothing": () => undefined,
    "gives an amount without a unit": () => "10",
  };
  law(
    "answers 503 where the price cannot be known, and serves nobody",
    Object.values(broken).map((price, at) => ({ path: `/${at}`, price: price as () => bigint })),
    async (world) => {
      const minted = world.paywall.authority.minter.mint({
        endpoints: [`GET ${LOCATION}/**`],
        expiresIn: "1h",
      });
      for (const [at, what] of Object.keys(broken).entries()) {
        for (const credentials of [[], [minted.toString()]]) {
          const response = await world.ask(`/${at}`, credentials);
          assert.equal(response.status, 503, what);
          assert.equal(JSON.parse(response.body).code, "ERR_PRICE_FUNCTION", what);
          assert.ok(!response.body.includes("192.0.2.1"), what);
        }
      }
      assert.deepEqual(world.grants, []);
      assert.deepEqual(world.invoicer.requests, []);
    },
  );

  law(
    "serves what is free without a credential",
    [
      { path: "/free", price: "0 sat" },
      { path: "/free-now", price: async () => 0n },
    ],
    async (world) => {
      assert.equal((await world.ask("/free")).status, 200);
      assert.equal((await world.ask("/free-now")).status, 200);
      for (const { nodeId, priceMsat } of world.grants)
        assert.deepEqual([nodeId, priceMsat], [undefined, 0n]);
      assert.equal(world.grants.length, 2);
      assert.deepEqual(world.store.reserved, []);
    },
  );

  law(
    "asks the price of this very request, and a payment covers no dearer one [case 41]",
    {
      price: ({ url }) => BigInt(url.searchParams.get("n") ?? 1) * 1000n,
      grants: { uses: 9 },
    },
    async (world) => {
      const three = await world.buy("/paid?n=3");
      assert.equal(world.invoicer.requests[0]?.amountMsat, 3000n);
      assert.equal((await world.ask("/paid?n=3", [three])).status, 200);
      assert.equal((await world.ask("/paid?n=2", [three])).status, 200);
      const dearer = await world.ask("/paid?n=500", [three]);
      assert.equal(dearer.status, 402);
      assert.equal(JSON.parse(dearer.body).code, "ERR_PRICE");
      assert.equal(world.invoicer.requests.at(-1)?.amountMsat, 500_000n);
      assert.deepEqual(
        world.grants.map(({ priceMsat }) => priceMsat),
        [3000n, 2000n],
      );
    },
  );

  const failures: Record<string, NonNullable<RouteTerms["handle"]>> = {
    "throws at once": () => {
      throw new Error("boom");
    },
    "throws later": async (_, body) => {
      await body();
      throw new Error("boom");
    },
    "answers 500": () => ({ status: 500, body: "broken" }),
    "answers 503, later": async (_, body) => ({ status: 503, body: `busy${await body()}` }),
  };
  for (const [what, fail] of Object.entries(failures)) {
    let isBroken = true;
    const handle: NonNullable<RouteTerms["handle"]> = (grant, body) =>
      isBroken ? fail(grant, body) : { status: 200, body: "sunny" };
    law(
      `gives the use back, once, where the handler ${what} [case 89]`,
      { price: "1 sat", handle },
      async (world) => {
        isBroken = true;
        const credential = await world.buy("/paid");
        const response = await world.ask("/paid", [credential]);
        assert.ok(response.status >= 500, String(response.status));
        assert.deepEqual(world.store.ended, [`release ${world.store.reserved[0]}`]);
        assert.equal(
          (await world.ask("/paid", [credential])).status,
          response.status,
          "it was given back again",
        );
        isBroken = false;
        assert.equal((await world.ask("/paid", [credential])).status, 200);
        assert.equal((await world.ask("/paid", [credential])).status, 402);
        const ids = world.store.reserved;
        assert.deepEqual(world.store.ended, [
          `release ${ids[0]}`,
          `release ${ids[1]}`,
          `commit ${ids[2]}`,
        ]);
        assert.equal(world.grants.length, 3);
      },
    );
  }

  for (const status of [400, 404, 409, 499])
    law(
      `keeps the use where the handler answers ${status}`,
      { price: "1 sat", handle: () => ({ status, body: "no" }) },
      async (world) => {
        const credential = await world.buy("/paid");
        assert.equal((await world.ask("/paid", [credential])).status, status);
        assert.equal((await world.ask("/paid", [credential])).status, 402);
        assert.deepEqual(world.store.ended, [`commit ${world.store.reserved[0]}`]);
      },
    );

  {
    let answer = (): void => {};
    let began = (): void => {};
    let running = Promise.resolve();
    const handle = async (): Promise<Reply> => {
      began();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return { status: 200, body: "sunny" };
    };
    law(
      "counts a client that hangs up as served, once [case 89]",
      { price: "1 sat", handle },
      async (world) => {
        const credential = await world.buy("/paid");
        running = new Promise((resolve) => {
          began = resolve;
        });
        const socket = world.open("/paid", credential);
        await running;
        await new Promise((resolve) => socket.once("close", resolve).destroy());
        answer();
        assert.equal((await world.ask("/paid", [credential])).status, 402);
        assert.equal(world.grants.length, 1);
        assert.ok(!world.store.ended.some((end) => end.startsWith("release")));
      },
    );
  }

  law(
    "calls the handler once, however many come at once with a single use [case 88]",
    { price: "1 sat", handle: async (_, body) => ({ status: 200, body: `sunny${await body()}` }) },
    async (world) => {
      const credential = await world.buy("/paid");
      const responses = await Promise.all(
        Array.from({ length: 240 }, () => world.ask("/paid", [credential])),
      );
      const count = (status: number) =>
        responses.filter((response) => response.status === status).length;
      assert.deepEqual([count(200), count(402), world.grants.length], [1, 239, 1]);
    },
  );

  law(
    "never serves a path that can be read in two ways [case 30]",
    [{ path: "/paid/*", price: "1 sat", grants: { endpoints: ["GET /paid/**"], uses: 99 } }],
    async (world) => {
      const credential = await world.buy("/paid/x");
      const refused = [
        ...[
          "/paid/%2e%2e/admin",
          "/paid/.%2e/admin",
          "/paid/../paid/x",
          "/free/../paid/x",
          "/./paid/x",
          "/paid/./x",
        ],
        ...[
          "/free/%2e%2e/paid/x",
          "/paid/..%2fadmin",
          "/paid/a%2fb",
          "/paid/a%2Fb",
          "/paid%2fx",
          "/paid/%252e%252e/x",
        ],
        ...[
          "/paid/a%252fb",
          "/paid/a%25252fb",
          "/paid/..\\admin",
          "/paid\\x",
          "/paid/a%5cb",
          "/paid/..;/admin",
        ],
        ...[
          "/paid/%00",
          "/paid/a%0ab",
          "/paid/%7f",
          "/paid/x#y",
          "/paid/a%zz",
          '/paid/a"b',
          "/paid/a|b",
          "paid/x",
        ],
        ...["http://evil.example/paid/x", `${LOCATION}/paid/x`, "*"],
      ];
      for (const target of refused) {
        const { status } = await world.ask(target, [credential]);
        assert.ok(status === 400 || status === 404, `${target} was answered with ${status}`);
        const bare = await world.ask(target);
        assert.ok(
          bare.status === 400 || bare.status === 404,
          `${target} was sold with ${bare.status}`,
        );
      }
      assert.deepEqual(world.grants, []);
      for (const target of [
        "/paid/y",
        "/paid/%79",
        "/paid/a%20b",
        "/paid/y?next=../..%2f",
        "/paid/a.b/..c",
      ])
        assert.equal((await world.ask(target, [credential])).status, 200, target);
    },
  );

  law(
    "sells a path, and never a pattern: a star that a client sends is no star",
    [{ path: "/paid/*", price: "1 sat" }],
    async (world) => {
      for (const target of ["/paid/*", "/paid/**", "/paid/a/*", "/paid/a*b", "/paid/a;b"]) {
        const { status } = await world.ask(target);
        assert.ok(status === 400 || status === 404, `${target} was sold with ${status}`);
      }
      const escaped = await world.buy("/paid/%2A");
      assert.equal((await world.ask("/paid/x", [escaped])).status, 403);
      assert.equal((await world.ask("/paid/%2a", [escaped])).status, 200);
    },
  );

  law(
    "judges the method on the wire, whatever a field says [case 38]",
    [
      { path: "/orders", price: "1 sat", grants: { uses: 9 } },
      { path: "/orders", method: "POST", price: "1 sat", grants: { uses: 9 } },
    ],
    async (world) => {
      const getter = await world.buy("/orders");
      for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]) {
        const asGet = { method: "POST", fields: [[name, "GET"]] } as const;
        assert.equal((await world.ask("/orders", [getter], asGet)).status, 403, name);
        const asPost = { fields: [[name, "POST"]] } as const;
        assert.equal((await world.ask("/orders?_method=POST", [getter], asPost)).status, 200, name);
      }
      assert.equal(world.grants.length, 3);
    },
  );

  law(
    "hands the body on as it came",
    {
      method: "POST",
      price: "1 sat",
      handle: async (_, body) => ({ status: 200, body: await body() }),
    },
    async (world) => {
      const more = { method: "POST", body: "forecast for Tokyo, please" };
      const response = await world.ask("/paid", [await world.buy("/paid", more)], more);
      assert.deepEqual([response.status, response.body], [200, more.body]);
    },
  );

  law(
    "answers HEAD like GET, without the content",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const bare = await world.ask("/paid", [], { method: "HEAD" });
      assert.deepEqual(
        [bare.status, bare.body, bare.lines("www-authenticate").length],
        [402, "", 2],
      );
      const getter = await world.buy("/paid");
      const head = await world.ask("/paid", [getter], { method: "HEAD" });
      assert.deepEqual([head.status, head.body], [200, ""]);
      assert.equal((await world.ask("/paid", [getter])).status, 200);
      assert.equal((await world.ask("/paid", [getter])).status, 402, "HEAD was not counted");
    },
  );

  law("does not read Host", { price: "1 sat" }, async (world) => {
    const fields = [["host", "evil.example"]] as const;
    const credential = await world.buy("/paid", { fields });
    assert.ok(
      Credential.parse(credential).caveats.some(({ value }) => value === `GET ${LOCATION}/paid`),
    );
    assert.equal((await world.ask("/paid", [credential], { fields })).status, 200);
  });

  law("lets no control character into a field [case 9]", { price: "1 sat" }, async (world) => {
    const credential = await world.buy("/paid");
    for (const between of ["\r\n", "\n", "\r", "\0", "\r\n ", "\x7f"]) {
      const fields = [["authorization", `L402 ${credential}${between}x: y`]] as const;
      const { status } = await world.ask("/paid", [], { fields });
      assert.ok(
        status === 400 || status === 401 || status === 200,
        `${JSON.stringify(between)}: ${status}`,
      );
      // A proper line break begins another field, and that is all that it does.
      if (status === 200) assert.equal(between, "\r\n");
    }
    assert.ok(world.grants.length <= 1);
  });

  law(
    "counts a flood by its address, whatever the fields say, and keeps no row for it [cases 90, 93, 113]",
    { price: "1 sat" },
    async (world) => {
      const flood = async (localAddress: string, times: number) => {
        const statuses: number[] = [];
        for (let at = 0; at < times; at++) {
          const fields = [
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "true-client-ip",
          ].map((field): [string, string] => [
            field,
            field === "forwarded" ? `for=192.0.2.${at}` : `192.0.2.${at}`,
          ]);
          const response = await world.ask("/paid", [], { localAddress, fields });
          if (response.status === 429) {
            assert.ok(Number(response.lines("retry-after")[0]) > 0);
            assert.deepEqual(response.lines("www-authenticate"), []);
          }
          statuses.push(response.status);
        }
        return statuses;
      };
      assert.deepEqual(await flood("127.0.0.1", 40), [
        ...Array(3).fill(402),
        ...Array(37).fill(429),
      ]);
      assert.deepEqual(
        await flood("127.0.0.2", 2),
        [402, 402],
        "one client's flood shut out another",
      );
      assert.equal(world.invoicer.requests.length, 5);
      world.time.now += 20;
      assert.deepEqual(await flood("127.0.0.1", 2), [402, 429]);
      assert.deepEqual(world.store.reserved, []);
      assert.deepEqual(world.grants, []);
    },
    { challengesPerMinute: { perClient: 3, total: 20 } },
  );

  law(
    "makes no more invoices in all than it may, and still serves who has paid [case 113]",
    { price: "1 sat", grants: { uses: 2 } },
    async (world) => {
      const credential = await world.buy("/paid");
      for (let at = 0; at < 20; at++)
        await world.ask("/paid", [], { localAddress: `127.0.0.${at + 2}` });
      assert.equal(world.invoicer.requests.length, 5);
      assert.equal((await world.ask("/paid", [credential])).status, 200);
    },
    { challengesPerMinute: { perClient: 3, total: 5 } },
  );

  law(
    "takes the price of each request from a prepaid budget",
    { price: "10 sat", grants: { budget: "25 sat" } },
    async (world) => {
      const credential = await world.buy("/paid");
      assert.equal(world.invoicer.requests[0]?.amountMsat, 25_000n);
      const statuses: number[] = [];
      for (let at = 0; at < 3; at++) statuses.push((await world.ask("/paid", [credential])).status);
      assert.deepEqual(statuses, [200, 200, 402]);
      const { code, refusals } = JSON.parse((await world.ask("/paid", [credential])).body);
      assert.deepEqual(
        [code, refusals[0].have, refusals[0].need],
        ["ERR_BUDGET", "5 sat left of 25 sat", "10 sat"],
      );
    },
  );

  law(
    "serves until the end of validity, and not at it",
    { price: "10 sat", grants: { validFor: "10m" } },
    async (world) => {
      const credential = await world.buy("/paid");
      for (const now of [START, START + 599.999]) {
        world.time.now = now;
        assert.equal((await world.ask("/paid", [credential])).status, 200);
      }
      world.time.now = START + 600;
      const response = await world.ask("/paid", [credential]);
      assert.equal(response.status, 402);
      assert.equal(JSON.parse(response.body).code, "ERR_EXPIRED");
      assert.equal(response.lines("www-authenticate").length, 2);
    },
  );

  law(
    "counts a rate over a minute that slides [case 49]",
    { price: "1 sat", grants: { validFor: "1h" } },
    async (world) => {
      const bought = Credential.parse(await world.buy("/paid"));
      const child = bought
        .delegate({ agent: "scout", maxUsesPerMinute: 2 }, { now: START })
        .toString();
      const statuses: number[] = [];
      for (const seconds of [0, 50, 59, 59.999, 61, 109, 112]) {
        world.time.now = START + seconds;
        statuses.push((await world.ask("/paid", [child])).status);
      }
      assert.deepEqual(statuses, [200, 200, 402, 402, 200, 402, 200]);
    },
  );

  law("sells nothing where no price is set, and takes what was minted", {}, async (world) => {
    const bare = await world.ask("/paid");
    assert.equal(bare.status, 401);
    assert.equal(JSON.parse(bare.body).code, "ERR_TOKEN_MISSING");
    const scope = { endpoints: [`GET ${LOCATION}/paid`], expiresIn: "1h", maxUses: 1 } as const;
    const minted = world.paywall.authority.minter.mint(scope).toString();
    assert.equal((await world.ask("/paid", [minted])).status, 200);
    assert.equal((await world.ask("/paid", [minted])).status, 401);
    assert.deepEqual(world.invoicer.requests, []);
  });

  law(
    "answers 503 where no invoice can be made, and says no word of the node's",
    { price: "1 sat" },
    async (world) => {
      for (const fault of ["down", "wrong-amount"] as const) {
        world.invoicer.fault = fault;
        const response = await world.ask("/paid");
        assert.equal(response.status, 503);
        assert.equal(JSON.parse(response.body).code, "ERR_WALLET");
        assert.ok(!response.body.includes("0201036c6e64"));
      }
    },
  );

  law("serves nobody whose use cannot be written [case 108]", { price: "1 sat" }, async (world) => {
    const credential = await world.buy("/paid");
    world.store.fault = true;
    const response = await world.ask("/paid", [credential]);
    assert.equal(response.status, 503);
    assert.equal(JSON.parse(response.body).code, "ERR_STORE");
    assert.ok(!response.body.includes("secret.db"));
    assert.deepEqual(world.grants, []);
    world.store.fault = false;
    assert.equal((await world.ask("/paid", [credential])).status, 200);
  });

  law(
    "describes itself at the well-known path",
    { price: "10 sat", grants: { uses: 3 } },
    async (world) => {
      const response = await world.ask("/.well-known/l402");
      assert.equal(response.status, 200);
      const described = JSON.parse(response.body);
      assert.equal(described.version, "0");
      assert.equal(described.location, LOCATION);
      assert.ok(described.caveats.includes("max_uses"));
      assert.deepEqual(described.routes, [{ price: "10 sat", grants: { uses: 3 } }]);
      assert.equal((await world.ask("/.well-known/l402/nothing")).status, 404);
    },
  );

  const pass: RouteTerms = { price: "1 sat", grants: { validFor: "1h" } };
  const revocation = (caveats: unknown): Partial<RawRequest> => ({
    method: "POST",
    body: JSON.stringify({ caveats }),
    fields: [["content-type", "application/json"]],
  });
  const REVOCATIONS = "/.well-known/l402/revocations";
  const below = (parent: Credential, child: Credential): readonly string[] =>
    child.caveats
      .slice(parent.caveats.length)
      .map(({ condition, value }) => `${condition}=${value}`);

  law(
    "lets an ancestor revoke: the child and all below it die, the parent lives [cases 27, 111]",
    pass,
    async (world) => {
      const parent = Credential.parse(await world.buy("/paid"));
      const child = parent.delegate({ agent: "scout", maxUses: 9 });
      const grandchild = child.delegate({ agent: "runner" });
      const sibling = parent.delegate({ agent: "scout", maxUses: 9 });
      const status = async (credential: Credential) =>
        (await world.ask("/paid", [credential.toString()])).status;
      for (const one of [parent, child, grandchild, sibling]) assert.equal(await status(one), 200);

      const revoked = await world.ask(
        REVOCATIONS,
        [parent.toString()],
        revocation(below(parent, child)),
      );
      assert.equal(revoked.status, 200);
      assert.deepEqual(JSON.parse(revoked.body), { node: world.grants[1]?.nodeId });
      for (const dead of [child, grandchild, child.attenuate({ maxUses: 1 })]) {
        const response = await world.ask("/paid", [dead.toString()]);
        assert.equal(response.status, 402);
        assert.equal(JSON.parse(response.body).code, "ERR_REVOKED");
      }
      for (const alive of [parent, sibling]) assert.equal(await status(alive), 200);
    },
  );

  law("lets nobody revoke what does not descend from him", pass, async (world) => {
    const parent = Credential.parse(await world.buy("/paid"));
    const child = parent.delegate({ agent: "scout" });
    const sibling = parent.delegate({ agent: "spy" });
    const attempts = [
      [sibling, below(parent, child)],
      [child, below(parent, child)],
      [child.delegate({ agent: "runner" }), below(parent, child)],
      [Credential.parse(await world.buy("/paid")), below(parent, child)],
    ] as const;
    for (const [by, caveats] of attempts)
      await world.ask(REVOCATIONS, [by.toString()], revocation(caveats));
    const own = await world.ask(REVOCATIONS, [child.toString()], revocation([]));
    assert.equal(own.status, 400);
    for (const one of [parent, child, sibling])
      assert.equal((await world.ask("/paid", [one.toString()])).status, 200);
  });

  law("revokes for nobody without a good credential", pass, async (world) => {
    const parent = Credential.parse(await world.buy("/paid"));
    const child = parent.delegate({ agent: "scout" });
    const asked = revocation(below(parent, child));
    const other = await world.buy("/paid");
    assert.equal((await world.ask(REVOCATIONS, [], asked)).status, 401);
    for (const [what, field] of worthless(parent.toString())) {
      const { fields = [] } = asked;
      const with_ = { ...asked, fields: [...fields, ["authorization", field]] } as const;
      assert.equal((await world.ask(REVOCATIONS, [], with_)).status, 401, what);
    }
    assert.equal((await world.ask(REVOCATIONS, [parent.toString(), other], asked)).status, 400);
    for (const body of [
      "",
      "{",
      "null",
      "[]",
      '{"caveats":"agent=x"}',
      '{"caveats":[1]}',
      '{"caveats":[]}',
    ])
      assert.equal(
        (await world.ask(REVOCATIONS, [parent.toString()], { ...asked, body })).status,
        400,
        body,
      );
    const huge = { ...asked, body: JSON.stringify({ caveats: ["agent=x".padEnd(70_000, "x")] }) };
    assert.equal((await world.ask(REVOCATIONS, [parent.toString()], huge)).status, 413);
    assert.equal((await world.ask("/paid", [child.toString()])).status, 200);
    world.time.now += 3600;
    assert.equal((await world.ask(REVOCATIONS, [parent.toString()], asked)).status, 403, "expired");
  });

  law(
    "honours what was sold, whatever is asked today [case 91]",
    { price: "1 sat" },
    async (world) => {
      const credential = await world.buy("/paid");
      const today = await build([{ price: "1000 sat" }]);
      try {
        assert.equal((await today.world.ask("/paid", [credential])).status, 200);
      } finally {
        await today.host.close();
      }
    },
  );

  law("offers a challenge that a client can read", { price: "1 sat" }, async (world) => {
    const { macaroon, invoice, enforced } = Challenge.parse(
      (await world.ask("/paid?x=1")).lines("www-authenticate"),
    );
    assert.equal(macaroon.location, LOCATION);
    assert.match(invoice, /^lnbcrt/);
    assert.ok(enforced?.includes("max_uses"));
  });
}
