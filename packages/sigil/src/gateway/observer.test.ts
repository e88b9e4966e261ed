import { describe, expect, test } from "vitest";
import { answers, completion, town } from "./fixtures/town.ts";
import type { Observer, Row } from "./observer.ts";

function recorder() {
  const told: (readonly [event: string, row: Row, nodeId: string | undefined])[] = [];
  const observer: Observer = {
    opened: (row, verified) => told.push(["opened", row, verified.node.id]),
    settled: (row, verified) => told.push(["settled", row, verified?.node.id]),
    denied: (row, _denial, verified) => told.push(["denied", row, verified?.node.id]),
  };
  return { told, observer };
}

describe("every request is one row, and each observer is told of it", () => {
  test("a request that is let through is opened before anything is sent, and settled once", async () => {
    const { told, observer } = recorder();
    const world = await town({ observers: [observer] });
    const key = world.mint().delegate({ agent: "scout" });
    await (await world.chat(key)).text();
    await expect.poll(() => told.map(([event]) => event)).toEqual(["opened", "settled"]);
    const [[, opened], [, settled, nodeId]] = told as [(typeof told)[0], (typeof told)[0]];
    expect(opened).toMatchObject({ end: "open", model: "gpt-test", lineage: ["scout"] });
    expect(opened.reserved).toBeGreaterThan(0n);
    expect(settled).toMatchObject({
      ...{ id: opened.id, at: 1_900_000_000_000, end: "answered", status: 200, spent: 210n },
      ...{ service: "openai", route: "/v1/chat/completions", capability: "chat", nodeId },
    });
    expect(settled.id).toMatch(/^01ba60d33800[0-9a-f]{16}$/);
    expect(settled.durationMs).toBeGreaterThanOrEqual(settled.firstByteMs!);
  });

  test.each([
    ["that costs less", answers(completion(10, 20))],
    ["that costs nothing", answers("{}", 400)],
  ])(
    "an answer %s has in its row what another gateway charged for it meanwhile",
    async (_, play) => {
      const world = await town();
      const { books } = world;
      world.play(async (...exchange) => {
        for (const { id, amount } of await books.abandoned(Number.MAX_SAFE_INTEGER))
          await books.commit(id, amount, 0);
        await play(...exchange);
      });
      const key = world.mint();
      await (await world.chat(key)).text();
      await expect.poll(() => world.rows).toHaveLength(1);
      const [{ reserved, spent, isEstimated }] = world.rows as [Row];
      expect([spent, isEstimated]).toEqual([reserved, true]);
      expect(await world.usage(key)).toEqual([[reserved, 0n]]);
    },
  );

  test("a request that the vendor did not answer is settled, and not denied as well", async () => {
    const { told, observer } = recorder();
    const play = (_request: unknown, answer: { destroy(): void }) => answer.destroy();
    const world = await town({ observers: [observer], play });
    expect((await world.chat(world.mint())).status).toBe(502);
    expect(told.map(([event]) => event)).toEqual(["opened", "settled"]);
    expect(told[1]![1]).toMatchObject({
      ...{ end: "failed", status: 502, code: "upstream_unreachable", spent: 0n },
    });
  });

  test("a denial says whose it is once the credential is proven, and nothing before", async () => {
    const { told, observer } = recorder();
    const world = await town({ observers: [observer] });
    const key = world.mint().delegate({ agent: "scout" });
    await world.chat(key, { model: "gpt-unknown" });
    await world.chat("sk-0123");
    await world.chat(key, {}, { path: "/v1/unlisted" });
    const denied = { end: "denied", spent: undefined };
    expect(told.map(([, row]) => row)).toMatchObject([
      { ...denied, code: "model_not_priced", lineage: ["scout"], model: "gpt-unknown" },
      { ...denied, code: "credential_invalid", lineage: [], nodeId: undefined },
      { ...denied, code: "route_not_listed", lineage: [], route: undefined, path: "/v1/unlisted" },
    ]);
    expect(new Set(told.map(([, { id }]) => id)).size).toBe(3);
  });

  test("an observer that throws fails neither the request nor the observers after it", async () => {
    const { told, observer } = recorder();
    const fail = () => {
      throw new Error("no space");
    };
    const failing = { opened: fail, settled: fail, denied: fail };
    const world = await town({ observers: [failing, observer], play: answers("{}") });
    expect((await world.chat(world.mint())).status).toBe(200);
    expect((await world.chat("sk-0123")).status).toBe(401);
    await expect.poll(() => told.length).toBe(3);
    expect(world.alarms).toContain("a bug in sigil gateway: an observer of requests failed");
  });
});
