import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { sigil } from "../../../../../test/e2e/support/sigil.ts";
import { putRow } from "../books/rows.ts";
import { openSqliteBooks } from "../books/sqlite.ts";
import type { Row } from "../observer.ts";
import { usageOf } from "../usage.ts";

const DAY = Date.parse("2026-11-05T12:00:00Z");
let made = 0;

const row = (more: Partial<Row>): Row => ({
  ...{ id: `${DAY.toString(16).padStart(12, "0")}${made++}`, at: DAY, method: "POST", path: "/" },
  ...{ service: "openai", route: "/v1/chat/completions", capability: "chat", lineage: [] },
  ...{ nodeId: "n", model: "gpt-4.1", status: 200, end: "answered", code: undefined },
  ...{ wouldDeny: undefined, unit: "usd_micro", reserved: 5_000n, spent: 2_800n },
  ...{ isEstimated: false, usage: usageOf({ input: 600, cacheRead: 400, output: 100 }) },
  ...{ price: "openai gpt-4.1", durationMs: 1, firstByteMs: 1 },
  ...more,
});

function stage(csv: string) {
  const dir = mkdtempSync(join(tmpdir(), "sigil-reconcile-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const books = openSqliteBooks(join(dir, "gateway.db"));
  const claude = { service: "anthropic", model: "claude-haiku-4-5", spent: 1_500n } as const;
  const usage = usageOf({ input: 500, cacheRead: 200, cacheWrite5m: 300, output: 100 });
  const denied = { end: "denied", spent: undefined, usage: undefined } as const;
  void books.write(
    [row({}), row({}), row(denied), row({ ...claude, usage })].map((one) => putRow(one)),
  );
  void books.close();
  const file = join(dir, "usage.csv");
  writeFileSync(file, csv);
  return async (...args: string[]) => {
    const { code, stdout, stderr } = await sigil([
      ...["gateway", "reconcile", file, "--dir", dir],
      ...args,
    ]);
    return { code, stdout, stderr };
  };
}

/** The first lines of the exports, as they are downloaded today; names and ids are made up. */
const OPENAI_USAGE =
  "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens";
const OPENAI_COST =
  "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id,organization_name";
const ANTHROPIC_USAGE =
  "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed";
const ANTHROPIC_COST =
  "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed";
const START = Date.parse("2026-11-05T00:00:00Z") / 1000;
const openaiUsage = (requests: number, input: number, output: number): string =>
  `${OPENAI_USAGE}\n${START},${START + 86_400},2026-11-05T00:00:00+00:00,2026-11-06T00:00:00+00:00,proj_1,${requests},,,gpt-4.1-2025-04-14,,,${input},${output},800,1200\n`;

describe("an export that agrees with the books", () => {
  test.each([
    ["OpenAI's usage", openaiUsage(2, 2000, 200)],
    [
      "OpenAI's costs by line item, with a day without any",
      `${OPENAI_COST}\n${START - 86_400},${START},,,,,,,,\n${START},${START + 86_400},,,0.0036,usd,"gpt-4.1-2025-04-14, input",,,\n${START},${START + 86_400},,,0.0020000000000000,usd,"gpt-4.1-2025-04-14, output",,,\n`,
    ],
    [
      "OpenAI's costs of days alone",
      `${OPENAI_COST}\n${START},${START + 86_400},,,0.0056,usd,,,org-1,Personal\n`,
    ],
    [
      "Anthropic's usage",
      `\uFEFF${ANTHROPIC_USAGE}\r\n2026-11-05,claude-haiku-4-5-20251001,"Key, of mine",Default,standard,≤ 200k,500,300,0,200,100,0,not_available,\r\n`,
    ],
    [
      "Anthropic's costs",
      `${ANTHROPIC_COST}\n2026-11-05,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.0005,0.0005,token,,\n2026-11-05,Claude Haiku 4.5,Default,k,message,≤ 200k,output,0.001,0.001,token,,\n`,
    ],
  ])("%s has no drift", async (_what, csv) => {
    const { code, stdout, stderr } = await stage(csv)("--max-drift", "0", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const { lines, totals } = JSON.parse(stdout);
    expect(lines.length).toBeGreaterThan(0);
    for (const { driftPercent } of [...lines, ...totals]) expect(driftPercent).toBe(0);
  });
});

describe("an export that differs", () => {
  test("is shown by day and model in 80 columns, and exits with 1", async () => {
    const run = stage(openaiUsage(2, 2100, 200));
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^2026-11-05 {2}gpt-4-1 +input +2000 +2100 +-4\.76% \*$/m);
    expect(stdout).toMatch(/^all +input +2000 +2100 +-4\.76% \*$/m);
    expect(stdout).toContain("* more than 1 % apart: 1 of 3");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await run("--max-drift", "5%")).code).toBe(0);
  });

  test("shows what one side alone has: a key that is used elsewhere, or a request not billed", async () => {
    const line = `${START},${START + 86_400},,,,3,,,gpt-5,,,100,10,0,100`;
    const { code, stdout } = await stage(`${openaiUsage(2, 2000, 200)}${line}\n`)();
    expect(code).toBe(1);
    expect(stdout).toMatch(/gpt-5 +input +0 +100 +-100% \*/);
    const none = await stage(`${OPENAI_USAGE}\n${line}\n`)("--json");
    const { lines } = JSON.parse(none.stdout);
    expect(lines.find(({ model }: { model: string }) => model === "gpt-4-1")).toMatchObject({
      ours: 2000,
      theirs: 0,
    });
  });

  test("an export of another vendor is read by columns that are named", async () => {
    const run = stage("Date,Modell,Prompt,Completion,Cost\n2026-11-05,gpt-4.1,2000,200,$0.0056\n");
    const named = ["day=Date", "model=Modell", "input=Prompt", "output=Completion", "usd=Cost"];
    const flags = [...named.flatMap((one) => ["--column", one]), "--service", "openai"];
    expect(await run(...flags)).toMatchObject({ code: 0, stderr: "" });
    expect((await run()).stderr).toContain("no export of OpenAI or Anthropic");
  });
});

test.each([
  ["a column that is not there", openaiUsage(1, 1, 1), ["--column", "day=when"], "no such column"],
  ["a drift that is none", openaiUsage(1, 1, 1), ["--max-drift", "little"], "--max-drift must be"],
  ["a service that is not there", openaiUsage(1, 1, 1), ["--service", "x"], "no such service"],
  ["a text for a number", openaiUsage(1, 1, 1).replace(",1,1,800", ",many,1,800"), [], "Line 2"],
  ["a quote without an end", `${OPENAI_USAGE}\n"a,b`, [], "no CSV"],
])("refuses %s", async (_what, csv, args, message) => {
  const { code, stderr } = await stage(csv)(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
