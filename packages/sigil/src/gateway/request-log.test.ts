import { expect, test } from "vitest";
import { plainLogger } from "../treasury/log.ts";
import { town } from "./fixtures/town.ts";
import { GatheredLines } from "./gathered-lines.ts";
import type { Row } from "./observer.ts";
import { requestLog } from "./request-log.ts";
import { usageOf } from "./usage.ts";

const ROW: Row = {
  ...{ id: "0".repeat(28), at: 1_900_000_000_000, method: "POST", path: "/v1/chat/completions" },
  ...{ service: "openai", route: "/v1/chat/completions", capability: "chat", lineage: ["scout"] },
  ...{ nodeId: "0123456789abcdef0123456789abcdef", model: "gpt-test", status: 200 },
  ...{ end: "answered", code: undefined, wouldDeny: undefined, unit: "usd_micro", reserved: 500n },
  ...{ spent: 210n, isEstimated: false, usage: usageOf({ input: 10, output: 20 }) },
  ...{ price: "openai gpt-test", durationMs: 12, firstByteMs: 3 },
};

function logged(row: Row): string {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  requestLog(plainLogger("info", stream)).settled!(row, undefined);
  return lines.join("");
}

test("a line has every member of the row, with amounts as texts in their unit", () => {
  const { reserved: _, spent: __, unit: ___, code: ____, wouldDeny: _____, ...rest } = ROW;
  const line = JSON.parse(logged(ROW));
  expect(line).toMatchObject({
    ...JSON.parse(JSON.stringify(rest)),
    ...{ level: "info", msg: "settled", reservedUsdMicro: "500", spentUsdMicro: "210" },
  });
  expect(Object.keys(JSON.parse(logged({ ...ROW, unit: "msat" })))).toContain("spentMsat");
});

test("a secret in a text that a request or an answer chose is not in the line", async () => {
  const { mint } = await town();
  const secrets = [mint().toKey(), mint().toString(), "a1".repeat(32)];
  for (const secret of secrets) {
    const usage = usageOf({});
    const places: readonly Partial<Row>[] = [
      { method: secret },
      { path: `/v1/${secret}` },
      { lineage: ["scout", secret] },
      { model: secret },
      { usage: { ...usage, model: secret } },
      { usage: { ...usage, tier: secret } },
      { usage: { ...usage, calls: { [secret]: 1 } } },
      { usage: { ...usage, units: { [secret]: 1 } } },
    ];
    // Also when the text was seen before.
    for (const place of places)
      for (const line of [logged({ ...ROW, ...place }), logged({ ...ROW, ...place })]) {
        expect(line).not.toContain(secret);
        expect(line).toContain("(not shown)");
      }
  }
});

test("a member that nobody has decided about is not logged", () => {
  expect(logged({ ...ROW, authorization: "Bearer xyz" } as Row)).not.toContain("xyz");
});

test("lines are written together after a moment, when they are many, and at the end", () => {
  const written: string[] = [];
  const timers: (() => void)[] = [];
  const lines = new GatheredLines({ write: (text) => written.push(text) }, (_ms, act) =>
    timers.push(act),
  );
  lines.write("a\n");
  lines.write("b\n");
  expect([written, timers.length]).toEqual([[], 1]);
  timers[0]!();
  expect(written).toEqual(["a\nb\n"]);
  lines.write("c\n");
  lines.write("x".repeat(64 * 1024));
  expect(written[1]).toMatch(/^c\nx+$/);
  lines.write("d\n");
  lines.flush();
  lines.flush();
  expect(written.slice(2)).toEqual(["d\n"]);
});
