/** The orders of an agent that is revoked while they are under way. spec/4-purchase.md §6. */
import { describe, expect, test, vi } from "vitest";
import type { Credential } from "../l402/index.ts";
import { ask402, challenger, gate, site, type Town, town } from "../testing/fixtures/town.ts";

/** A loaded machine takes more than the second that is usual. */
const until = (is: () => boolean) => vi.waitUntil(is, { timeout: 20_000 });

const buy = (world: Town, credential: Credential, url: string, id: string = crypto.randomUUID()) =>
  world.treasury.buy({
    id,
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

/** Reads a relayed answer to its end or its break, as an agent does across HTTP. */
function readRemotely(world: Town, credential: Credential, url: string, id?: string) {
  const hangUp = new AbortController();
  const parts: string[] = [];
  const read = async () => {
    const response = await fetch(`${world.treasury.location}/v1/purchases`, {
      method: "POST",
      headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
      body: JSON.stringify({ id: id ?? crypto.randomUUID(), method: "GET", url, headers: [] }),
      signal: hangUp.signal,
    });
    if (!response.headers.has("sigil-relayed"))
      return ((await response.json()) as { code: string }).code;
    for await (const part of response.body!) parts.push(new TextDecoder().decode(part));
    return "whole";
  };
  const ended = read().catch(() => "broke off");
  return { ended, parts, hangUp: () => hangUp.abort() };
}

/** The caveats that lead from one credential to one below it. */
const caveatsBelow = (above: Credential, { caveats }: Credential) =>
  caveats.slice(above.caveats.length).map(({ condition, value }) => `${condition}=${value}`);

async function start() {
  const world = await town();
  const root = world.mint();
  const child = (of: Credential, agent: string) => of.delegate({ agent }, { now: world.clock() });
  const arrived: string[] = [];
  const gone: string[] = [];
  const { url } = await site(async ({ target, headers }, response) => {
    arrived.push(target);
    response.once("close", () => gone.push(target));
    if (target.includes("/paid") && headers.authorization === undefined)
      return ask402(response, await challenger(world, url).demand({ enforced: [] }));
    if (target.endsWith("not-found")) response.statusCode = 404;
    // Its answer has begun, and does not end.
    if (/stream|not-found/.test(target)) response.write("first");
    if (target.endsWith("large-stream")) response.write("x".repeat(300_000));
    return undefined;
  });
  return { world, root, child, url, arrived, gone };
}

const firstPart = async (body: ReadableStream<Uint8Array> | null) => {
  const reader = body!.getReader();
  const { value } = await reader.read();
  return { text: new TextDecoder().decode(value), reader };
};

describe("what a revoked agent has under way across HTTP ends at its service, and a sibling's goes on", () => {
  test.each([
    ["/free-stream", "broke off"],
    ["/free-not-found", "broke off"],
    ["/free-large-stream", "broke off"],
    ["/paid-stream", "broke off"],
    ["/paid-not-found", "broke off"],
    ["/paid-large-stream", "broke off"],
    ["/paid-hang", "ERR_PAID_NOT_DELIVERED"],
    ["/free-hang", "ERR_REVOKED"],
  ])("%s", async (path, end) => {
    const { world, root, child, url, arrived, gone } = await start();
    const [evil, good] = [child(root, "evil"), child(root, "good")];
    const [cut, kept] = [evil, good].map((who, at) =>
      readRemotely(world, who, `${url}/${at}${path}`),
    );
    // A challenge is a request of its own.
    const requests = path.startsWith("/paid") ? 4 : 2;
    await until(() => arrived.length === requests);
    if (!path.endsWith("hang")) await until(() => cut!.parts.length > 0 && kept!.parts.length > 0);
    const before = gone.filter((target) => target.startsWith("/1")).length;
    await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
    expect(await cut!.ended).toBe(end);
    await until(() => gone.filter((target) => target.startsWith("/0")).length === requests / 2);
    expect(gone.filter((target) => target.startsWith("/1")).length).toBe(before);
    kept!.hangUp();
  });
});

test("a revoked agent that does not read its answer loses it too", async () => {
  const { world, root, child, url, gone } = await start();
  const evil = child(root, "evil");
  const purchase = await buy(world, evil, `${url}/paid-large-stream`);
  expect(purchase.kind).toBe("response");
  await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
  await until(() => gone.filter((target) => target === "/paid-large-stream").length === 2);
});

test("an order whose agent hung up within a small paid answer is given the answer once it was read on", async () => {
  const { world, root, child } = await start();
  const agent = child(root, "agent");
  const rest = gate();
  let served = 0;
  const { url } = await site(async ({ headers }, response, own) => {
    if (headers.authorization === undefined)
      return ask402(response, await challenger(world, own).demand({ enforced: [] }));
    served++;
    response.write("first, ");
    await rest.opened;
    return response.end("second");
  });
  const id = crypto.randomUUID();
  const lost = readRemotely(world, agent, `${url}/a`, id);
  await until(() => lost.parts.length > 0);
  lost.hangUp();
  expect(await lost.ended).toBe("broke off");
  const again = readRemotely(world, agent, `${url}/a`, id);
  rest.open();
  expect(await again.ended).toBe("whole");
  expect(again.parts.join("")).toBe("first, second");
  expect([served, world.paid().count]).toEqual([1, 1]);
});

describe("a relayed answer", () => {
  test.each(["itself", "the node above it"])(
    "breaks off when its agent is revoked: %s; a sibling's goes on",
    async (which) => {
      const { world, root, child, url, gone } = await start();
      const above = child(root, "above");
      const [evil, good] = [child(above, "evil"), child(root, "good")];
      const streams = await Promise.all(
        [evil, good].map((who, at) => buy(world, who, `${url}/stream/${at}`)),
      );
      const [cut, kept] = await Promise.all(
        streams.map((purchase) => {
          if (purchase.kind !== "response") throw new Error("nothing was relayed");
          return firstPart(purchase.response.body);
        }),
      );
      expect([cut!.text, kept!.text]).toEqual(["first", "first"]);
      const next = cut!.reader.read();
      const revoked = which === "itself" ? evil : above;
      const { nodes } = world.treasury.authority.verifier.authenticate(revoked.toString());
      await world.treasury.owner.revoke(nodes.at(-1)!.id);
      await expect(next).rejects.toThrow();
      await until(() => gone.length === 1);
      expect(gone).toEqual(["/stream/0"]);
      await kept!.reader.cancel();
    },
  );

  test("goes on when its agent is frozen", async () => {
    const { world, root, child, url, gone } = await start();
    const agent = child(root, "agent");
    const purchase = await buy(world, agent, `${url}/stream`);
    if (purchase.kind !== "response") throw new Error("nothing was relayed");
    const { reader } = await firstPart(purchase.response.body);
    const { node } = world.treasury.authority.verifier.authenticate(agent.toString());
    await world.treasury.owner.freeze(node.id);
    expect(gone).toEqual([]);
    await reader.cancel();
  });
});

test("an order whose service does not answer is refused with ERR_REVOKED when its agent is revoked", async () => {
  const { world, root, child, url, arrived } = await start();
  const evil = child(root, "evil");
  const order = buy(world, evil, `${url}/hang`);
  const refused = expect(order).rejects.toMatchObject({ code: "ERR_REVOKED" });
  await until(() => arrived.length === 1);
  await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
  await refused;
});

test("a paid order whose service does not answer says that it has spent, and the payment is kept", async () => {
  const { world, root, child, url, arrived } = await start();
  const evil = child(root, "evil");
  const order = buy(world, evil, `${url}/paid`);
  const refused = expect(order).rejects.toMatchObject({ spent: "yes" });
  await until(() => arrived.length === 2);
  await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
  await refused;
  expect(world.paid().count).toBe(1);
  expect(await world.treasury.owner.payments()).toMatchObject([{ status: "paid" }]);
});
