/**
 * The treasury's HTTP APIs against the OpenAPI document that it serves: every answer is one that
 * the document lists. [case 100]
 */
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Credential } from "l8nt";
import { MemoryStore } from "l8nt/stores/memory";
import { ownerApi, treasuryApi } from "l8nt/treasury";
import { describe, expect, test } from "vitest";
import { failure, secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { placeOf, Wrapping } from "../../packages/l8nt/src/treasury/wrapping.ts";

type Json = Record<string, unknown>;
interface Operation {
  readonly security?: readonly Json[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Json }> };
  readonly responses: Record<
    string,
    { readonly content?: Record<string, { readonly schema: Json }> }
  >;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Json> };
}

const ajv = new Ajv2020({ strict: false, formats: {} });

/** What a treasury that has seen something answers, by both of its APIs. */
async function stage() {
  const store = new MemoryStore({ journal: true });
  const world = await town({ store });
  const { treasury } = world;
  const shop = await world.openShop({ price: "10 sat" });
  const root = world.mint();
  const child = root.delegate({ agent: "scout", budgetPerHour: "50 sat", maxUses: 5 });
  await world.connect(child).get(`${shop.url}/a`);
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(world.connect(root).get(`${shop.url}/b`));
  await treasury.owner.freeze(undefined, "to see one");
  await treasury.owner.thaw();
  await store.note("a note", world.clock());
  const apis = { agent: treasuryApi(treasury), owner: ownerApi(treasury) };
  const ask = (
    api: keyof typeof apis,
    method: string,
    path: string,
    credential?: Credential | string,
    body?: unknown,
  ) =>
    apis[api](
      new Request(treasury.location + path, {
        method,
        headers: {
          ...(credential !== undefined && { authorization: `L402 ${credential}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  const response = await ask("agent", "GET", "/v1/openapi.json");
  const document = (await response.json()) as Document;
  return {
    world,
    store,
    root,
    child,
    shop,
    ask,
    document,
    owner: treasury.owner.mint({ expiresIn: "1h" }),
  };
}

let set: Awaited<ReturnType<typeof stage>>;

/** The answer fits the document's schema for its status. */
async function fits(method: string, path: string, response: Response): Promise<Json> {
  const operation = set.document.paths[path]![method.toLowerCase()]!;
  const { content } = operation.responses[response.status === 200 ? "200" : "default"]!;
  const type = response.headers.get("content-type")!;
  const json = (await response.json()) as Json;
  const { schema } = content![type]!;
  const whole = JSON.parse(
    JSON.stringify(schema).replaceAll(
      '{"$ref":"#/components/schemas/Problem"}',
      JSON.stringify(set.document.components.schemas.Problem),
    ),
  ) as Json;
  const validate = ajv.compile(whole);
  expect(validate(json), `${method} ${path}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  return json;
}

const READS = [
  "/v1/owner/health",
  "/v1/owner/tree",
  "/v1/owner/payments",
  "/v1/owner/journal",
  "/v1/owner/receipts",
  "/v1/owner/sales",
];

describe("the document", () => {
  test("is OpenAPI 3.1, and every answer of both APIs is what it lists", async () => {
    set = await stage();
    const { document, ask, root, child, owner, world, store } = set;
    expect(
      await new Validator().validate(
        structuredClone(document) as unknown as Record<string, unknown>,
      ),
    ).toMatchObject({ valid: true });
    const seen = new Set<string>();
    const check = async (
      api: "agent" | "owner",
      method: string,
      path: string,
      credential: unknown,
      body?: unknown,
      real = path,
    ) => {
      seen.add(`${method} ${path}`);
      return fits(method, path, await ask(api, method, real, credential as Credential, body));
    };
    await check("agent", "GET", "/.well-known/l402", undefined);
    await check("agent", "GET", "/v1/openapi.json", undefined);
    for (const path of ["/v1/credential", "/v1/tree", "/v1/receipts"]) {
      await check("agent", "GET", path, child);
      await check("agent", "GET", path, "nonsense");
    }
    const order = { id: crypto.randomUUID(), method: "GET", url: `${set.shop.url}/c`, headers: [] };
    expect(await check("agent", "POST", "/v1/purchases", root, order)).toHaveProperty("payment");
    const told = { orders: [order.id] };
    expect(await check("agent", "POST", "/v1/answered", root, told)).toEqual({ done: true });
    await check("agent", "POST", "/v1/purchases", root, {
      ...order,
      id: crypto.randomUUID(),
      url: "https://elsewhere.example/",
    });
    await check("agent", "POST", "/.well-known/l402/revocations", root, {
      caveats: ["agent=x.0000000000000000"],
    });
    for (const path of READS) {
      const json = await check("owner", "GET", path, owner);
      expect(Object.values(json)[0]).toBeDefined();
      expect((await ask("owner", "GET", path)).status).toBe(401);
    }
    const revenue = "/v1/owner/revenue";
    await check("owner", "GET", revenue, owner, undefined, `${revenue}?by=day`);
    expect(
      ((await check("owner", "GET", "/v1/owner/journal", owner)).entries as unknown[]).length,
    ).toBeGreaterThan(6);
    const [open] = await store.openPayments();
    const { nodes } = (await check("owner", "GET", "/v1/owner/tree", owner)) as {
      nodes: { id: string; agent?: string }[];
    };
    const scout = nodes.find(({ agent }) => agent === "scout")!;
    for (const verb of ["freeze", "thaw", "revoke"])
      await check("owner", "POST", `/v1/owner/${verb}`, owner, {
        node: scout.id,
        reason: "why not",
      });
    await check("owner", "GET", "/v1/owner/revocations", owner);
    await check("owner", "POST", "/v1/owner/reconcile", owner, {});
    await check("owner", "GET", "/v1/owner/unexplained", owner);
    await check("owner", "POST", "/v1/owner/books/confirm", owner, {});
    await check("owner", "GET", "/v1/owner/clock", owner);
    await check("owner", "POST", "/v1/owner/clock/accept", owner, {});
    const explain = "/v1/owner/unexplained/{hash}/explain";
    const unknown = explain.replace("{hash}", "00".repeat(32));
    await check("owner", "POST", explain, owner, { as: "own" }, unknown);
    await check("owner", "POST", "/v1/owner/payees", owner, {
      origin: set.shop.url,
      payee: `02${"11".repeat(32)}`,
    });
    await check("owner", "POST", "/v1/owner/reopen", owner, { origin: set.shop.url });
    const giveUp = "/v1/owner/payments/{hash}/give-up";
    await check(
      "owner",
      "POST",
      giveUp,
      owner,
      { reason: "closed" },
      giveUp.replace("{hash}", open!.paymentHash),
    );
    expect(await store.openPayments()).toEqual([]);
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(all.filter((route) => !seen.has(route))).toEqual([]);
    expect(world.alarms).toEqual([]);
  });

  test("lists every member that a body may have, and the treasury refuses each other one: an invoice, a payee, another's node", async () => {
    const { ask, root, owner, document, shop } = await stage();
    const order = { id: crypto.randomUUID(), method: "GET", url: `${shop.url}/x`, headers: [] };
    const schema =
      document.paths["/v1/purchases"]!.post!.requestBody!.content["application/json"]!.schema;
    const validate = ajv.compile(schema);
    expect(validate(order)).toBe(true);
    for (const extra of [
      "invoice",
      "payee",
      "node",
      "nodeId",
      "amount",
      "preimage",
      "budget",
      "__proto_",
      "lineage",
    ]) {
      const body = { ...order, [extra]: "x" };
      expect(validate(body), extra).toBe(false);
      expect((await ask("agent", "POST", "/v1/purchases", root, body)).status).toBe(400);
      for (const verb of ["revoke", "freeze", "thaw", "reconcile", "payees", "reopen"])
        if (
          !(verb === "payees" && extra === "payee") &&
          !(extra === "node" && verb !== "reconcile")
        )
          expect(
            (await ask("owner", "POST", `/v1/owner/${verb}`, owner, { [extra]: "x" })).status,
            `${verb} ${extra}`,
          ).toBe(400);
    }
  });
});

describe("the owner's credential", () => {
  test("an agent's credential with more caveats is never an owner's, and an owner's is never an agent's", async () => {
    const { ask, root, owner, world } = await stage();
    const wide = root.attenuate({ endpoints: [`* ${world.treasury.location}/**`] });
    for (const path of READS) expect((await ask("owner", "GET", path, wide)).status).toBe(401);
    expect((await ask("agent", "GET", "/v1/tree", owner)).status).toBe(401);
    expect(
      (
        await ask("agent", "POST", "/v1/purchases", owner, {
          id: crypto.randomUUID(),
          method: "GET",
          url: "https://a.example/",
        })
      ).status,
    ).toBe(401);
  });

  test("can be narrowed by its holder to reading", async () => {
    const { ask, owner, world } = await stage();
    const looker = owner.attenuate(
      { endpoints: [`GET ${world.treasury.location}/v1/owner/tree`], expiresIn: "10m" },
      { now: world.clock() },
    );
    expect((await ask("owner", "GET", "/v1/owner/tree", looker)).status).toBe(200);
    expect((await ask("owner", "GET", "/v1/owner/journal", looker)).status).toBe(403);
    const reader = world.treasury.owner.mint({ readOnly: true, expiresIn: "1h" });
    expect((await ask("owner", "GET", "/v1/owner/journal", reader)).status).toBe(200);
    expect((await ask("owner", "POST", "/v1/owner/freeze", reader, {})).status).toBe(403);
    world.clock.advance("3601s");
    expect((await ask("owner", "GET", "/v1/owner/tree", owner)).status).toBe(403);
  });

  test("shows nothing that could be spent", async () => {
    const { ask, owner, store } = await stage();
    const records = await store.payments({ limit: 100 });
    const record = records.find((record) => record.preimage !== undefined)!;
    const { preimage } = record;
    const wrapping = new Wrapping(secretOf("the treasury"));
    const proof = await wrapping.unwrap(preimage!, placeOf(record, "preimage"));
    expect(proof).toMatch(/^[0-9a-f]{64}$/);
    for (const path of READS) {
      const text = await (await ask("owner", "GET", path, owner)).text();
      expect(/AgE[A-Za-z0-9+/]{20}/.test(text), path).toBe(false);
      for (const secret of [proof!, preimage!]) expect(text.includes(secret), path).toBe(false);
    }
  });

  test("cannot be used by a browser, or through a rebound name [case 101]", async () => {
    const { world, owner } = await stage();
    const api = ownerApi(world.treasury);
    for (const headers of [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
      { host: "evil.example" },
    ]) {
      const request = new Request(`${world.treasury.location}/v1/owner/tree`, {
        headers: { ...headers, authorization: `L402 ${owner}` },
      });
      expect((await api(request)).status).toBe(400);
    }
  });
});
