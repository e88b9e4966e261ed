import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect, onTestFinished, test } from "vitest";
import { answers, town, VENDOR_KEY } from "../fixtures/town.ts";
import { listenForMetrics } from "./listen.ts";
import { GatewayMetrics } from "./metrics.ts";
import { requestTraces } from "./traces.ts";

const ANSWER = JSON.stringify({
  model: "gpt-test-2026-01-01",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" } }],
  usage: {
    prompt_tokens: 30,
    prompt_tokens_details: { cached_tokens: 10 },
    completion_tokens: 20,
    total_tokens: 50,
  },
});

test("metrics count requests, denials, tokens and money, on a port of their own", async () => {
  const metrics = new GatewayMetrics();
  const listening = await listenForMetrics(metrics, 0);
  onTestFinished(() => listening.close());
  const world = await town({ observers: [metrics], play: answers(ANSWER) });
  const key = world.mint();
  await (await world.chat(key)).text();
  await (await world.chat(key)).text();
  await (await world.chat(key, { model: "gpt-unknown" })).text();
  const read = async () => (await fetch(listening.url)).text();
  await expect.poll(read).toContain('end="answered"} 2');
  const text = await read();
  const service = 'service="openai"';
  const price = `${service},price="openai gpt-test of 2026-11-01"`;
  for (const line of [
    `sigil_gateway_requests_total{${service},route="/v1/chat/completions",status="2xx",end="answered"} 2`,
    `sigil_gateway_denials_total{${service},code="model_not_priced"} 1`,
    `sigil_gateway_tokens_total{${price},type="output"} 40`,
    `sigil_gateway_tokens_total{${price},type="cacheRead"} 20`,
    `sigil_gateway_request_seconds_count{${service},route="/v1/chat/completions"} 2`,
    `sigil_gateway_first_byte_seconds_count{${service},route="/v1/chat/completions"} 2`,
  ])
    expect(text).toContain(line);
  expect(text).toMatch(/sigil_gateway_spent_total\{.*unit="usd_micro"\} [1-9]/);
  for (const hidden of [VENDOR_KEY, key.toKey(), "gpt-unknown"]) expect(text).not.toContain(hidden);
  expect((await fetch(`${new URL(listening.url).origin}/v1/models`)).status).toBe(404);
  // Agents do not reach them.
  expect((await fetch(`${world.url}/metrics`)).status).toBe(403);
});

test("names that requests make up add no label", async () => {
  const metrics = new GatewayMetrics();
  const world = await town({ observers: [metrics], play: answers(ANSWER) });
  const root = world.mint();
  const count = async () => ((await metrics.text()).match(/^sigil_gateway/gm) ?? []).length;
  const ask = async (index: number) => {
    const key = root.delegate({ agent: `agent-${index}` });
    await (await world.chat(key, { model: `gpt-law-${index}` })).text();
    await (await world.chat(key, { model: `gpt-made-up-${index}` })).text();
    await (await world.chat(key, {}, { path: `/v1/made-up/${index}` })).text();
  };
  await ask(0);
  await expect.poll(async () => metrics.text()).toContain("gpt-law");
  const before = await count();
  for (let index = 1; index < 20; index++) await ask(index);
  await expect.poll(async () => metrics.text()).toContain('end="answered"} 20');
  expect(await count()).toBe(before);
});

test("a request is a span with the attributes of the conventions for generative AI", async () => {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  onTestFinished(() => trace.disable());
  const traces = (await requestTraces(() => "openai"))!;
  const world = await town({ observers: [traces], play: answers(ANSWER) });
  const key = world.mint().delegate({ agent: "scout" });
  await (await world.chat(key)).text();
  await (await world.chat(key, { model: "gpt-unknown" })).text();
  await expect.poll(() => exporter.getFinishedSpans().length).toBe(2);
  const [answered, denied] = exporter.getFinishedSpans();
  expect(answered).toMatchObject({
    name: "chat gpt-test",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-test",
      "gen_ai.response.model": "gpt-test-2026-01-01",
      // With what was read from the cache, as the conventions say.
      "gen_ai.usage.input_tokens": 30,
      "gen_ai.usage.cache_read.input_tokens": 10,
      "gen_ai.usage.output_tokens": 20,
      "gen_ai.agent.name": "scout",
      "http.response.status_code": 200,
      "http.route": "/v1/chat/completions",
    },
  });
  expect(denied!.attributes).toMatchObject({
    "error.type": "model_not_priced",
    "sigil.end": "denied",
  });
  const text = JSON.stringify(exporter.getFinishedSpans().map(({ attributes }) => attributes));
  for (const hidden of [VENDOR_KEY, key.toKey(), "Hello"]) expect(text).not.toContain(hidden);
});
