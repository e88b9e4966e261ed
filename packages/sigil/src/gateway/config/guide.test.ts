/** The example of the guide is a configuration, and means what the guide says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { explain, servicesOf } from "../check/explain.ts";
import { readConfigText } from "./read.ts";

const GUIDE = join(import.meta.dirname, "../../../../../docs/guides/gateway-configuration.md");

test.each([
  ["GET", "/openai/v1/models", "free", "free"],
  ["POST", "/openai/v1/audio/transcriptions", "credential", { unit: "usd_micro", value: 10_000n }],
  ["POST", "/openai/v1/chat/completions", "credential", "meter"],
  ["POST", "/openai/v1/embeddings", undefined, undefined],
  ["GET", "/weather/status", "free", "free"],
  ["GET", "/weather/forecast/tokyo", "freebie", { unit: "msat", value: 2000n }],
  ["POST", "/weather/v1/alerts", "credential", { unit: "msat", value: 2000n }],
  ["DELETE", "/weather/v1/alerts", undefined, undefined],
  ["GET", "/v1/models", undefined, undefined],
])("%s %s is for %s", (method, path, access, price) => {
  const [, text = ""] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(GUIDE, "utf8")) ?? [];
  const said = explain(servicesOf(readConfigText(text, "the guide")), method, path);
  if (said.kind !== "served") {
    expect(access).toBeUndefined();
    expect(said).toMatchObject({ kind: "denied", code: "route_not_listed" });
    return;
  }
  const { rule, charge } = said.route;
  expect([rule.access, charge.kind === "flat" ? charge.price : charge.kind]).toEqual([
    access,
    price,
  ]);
});
