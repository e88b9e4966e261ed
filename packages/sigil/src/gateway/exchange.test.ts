/** Requests of agents through the whole gateway: what is let through, refused, and spent. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { parseAmount } from "l8nt/invoice";
import { describe, expect, test, vi } from "vitest";
import { answers, completion, town, VENDOR_KEY } from "./fixtures/town.ts";
import type { Rule } from "./routes.ts";

const settledOf = (world: Awaited<ReturnType<typeof town>>) =>
  expect.poll(() => world.rows.length).toBeGreaterThan(0);

const FLAT: Rule = {
  ...{ methods: undefined, path: "/flat/**", access: "credential" },
  ...{ price: parseAmount("0.01 usd")!, capability: undefined },
  ...{ isKeyed: true, freePerDay: undefined },
};

describe("a request that is let through", () => {
  test("spends what the vendor says that it used, and tells what is left", async () => {
    const world = await town({ play: answers(completion(10, 20)) });
    const key = world.mint();
    const response = await world.chat(key);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ usage: { total_tokens: 30 } });
    expect(response.headers.get("sigil-budget")).toBe(
      'cost="0.00021 usd", left=("0.99979 usd";of="1 usd")',
    );
    expect(await world.usage(key)).toEqual([[210n, 0n]]);
    expect(world.rows).toMatchObject([
      { model: "gpt-test", status: 200, end: "answered", spent: 210n, isEstimated: false },
    ]);
  });

  test("is sent as it was written, with the vendor's key in place of the agent's", async () => {
    const world = await town();
    const body = '{ "model":"gpt-test",  "max_tokens": 7, "seed":9007199254740993, "messages":[] }';
    await world.chat(
      world.mint(),
      {},
      { body, headers: { "x-own": "1", "accept-encoding": "br" } },
    );
    const [request] = world.seen;
    expect(request!.body).toBe(body);
    const lines = request!.rawHeaders.map((text) => text.toLowerCase());
    expect(lines).toContain(`bearer ${VENDOR_KEY.toLowerCase()}`);
    expect(lines.filter((text) => text === "authorization")).toHaveLength(1);
    expect(lines.join("\n")).not.toContain("sk-sigil");
    expect(lines).toContain("x-own");
    expect(lines[lines.indexOf("accept-encoding") + 1]).toBe("identity");
  });

  test.each([
    ["a key that names no models", {}, "?model=gpt-4o", 200],
    ["no model", { models: ["gpt-test"] }, "", 200],
    ["another parameter", { models: ["gpt-test"] }, "?models_of=gpt-4o", 200],
    ["its model", { models: ["gpt-test"] }, "?a=1&model=gpt-test", 200],
    ["another model", { models: ["gpt-test"] }, "?model=gpt-4o", 403],
    ["another model, escaped", { models: ["gpt-test"] }, "?%6dodel=gpt-4o", 403],
    ["a model in capitals", { models: ["gpt-test"] }, "?MODEL=gpt-test", 403],
    ["two models", { models: ["gpt-test"] }, "?model=gpt-test&model=gpt-4o", 403],
    ["a second one behind a semicolon", { models: ["gpt-test"] }, "?model=gpt-test;model=b", 403],
  ])(
    "with a query that names %s has the model that the key allows",
    async (_, scope, query, status) => {
      const world = await town({ rules: [FLAT], play: answers("{}") });
      const authorization = `Bearer ${world.mint(scope).toKey()}`;
      for (const method of ["GET", "HEAD"]) {
        const path = `${world.url}/flat/x${query}`;
        const response = await fetch(path, { method, headers: { authorization } });
        expect(response.status, method).toBe(status);
      }
    },
  );

  test("costs nothing where the vendor charges nothing", async () => {
    const world = await town({ play: answers('{"data":[]}') });
    const key = world.mint({ models: ["gpt-test"] });
    const response = await fetch(`${world.url}/v1/models`, {
      headers: { authorization: `Bearer ${key.toKey()}` },
    });
    expect(response.status).toBe(200);
    expect(await world.usage(key)).toEqual([[0n, 0n]]);
  });
});

test.each([
  ["openai", "/v1/models", "GET"],
  ["openai", "/v1/chat/completions", "POST"],
])(
  "%s %s is asked for as it is, so that a key in the answer is hidden",
  async (preset, path, method) => {
    const world = await town({
      preset,
      play: ({ rawHeaders }, answer) => {
        const at = rawHeaders.findIndex((name) => name.toLowerCase() === "accept-encoding");
        const body = Buffer.from(JSON.stringify({ error: `bad key ${VENDOR_KEY}` }));
        const isGzip = rawHeaders[at + 1]?.includes("gzip") === true;
        answer.writeHead(400, {
          "content-type": "application/json",
          ...(isGzip && { "content-encoding": "gzip" }),
        });
        answer.end(isGzip ? gzipSync(body) : body);
      },
    });
    const headers = { "accept-encoding": "gzip, br" };
    const response = await world.chat(world.mint(), {}, { path, method, headers });
    const text = await response.text();
    expect([response.status, text]).toEqual([400, expect.stringContaining("bad key ****")]);
    expect(text).not.toContain(VENDOR_KEY);
  },
);

describe("the key of a request", () => {
  const PLACES = {
    openai: ["/v1/models", (key: string) => ({ authorization: `Bearer ${key}` })],
    "openai, api-key": ["/v1/models", (key: string) => ({ "api-key": key })],
    "openai, L402": ["/v1/models", (key: string) => ({ authorization: `L402 ${key}` })],
    anthropic: ["/v1/models", (key: string) => ({ "x-api-key": key })],
    "anthropic, bearer": ["/v1/models", (key: string) => ({ authorization: `Bearer ${key}` })],
    gemini: ["/v1beta/models", (key: string) => ({ "x-goog-api-key": key })],
  } as const;

  test.each(Object.entries(PLACES))("is read and taken out: %s", async (name, [path, fields]) => {
    const world = await town({ preset: name.split(",")[0]!, play: answers("{}") });
    const key = world.mint().toKey();
    const response = await fetch(world.url + path, { headers: fields(key) });
    expect(response.status).toBe(200);
    const [{ rawHeaders, url }] = world.seen as [(typeof world.seen)[0]];
    expect([url, ...rawHeaders].join("\n")).not.toContain("sk-sigil");
    expect(rawHeaders.join("\n")).toContain(VENDOR_KEY);
  });

  test.each([
    ["none", () => ({}), 401, "credential_missing"],
    [
      "the vendor's own",
      () => ({ authorization: "Bearer sk-proj-abc" }),
      401,
      "credential_invalid",
    ],
    [
      "two different ones",
      (key: string, other: string) => ({ authorization: `Bearer ${key}`, "api-key": other }),
      400,
      "credential_ambiguous",
    ],
    [
      "ours and the vendor's",
      (key: string) => ({ authorization: `Bearer ${key}`, "api-key": "sk-proj-abc" }),
      400,
      "credential_ambiguous",
    ],
  ] as const)("is refused: %s", async (_what, fields, status, code) => {
    const world = await town();
    const headers = fields(world.mint().toKey(), world.mint().toKey()) as Record<string, string>;
    const response = await fetch(`${world.url}/v1/models`, { headers });
    expect([
      response.status,
      ((await response.json()) as { error: { code: string } }).error.code,
    ]).toEqual([status, code]);
    expect(world.seen).toEqual([]);
  });

  test.each([
    ["a cookie", "/v1/models", (key: string) => ({ cookie: `k=${key}` })],
    ["a field with another name", "/v1/models", (key: string) => ({ x_api_key: key })],
    [
      "a field, with an escape",
      "/v1/models",
      (key: string) => ({ referer: `http://a/?k=${key.replace("sk-", "sk%2D")}` }),
    ],
    ["the query", "/v1/models?key=KEY", () => ({})],
    ["the query, without its prefix", "/v1/models?api_key=TEXT", () => ({})],
    ["the path, without its prefix", "/v1/models/TEXT", () => ({})],
    [
      "a field, in base64",
      "/v1/models",
      (key: string) => ({ "x-auth": `Basic ${btoa(`${key}:`)}` }),
    ],
    [
      "a cookie, without its prefix",
      "/v1/models",
      (key: string) => ({ cookie: `k=${key.slice("sk-sigil-".length)}` }),
    ],
    ["the query, with an escape", "/v1/models?a=%73k-sigil-KEY", () => ({})],
    ["the path", "/v1/models/KEY", () => ({})],
  ] as const)("is refused where it would reach the vendor: %s", async (_what, path, fields) => {
    const world = await town();
    const key = world.mint().toKey();
    const text = key.slice("sk-sigil-".length);
    const response = await fetch(world.url + path.replace("KEY", key).replace("TEXT", text), {
      headers: { authorization: `Bearer ${key}`, ...fields(key) },
    });
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code]).toEqual([400, "credential_misplaced"]);
    expect(error.message).not.toContain(key);
    expect(world.seen).toEqual([]);
  });

  test("may stand in two places, in two spellings, if it is one", async () => {
    const world = await town({ play: answers("{}") });
    const key = world.mint();
    const headers = { authorization: `Bearer ${key}`, "api-key": key.toKey() };
    expect((await fetch(`${world.url}/v1/models`, { headers })).status).toBe(200);
  });
});

describe("a request that is refused before it is sent", () => {
  test.each([
    ["a model without a price", {}, { model: "gpt-new" }, 403, "model_not_priced"],
    ["a model that the key may not use", { models: ["gpt-other*"] }, {}, 403, "model_not_allowed"],
    [
      "a capability that the key lacks",
      { capabilities: { openai: ["embeddings"] } },
      {},
      403,
      "capability_not_allowed",
    ],
    ["no budget in US dollars", { budget: "500 sat" }, {}, 402, "budget_missing"],
    ["a budget that is too small", { budget: "0.0001 usd" }, {}, 402, "budget_exhausted"],
    ["a price above the limit of one", { maxPrice: "0.0001 usd" }, {}, 402, "price_above_limit"],
    [
      "an end that has come",
      { expiresAt: new Date(1_800_000_000_000), expiresIn: undefined },
      {},
      403,
      "credential_expired",
    ],
    ["a hosted tool", {}, { web_search_options: {} }, 403, "field_not_metered"],
  ] as const)("for %s", async (_what, scope, body, status, code) => {
    const world = await town();
    const key = world.mint(scope as object);
    const response = await world.chat(key, body);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code]).toEqual([status, code]);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(error.message).toMatch(/^Sigil: |[a-z]/);
    expect(world.seen).toEqual([]);
    for (const [used, reserved] of await world.usage(key))
      expect([used, reserved]).toEqual([0n, 0n]);
    expect(world.bodies.held).toBe(0);
  });

  test.each([
    ["a key twice", '{"model":"gpt-test","model":"gpt-dear","messages":[]}'],
    ["no JSON", "model=gpt-test"],
    ["nothing", ""],
  ])("because its body has %s", async (_what, body) => {
    const world = await town();
    expect((await world.chat(world.mint(), {}, { body })).status).toBe(400);
    expect(world.seen).toEqual([]);
  });

  test("because a field of the vendor's would change who pays", async () => {
    const world = await town();
    const response = await world.chat(world.mint(), {}, { headers: { "openai-project": "other" } });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining("openai-project"),
    ]);
    expect(world.seen).toEqual([]);
  });

  test("because it is compressed, or larger than what is read", async () => {
    const world = await town();
    const gzip = await world.chat(world.mint(), {}, { headers: { "content-encoding": "gzip" } });
    expect(gzip.status).toBe(415);
    const large = await world.chat(world.mint(), {
      messages: [{ role: "user", content: "x".repeat(11 * 1024 * 1024) }],
    });
    expect(large.status).toBe(413);
    expect(world.bodies.held).toBe(0);
  });

  test.each<readonly [maxMib: number, mib: number, status: number]>([
    [32, 11, 200],
    [32, 33, 413],
    [1, 0.9, 200],
    [1, 1.1, 413],
  ])("because its service reads %d MiB: a body of %d MiB is %d", async (maxMib, mib, status) => {
    const world = await town({ maxBodyBytes: maxMib * 1024 * 1024 });
    const messages = [{ role: "user", content: "x".repeat(mib * 1024 * 1024) }];
    const response = await world.chat(world.mint({ budget: "9 usd" }), { messages });
    expect(response.status).toBe(status);
    await response.text();
    await expect.poll(() => world.bodies.held).toBe(0);
  });

  test.each(["/v1/files", "/v1/chat/completions/", "/v2/chat/completions", "/v1/fine_tuning/jobs"])(
    "because %s is not listed",
    async (path) => {
      const world = await town();
      const response = await fetch(world.url + path, {
        headers: { authorization: `Bearer ${world.mint().toKey()}` },
      });
      expect([response.status, world.seen.length]).toEqual([403, 0]);
    },
  );

  test("without reading its body, if the key proves nothing", async () => {
    const world = await town();
    const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
    socket.write(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\nContent-Length: 1000000\r\n\r\n{",
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });
});

describe("a budget", () => {
  test("that has room for ten of two hundred requests at once lets ten through", async () => {
    const waiting: (() => void)[] = [];
    const world = await town({
      play: async (_request, answer) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        answer.writeHead(200, { "content-type": "application/json" }).end(completion(1, 100));
      },
    });
    // Each may cost 1,000 for its output, and 1,125 for its input.
    const key = world.mint({ budget: "0.0219 usd" });
    const all = Promise.all(
      Array.from({ length: 200 }, () => world.chat(key, { max_tokens: 100 })),
    );
    await expect
      .poll(() => world.denials.length + world.seen.length, { timeout: 30_000 })
      .toBe(200);
    const reached = world.seen.length;
    for (const go of waiting) go();
    const statuses = (await all).map(({ status }) => status);
    expect(reached).toBe(10);
    expect(statuses.filter((status) => status === 200)).toHaveLength(reached);
    expect(statuses.filter((status) => status === 402)).toHaveLength(200 - reached);
    const [[used, reserved]] = (await world.usage(key)) as [readonly [bigint, bigint]];
    expect(used).toBeLessThanOrEqual(21_900n);
    expect(reserved).toBe(0n);
  });

  test("is spent to 95 % before the first refusal, though no request has a cap", async () => {
    const world = await town({
      // A vendor that writes 500 tokens, or as many as it may.
      play: (request, answer) => {
        const { max_completion_tokens: cap = 500 } = JSON.parse(request.body);
        answer
          .writeHead(200, { "content-type": "application/json" })
          .end(completion(250, Math.min(500, cap)));
      },
    });
    const key = world.mint({ budget: "0.2 usd" });
    const messages = [{ role: "user", content: "word ".repeat(200) }];
    let limited = 0;
    for (let times = 0; times < 200; times++) {
      const response = await world.chat(key, { max_tokens: undefined, messages });
      if (response.headers.get("sigil-output-limited") !== null) limited++;
      if (response.status === 402) break;
      expect(response.status).toBe(200);
    }
    const [[used]] = (await world.usage(key)) as [readonly [bigint, bigint]];
    expect(Number(used)).toBeGreaterThanOrEqual(190_000);
    expect(used).toBeLessThanOrEqual(200_000n);
    expect(limited).toBeGreaterThan(0);
  });

  test("too small for an answer of use refuses instead of sending a smaller request", async () => {
    const world = await town();
    const key = world.mint({ budget: "0.002 usd" });
    const response = await world.chat(key, { max_tokens: undefined });
    expect(response.status).toBe(402);
    expect(world.seen).toEqual([]);
  });

  test("of every key above it counts what a helper's key spends, under its own name", async () => {
    const world = await town({ play: answers(completion(10, 20)) });
    const parent = world.mint();
    const child = parent.delegate({ agent: "scout", budget: "0.1 usd" });
    const grandchild = child.delegate({ agent: "aide", budget: "0.5 usd" });
    expect((await world.chat(grandchild)).status).toBe(200);
    expect(await world.usage(grandchild)).toEqual([
      [210n, 0n],
      [210n, 0n],
      [210n, 0n],
    ]);
    expect(world.rows[0]!.lineage).toEqual(["scout", "aide"]);
    const field = (await world.chat(child)).headers.get("sigil-budget");
    expect(field).toContain('"0.09958 usd";of="0.1 usd";for="scout"');
  });

  test("is shown to its holder", async () => {
    const world = await town();
    const key = world
      .mint({ budgetPerDay: "0.5 usd" })
      .delegate({ agent: "scout", budget: "0.1 usd" });
    await world.chat(key);
    const response = await fetch(`${world.url}/.well-known/sigil/budget`, {
      headers: { authorization: `Bearer ${key.toKey()}` },
    });
    expect(await response.json()).toMatchObject({
      limits: [
        { limit: "1 usd", used: "0.00021 usd", reserved: "0 usd", left: "0.99979 usd" },
        { limit: "0.5 usd", seconds: 86_400 },
        { agent: "scout", left: "0.09979 usd" },
      ],
    });
  });
});

test("a budget of a day that ran dry says whose it is, what is missing, and when it is whole again", async () => {
  const world = await town();
  const key = world.mint({ budgetPerDay: "0.02 usd" }).delegate({ agent: "scout" });
  world.play(answers(completion(1000, 1890)));
  expect((await world.chat(key, { max_tokens: 1890 })).status).toBe(200);
  const refused = await world.chat(key);
  expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([402, "false"]);
  const [root] = world.service.paywall.authority.verifier.authenticate(key).nodes;
  const body = await refused.json();
  expect(body).toMatchObject({
    code: "budget_exhausted",
    node: root!.id,
    condition: "budget_usd_micro_per_day",
    left: "0.0001 usd left of 0.02 usd per day",
    // The slot of 24 minutes in which it was spent, and a day.
    resets_at: "2030-03-18T18:00:00.000Z",
  });
  expect(body.error.message).toMatch(
    new RegExp(
      `free again at 2030-03-18T18:00:00\\.000Z .*\\(budget_exhausted, node ${root!.id}\\)`,
    ),
  );
});

test("a helper's key that was revoked is refused, and its parent's goes on", async () => {
  const world = await town();
  const parent = world.mint();
  const child = parent.delegate({ agent: "scout" });
  expect((await world.chat(child)).status).toBe(200);
  await world.service.paywall.revoke(
    world.service.paywall.authority.verifier.authenticate(child).node.id,
  );
  const refused = await world.chat(child);
  expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("revoked")]);
  expect((await world.chat(parent)).status).toBe(200);
});

test("a stream is cut with an error when its key is revoked, and no other one is", async () => {
  let isEnded = 0;
  const world = await town({
    play: (_request, answer) => {
      answer.on("close", () => isEnded++);
      answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
    },
  });
  const parent = world.mint();
  const child = parent.delegate({ agent: "scout" });
  const [cut, other] = await Promise.all(
    [child.delegate({ agent: "aide" }), parent].map(async (key) => {
      const response = await world.chat(key, { stream: true });
      const reader = response.body!.getReader();
      await reader.read();
      return reader;
    }),
  );
  const { verifier } = world.service.paywall.authority;
  await world.service.paywall.revoke(verifier.authenticate(child).node.id);
  const last = Buffer.from((await cut!.read()).value!).toString();
  expect(last).toContain("event: error");
  expect(last).toContain("revoked");
  expect((await cut!.read()).done).toBe(true);
  await expect.poll(() => isEnded).toBe(1);
  expect(world.rows).toMatchObject([{ end: "cut", isEstimated: true, lineage: ["scout", "aide"] }]);
  await other!.cancel();
});

test("a request whose key is revoked while the vendor thinks is ended, and refused", async () => {
  let isEnded = false;
  const world = await town({
    play: (_request, answer) =>
      answer.on("close", () => {
        isEnded = true;
      }),
  });
  const key = world.mint();
  const asked = world.chat(key);
  await expect.poll(() => world.seen.length).toBe(1);
  const { verifier } = world.service.paywall.authority;
  await world.service.paywall.revoke(verifier.authenticate(key).node.id);
  expect((await asked).status).toBe(403);
  await expect.poll(() => isEnded).toBe(true);
  // The vendor may bill what it had read.
  expect(world.rows).toMatchObject([{ end: "cut", isEstimated: true }]);
  expect(world.rows[0]!.spent).toBeGreaterThan(0n);
  expect((await world.usage(key))[0]![1]).toBe(0n);
});

const chunk = (content: string, usage?: object): string =>
  `data: ${JSON.stringify({
    id: "1",
    object: "chat.completion.chunk",
    model: "gpt-test",
    choices: usage === undefined ? [{ index: 0, delta: { content } }] : [],
    ...(usage !== undefined && { usage }),
  })}\n\n`;
const USAGE = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };

describe("a stream", () => {
  const parts = [chunk("Hel"), chunk("lo ☃"), chunk("", USAGE), "data: [DONE]\n\n"];
  const streamed = (chunks: readonly string[]) =>
    answers(chunks.join(""), 200, "text/event-stream");

  test.each([
    ["did not ask for usage", undefined, [parts[0], parts[1], parts[3]]],
    ["asked for usage", { include_usage: true }, parts],
  ])("of a client that %s is passed on byte by byte", async (_what, options, expected) => {
    const world = await town({ play: streamed(parts) });
    const key = world.mint();
    const response = await world.chat(key, { stream: true, stream_options: options });
    const text = await response.text();
    const end = text.indexOf(": sigil-budget");
    const sha = (given: string) => createHash("sha256").update(given).digest("hex");
    expect(sha(text.slice(0, end))).toBe(sha(expected.join("")));
    expect(text.slice(end)).toBe(
      ': sigil-budget cost="0.00021 usd", left=("0.99979 usd";of="1 usd")\n\n',
    );
    expect(JSON.parse(world.seen[0]!.body).stream_options).toEqual({ include_usage: true });
    expect(await world.usage(key)).toEqual([[210n, 0n]]);
  });

  test("in parts of any size is passed on alike", async () => {
    const bytes = Buffer.from(parts.join("").replaceAll("\n\n", "\r\n\r\n"));
    for (const size of [1, 2, 3, 7, 64]) {
      const world = await town({
        play: async (_request, answer) => {
          answer.writeHead(200, { "content-type": "text/event-stream" });
          for (let at = 0; at < bytes.length; at += size) {
            answer.write(bytes.subarray(at, at + size));
            await new Promise((resolve) => setImmediate(resolve));
          }
          answer.end();
        },
      });
      const text = await (await world.chat(world.mint(), { stream: true })).text();
      expect(text.slice(0, text.indexOf(": sigil-budget"))).toBe(
        [parts[0], parts[1], parts[3]].join("").replaceAll("\n\n", "\r\n\r\n"),
      );
      expect(world.rows[0]!.spent).toBe(210n);
    }
  });

  test("that ends without a usage costs what was reserved, and says that it is estimated", async () => {
    const world = await town({ play: streamed([parts[0]!, parts[3]!]) });
    const key = world.mint();
    const text = await (await world.chat(key, { stream: true })).text();
    const [row] = world.rows;
    expect(row).toMatchObject({ isEstimated: true, spent: row!.reserved });
    expect(text).toContain(";estimated");
  });
});

describe("an exchange that ends otherwise", () => {
  test.each([400, 404, 429, 500, 503])("with the vendor's %i costs nothing", async (status) => {
    const world = await town({ play: answers('{"error":{"message":"no"}}', status) });
    const key = world.mint();
    expect((await world.chat(key)).status).toBe(status);
    expect(await world.usage(key)).toEqual([[0n, 0n]]);
  });

  const REFUSED = {
    metered: ["POST", "/v1/chat/completions"],
    free: ["GET", "/v1/models"],
  } as const;

  test.each(
    Object.keys(REFUSED).flatMap((route) =>
      [401, 403].flatMap((status) =>
        ["application/json", "text/event-stream"].map(
          (type) => [route as keyof typeof REFUSED, status, type] as const,
        ),
      ),
    ),
  )(
    "because the vendor refuses our key on a %s route with %i, %s, tells the owner",
    async (route, status, type) => {
      const refusal = `{"error":{"message":"Incorrect API key: ${VENDOR_KEY}"}}`;
      const world = await town({
        play: (_request, answer) =>
          answer.writeHead(status, { "content-type": type, "x-key": VENDOR_KEY }).end(refusal),
      });
      const [method, path] = REFUSED[route];
      const key = world.mint();
      const response = await world.chat(key, {}, { method, path });
      const text = await response.text();
      expect(response.status).toBe(502);
      expect(text).toContain("upstream_refused");
      expect(text + JSON.stringify([...response.headers])).not.toContain("CANARY");
      expect(world.alarms.join()).toContain("refused the gateway's own key");
      expect(world.alarms.join()).not.toContain("CANARY");
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(await world.usage(key)).toEqual([[0n, 0n]]);
    },
  );

  test.each(Object.keys(REFUSED) as (keyof typeof REFUSED)[])(
    "because of a refusal of our key that is too large to keep shows none of it: %s route",
    async (route) => {
      const world = await town({ play: answers(VENDOR_KEY.repeat(1_100_000), 401) });
      const [method, path] = REFUSED[route];
      const response = await world.chat(world.mint(), {}, { method, path });
      expect(await response.text()).not.toContain("CANARY");
    },
  );

  test("because the vendor dies before the head gives all back", async () => {
    const world = await town({ play: (_request, answer) => answer.destroy() });
    const key = world.mint();
    const response = await world.chat(key);
    expect(response.status).toBe(502);
    expect(await world.usage(key)).toEqual([[0n, 0n]]);
  });

  test("because the vendor takes too long spends what was reserved, and says so", async () => {
    const world = await town({ play: () => {}, headersTimeout: 1 });
    const key = world.mint();
    const response = await world.chat(key);
    expect(response.status).toBe(504);
    expect(await response.text()).toContain("usd was charged");
    const [row] = world.rows;
    expect(row).toMatchObject({ end: "failed", isEstimated: true, spent: row!.reserved });
    expect(await world.usage(key)).toEqual([[row!.reserved, 0n]]);
  });

  test("because the vendor dies inside of a whole answer spends what was reserved", async () => {
    const world = await town({
      play: (_request, answer) => {
        answer.writeHead(200, { "content-type": "application/json" });
        answer.write('{"choices":', () => answer.destroy());
      },
    });
    const key = world.mint();
    const response = await world.chat(key);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("usd was charged");
    const [row] = world.rows;
    expect(await world.usage(key)).toEqual([[row!.reserved, 0n]]);
  });

  test("because the vendor dies inside of a stream spends what came, and the input", async () => {
    const world = await town({
      play: async (_request, answer) => {
        answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
        await new Promise((resolve) => setTimeout(resolve, 30));
        answer.destroy();
      },
    });
    const key = world.mint();
    await expect(
      (await world.chat(key, { stream: true, max_tokens: 5000 })).text(),
    ).rejects.toThrow();
    await settledOf(world);
    const [row] = world.rows;
    const [[used, reserved]] = (await world.usage(key)) as [readonly [bigint, bigint]];
    expect(row).toMatchObject({ end: "broken", isEstimated: true, spent: used });
    // 10 usd_micro for each byte of the part, as if each were a token.
    expect(used).toBeGreaterThanOrEqual(BigInt(10 * Buffer.byteLength(chunk("Hello"))));
    expect(used).toBeLessThan(row!.reserved!);
    expect(reserved).toBe(0n);
  });

  test("because the client leaves ends it at the vendor, and spends what came", async () => {
    let isEnded = false;
    const world = await town({
      play: (_request, answer) => {
        answer.on("close", () => {
          isEnded = true;
        });
        answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
      },
    });
    const key = world.mint();
    const response = await world.chat(key, { stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => isEnded).toBe(true);
    await settledOf(world);
    expect(world.rows).toMatchObject([{ end: "gone", isEstimated: true }]);
    const [[used, reserved]] = (await world.usage(key)) as [readonly [bigint, bigint]];
    expect(used).toBeGreaterThan(0n);
    expect(reserved).toBe(0n);
  });

  test("of a model that thinks unseen spends all that was reserved if it breaks off", async () => {
    const world = await town({
      play: (_request, answer) => {
        answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
      },
    });
    const key = world.mint();
    const response = await world.chat(key, { model: "gpt-thinks", stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await settledOf(world);
    const [row] = world.rows;
    expect(row).toMatchObject({ end: "gone", isEstimated: true, spent: row!.reserved });
  });

  test("because the client leaves behind the usage spends exactly that", async () => {
    const world = await town({
      play: (_request, answer) => {
        answer.writeHead(200, { "content-type": "text/event-stream" });
        answer.write(chunk("Hello") + chunk("", USAGE));
      },
    });
    const key = world.mint();
    const response = await world.chat(key, {
      stream: true,
      stream_options: { include_usage: true },
    });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await settledOf(world);
    expect(world.rows).toMatchObject([{ end: "gone", isEstimated: false, spent: 210n }]);
  });
});

test("one agent does not hold every connection to the vendor, and has its turn later", async () => {
  const waiting: (() => void)[] = [];
  const world = await town({
    connections: 4,
    play: (request, answer, incoming) =>
      new Promise<void>((resolve) =>
        waiting.push(() => {
          answers(completion(10, 20))(request, answer, incoming);
          resolve();
        }),
      ),
  });
  const root = world.mint();
  const greedy = root.delegate({ agent: "greedy" });
  const all = Array.from({ length: 8 }, (_, at) =>
    world.chat(at % 2 === 0 ? greedy : greedy.delegate({ agent: `helper-${at}` })),
  );
  await vi.waitFor(() => expect(waiting).toHaveLength(3));
  const other = world.chat(root.delegate({ agent: "modest" }));
  await vi.waitFor(() => expect(waiting).toHaveLength(4));
  // What waits for a connection has reserved nothing.
  const [[, reserved]] = (await world.usage(root)) as [[bigint, bigint]];
  for (let served = 0; served < 9; served++) {
    await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(served));
    waiting[served]!();
  }
  const statuses = (await Promise.all([...all, other])).map(({ status }) => status);
  expect(statuses).toEqual(Array(9).fill(200));
  const [row] = world.rows;
  expect(reserved).toBe(4n * row!.reserved!);
});

test("a usage that the request could not come to is charged as what was reserved, with an alarm", async () => {
  const world = await town({ play: answers(completion(10_000_000, 20)) });
  const key = world.mint();
  expect((await world.chat(key)).status).toBe(200);
  const [row] = world.rows;
  expect(row).toMatchObject({ spent: row!.reserved, isEstimated: true });
  expect(await world.usage(key)).toEqual([[row!.reserved, 0n]]);
  expect(world.alarms).toContainEqual(expect.stringContaining("states a usage of 10.0002 usd"));
});

test.each([
  ["metered", {}],
  ["not metered", { method: "GET", path: "/v1/models" }],
])("a request that is %s proves its credential once", async (_name, init) => {
  const { chat, mint, service } = await town();
  const { verifier } = service.paywall.authority;
  const authenticate = vi.spyOn(verifier, "authenticate");
  const known = vi.spyOn(verifier, "known");
  expect((await chat(mint(), {}, init)).status).toBe(200);
  expect([authenticate, known].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
});

describe("a budget that is too small", () => {
  const needOf = async (response: Response) =>
    /you need ([^;]+?)\. \(budget_exhausted/.exec(await response.text())?.[1];

  test("is told the least that is served, and the whole beside it", async () => {
    const world = await town({ play: answers(completion(10, 20)) });
    const ask = (budget: `${string} usd`, max_tokens: number) =>
      world.chat(world.mint({ budget }), { max_tokens });
    const need = await needOf(await ask("0.001 usd", 30_000));
    const [, least, whole] =
      /^(\S+ usd) for a short answer, and (\S+ usd) with its whole output limit$/.exec(need ?? "")!;
    expect(parseAmount(whole)!.value).toBeGreaterThan(100_000n);
    expect(parseAmount(least)!.value).toBeLessThan(4_000n);
    const served = await ask(least as `${string} usd`, 30_000);
    expect([served.status, served.headers.get("sigil-output-limited")]).toEqual([
      200,
      expect.any(String),
    ]);
  });

  test("is told one need if the request is never made smaller", async () => {
    const world = await town();
    const response = await world.chat(world.mint({ budget: "0.001 usd" }), { max_tokens: 200 });
    expect(await needOf(response)).toMatch(/^\S+ usd$/);
  });
});
